r"""One spelling for each notation: `\dfrac12`, `\frac{1}{2}` and `½` become the same text.

Rules live in tables and run in order. The result is still LaTeX that math-verify can parse.
"""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction

# Characters that models write instead of LaTeX.
_UNICODE = {
    "−": "-", "–": "-", "—": "-", "×": r"\cdot ", "·": r"\cdot ", "⋅": r"\cdot ", "∗": "*",
    "÷": "/", "⁄": "/", "π": r"\pi ", "∞": r"\infty ", "≤": r"\leq ", "≥": r"\geq ", "≠": r"\neq ",
    "±": r"\pm ", "∓": r"\mp ", "∪": r"\cup ", "∩": r"\cap ", "∈": r"\in ", "°": r"^\circ ",
    "√": r"\sqrt ", "∅": r"\emptyset ", "θ": r"\theta ", "α": r"\alpha ", "β": r"\beta ",
    "γ": r"\gamma ", "λ": r"\lambda ", "φ": r"\phi ", "ω": r"\omega ", "≈": r"\approx ",
    "ℝ": r"\mathbb{R}", "ℤ": r"\mathbb{Z}", "ℕ": r"\mathbb{N}", "ℚ": r"\mathbb{Q}",
    "“": '"', "”": '"', "’": "'", "‘": "'", "′": "'", "²": "^2", "³": "^3",
    "½": r"\frac{1}{2}", "¼": r"\frac{1}{4}", "¾": r"\frac{3}{4}", "⅓": r"\frac{1}{3}",
    "⅔": r"\frac{2}{3}",
}  # fmt: skip


def _table(rows: dict[str, str]) -> dict[str, str]:
    """One entry per name from rows that map several names, separated by spaces, to one spelling."""
    return {name: spelling for names, spelling in rows.items() for name in names.split()}


# Macros by name; all others stay.
_MACROS = _table(
    {
        "left right middle big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr": "",
        "displaystyle textstyle limits nolimits nonumber hfill boxed fbox": " ",
        "quad qquad enspace enskip thinspace": "  ",
        "dfrac tfrac cfrac": r"\frac",
        "dbinom tbinom": r"\binom",
        "cdots dots dotsc dotsb": r"\ldots ",
        "cdot times ast": r"\cdot ",
        "div": "/",
        "le leqslant leqq": r"\leq ",
        "ge geqslant geqq": r"\geq ",
        "ne": r"\neq ",
        "lt": "<",
        "gt": ">",
        "lbrace": r"\{",
        "rbrace": r"\}",
        "lvert rvert lVert rVert vert": "|",
        "langle lparen": "(",
        "rangle rparen": ")",
        "lbrack": "[",
        "rbrack": "]",
        "varnothing": r"\emptyset",
        "implies Rightarrow Longrightarrow": " , ",
        "degree degrees": r"^\circ ",
        "bar": r"\overline",
        "asin": r"\arcsin",
        "acos": r"\arccos",
        "atan": r"\arctan",
    }
)
_MACRO = re.compile(r"\\([A-Za-z]+)")

_FONT = (
    r"\\(?:text|textbf|textnormal|textrm|textit|textsf|mbox|hbox|operatorname|boldsymbol|bm"
    r"|mathrm|mathbf|mathit|mathsf|mathnormal)\*?\s*"
)
_TEXT = re.compile(_FONT + r"\{([^{}]*)\}")

# What is no plain macro, as (pattern, replacement), applied top to bottom.
_RULES: list[tuple[re.Pattern[str], str]] = [
    (re.compile(pattern), replacement)
    for pattern, replacement in [
        (r"\\(?:begin|end)\{(?:align|aligned|equation|gather|cases)\*?\}", " "),
        (r"(?<!\\)\\[\[\]()]", " "),  # \[ \] \( \)
        (r"\\?\$", " "),
        (r"\\(?:left|right)\.", ""),
        (r"(\d),\\!\s*(?=\d{3})", r"\1,"),  # 1,\!000 and 1{,}000
        (r"(\d)\{,\}\s*(?=\d{3})", r"\1,"),
        (r"(?<!\\)\\!", ""),
        (r"(?<!\\)\\[,;: ]|~", " "),
        (r"\\%", "%"),
        (r"<=|=<", r"\\leq "),
        (r">=", r"\\geq "),
        (r"(?<=\s)!=|(?<=[A-Za-z])!=(?=\s)", r"\\neq "),  # but 3!=6
        (r"\*\*", "^"),
        (r"\+/-|^\s*\+-", r"\\pm "),
        (r"(?<=[)\]])\s*U\s*(?=[(\[])", r" \\cup "),
        (r"(?<=[A-Za-z])\s+in\s+(?=[(\[])", r" \\in "),
        (r"(?<=\d)\s?(?:st|nd|rd|th)(?![A-Za-z])", ""),
        (r"(?i)^\s*(?:approximately|about|roughly|around)\s+|\(\s*approx[a-z]*\s*\)\s*$", ""),
        (r"(?<![A-Za-z\\])(?:inf|oo|infinity)(?![A-Za-z])", r"\\infty "),
        (r"\+\s*\\infty", r"\\infty"),
        (r"(?<![A-Za-z\\])(sqrt|pi|sin|cos|tan|log|ln)(?![A-Za-z])", r"\\\1"),
        (r"\\sqrt\s*\(([^()]*)\)", r"\\sqrt{\1}"),
        (r"\\sqrt\s*(\d|[A-Za-z](?![A-Za-z]))", r"\\sqrt{\1}"),
        (r"\\frac\s*(\d|\\pi(?![A-Za-z]))", r"\\frac{\1}"),
        (r"(\\frac\s*\{[^{}]*\})\s*([A-Za-z\d]|\\pi(?![A-Za-z]))", r"\1{\2}"),
        (r"\\overline\s*([A-Za-z\d])", r"\\overline{\1}"),
        (r"\^\s*\{\s*\\circ\s*\}|\^\s*\\circ", r"^\\circ "),
        (r"([\^_])\s*\{\s*([A-Za-z\d])\s*\}", r"\1\2"),
        (r"\^\s+", "^"),
    ]
]  # fmt: skip
# Units of one letter are units only in an upright font: 5\mathrm{m}, 3 \text{ m/s}.
_SHORT_UNIT = re.compile(
    r"(?<=[\d}])(?:\s|\\[ ,;])*" + _FONT + r"\{(?:\s|~|\\[ ,;])*[mgshLlVWNJKCF]"
    r"(?:\s*/\s*[a-z]+(?:\^?\{?\d\}?)?)?\s*\}(?:\^\{?[23]\}?)?"
)
_SPACES = re.compile(r"\s+")


_PHRASES = [
    (re.compile(pattern, re.IGNORECASE), latex)
    for pattern, latex in [
        (r"(?:all )?real numbers|all reals", r"\mathbb{R}"),
        (
            r"(?:the )?empty set|none|(?:there (?:is|are) )?no (?:real )?(?:solutions?|roots?)"
            r"(?: exists?)?",
            r"\emptyset",
        ),
    ]
]


def normalise(text: str) -> str:
    """One spelling of an answer: characters, macros, fonts, delimiters and spaces.

    Words keep the spaces around them, since lists ("2 or 3") and units are told by them.
    """
    for character, latex in _UNICODE.items():
        if character in text:
            text = text.replace(character, latex)
    text = _SHORT_UNIT.sub("", unicodedata.normalize("NFKC", text))
    for _ in range(3):  # \text{\textbf{...}}
        text = _TEXT.sub(_plain_words, text)
    text = _MACRO.sub(lambda macro: _MACROS.get(macro[1], macro[0]), text)
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    text = _SPACES.sub(" ", text).strip().strip("\"'`*").rstrip(".,;:").strip()
    return next((latex for phrase, latex in _PHRASES if phrase.fullmatch(text)), text)


def _plain_words(match: re.Match[str]) -> str:
    r"""The content of \text{...}: a symbol as it is, a word or unit set off by spaces."""
    content = match[1].strip()
    return content if re.fullmatch(r"\w?", content) else f" {content} "


def key(text: str) -> str:
    """What two texts share when they are the same text: no spaces, words in lower case."""
    text = re.sub(r"\\cdot\s*(?=[A-Za-z\\({])", "", text)
    if is_words(text):
        return re.sub(r"\b(?:a|an|the)\b|[^a-z\d]", "", text.lower()) or text.lower()
    return re.sub(r"(?<!\d)\s+|\s+(?!\d)", "", text)  # 1 1/2 is not 11/2


def is_words(text: str) -> bool:
    """Whether an answer is plain words ("east", "no solution") and no formula."""
    return re.fullmatch(r"[A-Za-z][A-Za-z\s'.,-]*[A-Za-z.]", text) is not None and bool(
        re.search(r"[A-Za-z]{3}", text)
    )


# --- single values ---------------------------------------------------------------------------

_CURRENCY = re.compile(r"^(?:[£€¥]|US\$?|USD|Rs\.?)\s*(?=[-\d.])|(?<=\d)\s*[£€¥]$")
# Words of three letters and more count as units; "5xy" and "5 xy" are no number of xy.
_UNIT = (
    r"(?:\s*(?<![A-Za-z])(?:[cmk]m|k?g|mg|m[lL]|ft|in|mi|hrs?|lbs?|oz|yd|[ap]m|kW|Hz)"
    r"|\s+(?:m|g|L)(?=/[a-z])|\s+of\s+(?:an?|the)\s+[A-Za-z]+"
    r"|\s+[A-Za-z]{3,}|(?<![A-Za-z])[A-Za-z]{4,})(?![A-Za-z])\.?"
)
_PER = r"(?:\s*(?:/|\bper\b)\s*[A-Za-z]+(?![A-Za-z])|\s*\^\{?-?\d\}?|-[A-Za-z]+(?![A-Za-z]))*"
_UNIT_WORDS = re.compile(rf"(?<=[\d)}}!%])(?:{_UNIT}{_PER})+\s*$")
_TRIGONOMETRIC = re.compile(r"\\(?:sin|cos|tan|cot|sec|csc)(?![A-Za-z])")


def strip_unit(text: str) -> str:
    """A value without unit, currency or degree sign: "10 hours" is 10, "36^\\circ" is 36."""
    text = _CURRENCY.sub("", text.strip()).strip()
    if not _TRIGONOMETRIC.search(text):
        text = re.sub(r"\s*\^\\circ(?:\s*[CF]\b)?", "", text)
    stripped = _UNIT_WORDS.sub("", text).strip()
    return stripped or text


_THOUSANDS = re.compile(r"\d{1,3}(?:[ ,]\d{3})+(?!\d)")
_DECIMAL = r"(?:\d+(?:\.\d*)?|\.\d+)"
_POWER_OF_TEN = re.compile(
    rf"({_DECIMAL})e([+-]?\d{{1,3}})|(?:({_DECIMAL})(?:\*|\\cdot))?10\^\{{?([+-]?\d{{1,3}})\}}?",
    re.IGNORECASE,
)
_REPEATING = re.compile(r"(\d*)\.(\d*)\\overline\{(\d+)\}")
_FRACTION = re.compile(
    rf"(?:\\frac\{{(-?{_DECIMAL})\}}\{{(-?{_DECIMAL})\}}|({_DECIMAL})/({_DECIMAL}))"
)
_MIXED = re.compile(r"(\d[\d ]*?)(?: +(\d+)/(\d+)| *\\frac\{(\d+)\}\{(\d+)\})")
_NUMBER_LENGTH = 400


def number(text: str) -> Fraction | None:
    """Exact value of a plain number: 12, 1.5, 3/4, 1 1/2, 1,234, 3e-7, 0.\\overline{3}.

    Returns None for everything else, division by zero and numbers of absurd length included.
    """
    if not text or len(text) > _NUMBER_LENGTH or not re.search(r"\d", text):
        return None
    text = text.strip()
    sign = 1
    while text and text[0] in "+-":
        sign, text = (-sign if text[0] == "-" else sign), text[1:].strip()
    try:
        value = _unsigned(text)
    except (ValueError, ZeroDivisionError):
        return None
    return None if value is None else sign * value


def _unsigned(text: str) -> Fraction | None:
    text = _THOUSANDS.sub(lambda m: re.sub("[ ,]", "", m[0]), text)
    if re.fullmatch(_DECIMAL, text):
        return Fraction(text)
    if mixed := _MIXED.fullmatch(text):
        top, bottom = (mixed[2], mixed[3]) if mixed[2] else (mixed[4], mixed[5])
        return Fraction(mixed[1].replace(" ", "")) + Fraction(int(top), int(bottom))
    if re.search(r"\d \d", text):  # several numbers
        return None
    text = text.replace(" ", "")
    while text.startswith("{") and text.endswith("}") and "{" not in text[1:]:
        text = text[1:-1]
    if re.fullmatch(_DECIMAL, text):
        return Fraction(text)
    if fraction := _FRACTION.fullmatch(text):
        top, bottom = (fraction[1], fraction[2]) if fraction[1] else (fraction[3], fraction[4])
        return Fraction(top) / Fraction(bottom)
    if power := _POWER_OF_TEN.fullmatch(text):
        return Fraction(power[1] or power[3] or 1) * Fraction(10) ** int(power[2] or power[4])
    if repeating := _REPEATING.fullmatch(text):
        whole, start, period = repeating.groups()
        head = Fraction(f"{whole or 0}.{start or 0}")
        return head + Fraction(int(period), (10 ** len(period) - 1) * 10 ** len(start))
    return None


_CLOCK = re.compile(r"(\d{1,2}):(\d{2})\s*(?:([ap])\.?\s*m\.?)?", re.IGNORECASE)


def clock(text: str) -> int | None:
    """Minutes since midnight of a time of day, "20:34" or "8:34 P.M."; None for everything else."""
    match = _CLOCK.fullmatch(text.strip())
    if not match:
        return None
    hour = int(match[1])
    if match[3]:
        hour = hour % 12 + (12 if match[3].lower() == "p" else 0)
    return 60 * hour + int(match[2])
