r"""One spelling for each notation: `\dfrac12`, `\frac{1}{2}` and `½` become the same text.

Rules live in tables and run in order. The result is still LaTeX that math-verify can parse.
"""

from __future__ import annotations

import re

from pfsolve.answers.characters import latex_characters
from pfsolve.answers.damage import without_tags
from pfsolve.answers.words import digits_for_words


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
        "therefore": " ",
        "lg": r"\log_{10} ",
        "bmod mod": r"\pmod ",
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
        "bar dot": r"\overline",
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

# Functions of programs.
_ARG = r"(?:[^(),]|\([^()]*\))+"
_CALLS_OF_1 = [
    ("abs", r"|\1|"),
    (r"\\?exp", r"e^{\1}"),
    ("cbrt", r"\\sqrt[3]{\1}"),
    (r"\\?sqrt", r"\\sqrt{\1}"),
    ("factorial", r"(\1)!"),
]
_CALLS_OF_2 = [
    ("Fraction|Rational", r"\\frac{\1}{\2}"),
    ("comb|binomial", r"\\binom{\1}{\2}"),
    ("pow", r"(\1)^{\2}"),
]

# What is no plain macro, as (pattern, replacement), applied top to bottom.
_RULES: list[tuple[re.Pattern[str], str]] = [
    (re.compile(pattern), replacement)
    for pattern, replacement in [
        (r"\\(?:begin|end)\{(?:align|aligned|equation|gather|cases)\*?\}", " "),
        (r"(?<!\\)\\[\[\]()]", " "),  # \[ \] \( \)
        (r"^\s*\\?\$\s*(-?\d[\d,]*(?:\.\d+)?)(?![^A-Za-z]*\$)\s*$", r"\1 dollars"),
        (r"\\?\$", " "),
        (r"\\(?:left|right)\.", ""),
        (r"(\d),\\!\s*(?=\d{3})", r"\1,"),  # 1,\!000 and 1{,}000
        (r"(\d)\{,\}\s*(?=\d{3})", r"\1,"),
        (r"(?<!\\)\\!", ""),
        (r"(?<!\\)\\[,;: ]|~(?!\s*\d)", " "),
        (r"\\%|(?<=\d)\s*per\s?cent(?![A-Za-z])", "%"),
        (r"<=|=<", r"\\leq "),
        (r">=", r"\\geq "),
        (r"(?<=\s)!=|(?<=[A-Za-z])!=(?=\s)", r"\\neq "),  # but 3!=6
        (r"\*\*", "^"),
        (r"\+/-|^\s*\+-", r"\\pm "),
        (r"\.\.\.+", r"\\ldots "),
        (r"(?<=[)\]])\s*U\s*(?=[(\[])", r" \\cup "),
        (r"(?<=[A-Za-z])\s+in\s+(?=[(\[])", r" \\in "),
        (r"(?<=\d)\s?(?:st|nd|rd|th)(?![A-Za-z])", ""),
        (r"(?i)^\s*(?:approximately|approx\.|about|roughly|around|~)\s*(?=[-\d.\\])", r"\\approx "),
        (r"^([^()]*)\(\s*approx[a-z]*\.?\s*\)\s*$", r"\\approx \1"),
        # 9 (apples) is 9 apples, yes (she can) is yes
        (r"^\s*(-?\d[\d,./]*%?|\\frac\{\d+\}\{\d+\})\s+\((?!mod|base)([A-Za-z][A-Za-z /.]+)\)\s*$", r"\1 \2"),
        (r"^\s*([A-Za-z]{2,})\s+\([A-Za-z][A-Za-z ]+\)\s*$", r"\1"),
        (r"(?<![A-Za-z\\])(?:inf|oo|infinity)(?![A-Za-z])", r"\\infty "),
        (r"\+\s*\\infty", r"\\infty"),
        # as programs write
        (r"(?<![A-Za-z\\])(?:np|numpy|math|cmath|sp|sympy|torch)\.(?=[A-Za-z])", ""),
        (r"(?<![A-Za-z\\])(?:(?:float|int|complex)\d*|array|tensor|Decimal|Integer|Float)(?=\()", ""),
        (r",\s*(?:dtype|device|requires_grad)=[^,)]*", ""),
        *((rf"(?<![A-Za-z\\])(?:{name})\(({_ARG}),\s*({_ARG})\)", latex) for name, latex in _CALLS_OF_2),
        *((rf"(?<![A-Za-z])(?:{name})\s*\(({_ARG})\)", latex) for name, latex in _CALLS_OF_1),
        (r"(?<![A-Za-z\\])a(?:rc)?(sin|cos|tan)(?![A-Za-z])", r"\\arc\1"),
        (r"(?<![A-Za-z\\])(sqrt|pi|sin|cos|tan|log|ln)(?![A-Za-z])", r"\\\1"),
        (r"^(\(?-?\d[\d.]*\s*[-+]\s*\d*\.?\d*)j(\)?)$", r"\1i\2"),
        (r"(?<=\d)_(?=\d{3}(?!\d))", ""),
        (r"(?<=\d)\s+[xX]\s+(?=\d)|(?<=\d)\s*[xX]\s*(?=10\s*\^)", r"\\cdot "),
        (r"\(([^(),]+),\)", r"(\1)"),
        (r"(\\sqrt(?:\[\d\])?)\s*(\d+|[A-Za-z](?![A-Za-z]))", r"\1{\2}"),
        (r"\\frac\s*([A-Za-z\d]|\\pi(?![A-Za-z]))", r"\\frac{\1}"),
        (r"(\\frac\s*\{[^{}]*\})\s*([A-Za-z\d]|\\pi(?![A-Za-z]))", r"\1{\2}"),
        (r"\^\s*(\\frac\s*\{[^{}]*\}\s*\{[^{}]*\})", r"^{\1}"),
        (r"\^\s*(-?\d{2,}|-\d)", r"^{\1}"),
        (r"\^\(([^()]*)\)", r"^{\1}"),
        (r"\\overline\s*([A-Za-z\d])", r"\\overline{\1}"),
        (r"\\overline\{(\d)\}(\d*)\\overline\{(\d)\}", r"\\overline{\1\2\3}"),
        (r"\^\s*\{\s*\\circ\s*\}|\^\s*\\circ", r"^\\circ "),
        (r"(?:\{\s*\})?(?:[\^_]\s*\{?(\d+)\}?|(?<![\w^}])(\d+))\s*C_?\s*\{?(\d+)\}?", r"\\binom{\1\2}{\3}"),
        (r"([\^_])\s*\{\s*([A-Za-z\d])\s*\}", r"\1\2"),
        (r"\(?(?<!\w)(\w+)\)?\s*\(?\s*base\s+(\d+)\s*\)?", r"\1_{\2}"),
        (r"\\pmod\s*\{?\s*(\d+)\s*\}?|\(\s*mod\s+(\d+)\s*\)|(?<=[\d\s])mod\s+(\d+)", r"\\pmod{\1\2\3} "),
        (r"(?<=[\d}])\s*:\s*(?=[\d\\])", ":"),
        (r"(?<=\d)\s*o'clock", ":00"),
        (r"\\mathbb\s*([A-Z])", r"\\mathbb{\1}"),
        (r"(\\mathbb\{[A-Z]\})\s*(?:-|\\backslash|\\smallsetminus|\\)\s*(?=\\\{)", r"\1\\setminus "),
        (r"\\mathbb\{R\}\s*(?:\^\s*\{?\+\}?|_\{>0\}|_\+)", r"(0, \\infty)"),
        (r"^([a-z])\s*\\in\s*\\mathbb\{R\}\s*(?:,|and|with|where)\s*(?=\1)", ""),
        # ]a, b[ is an open interval
        (r"\]([^][(),]*[^][(),\s],[^][(),]+[][)])", r"(\1"),
        (r"([(\[][^][(),]*[^][(),\s],[^][(),]*[^][(),\s])\[", r"\1)"),
        (r"\^\s+", "^"),
    ]
]  # fmt: skip
# Units of one letter are units only in an upright font: 5\mathrm{m}, 3 \text{ m/s}.
_SHORT_UNIT = re.compile(
    r"(?<=[\d}])(?:\s|\\[ ,;])*" + _FONT + r"\{(?:\s|~|\\[ ,;])*([mgshLlVWNJKCF])"
    r"(\s*/\s*[a-z]+(?:\^?\{?\d\}?)?)?\s*\}(\^\{?[23]\}?)?"
)
_LETTERS = {"m": "meter", "g": "gram", "s": "second", "h": "hour", "L": "liter", "l": "liter"}
_LETTERS |= {"V": "volt", "W": "watt", "N": "newton", "J": "joule", "K": "kelvin"}
_BASIS = re.compile(
    r"\\(?:mathbf|boldsymbol|bm|hat|vec|widehat)\s*(?:\{\s*\\?([ijk])(?:math)?\s*\}|\\?([ijk])(?:math)?(?![A-Za-z]))"
)
_SPACES = re.compile(r"\s+")


_REALS = r"(?:the )?(?:set of )?(?:all )?(?:the )?real(?:s| numbers)"
_PHRASES = [
    (re.compile(pattern, re.IGNORECASE), latex)
    for pattern, latex in [
        (_REALS, r"\\mathbb{R}"),
        (_REALS + " except (?:for )?(.+)", r"\\mathbb{R}\\setminus\\{\1\\}"),
        (r"(?:all )?positive real(?:s| numbers)", r"(0, \\infty)"),
        (
            r"(?:the )?empty set|none|(?:there (?:is|are|exists?) |the \w+ has |it has )?"
            r"no (?:(?:[a-z]+ )?(?:solutions?|roots?)|such [a-z]+)(?: exists?)?",
            r"\\emptyset",
        ),
        (
            r"(?:it |the [a-z]+ )?(?:(?:does not|doesn't) exist|(?:is )?(?:undefined|not defined))|DNE",
            "undefined",
        ),
    ]
]  # fmt: skip


def normalise(text: str) -> str:
    """One spelling of an answer: characters, macros, fonts, delimiters and spaces.

    Words keep the spaces around them, since lists ("2 or 3") and units are told by them.
    """
    text = _SHORT_UNIT.sub(_spelt_unit, latex_characters(without_tags(text)))
    text = _BASIS.sub(lambda basis: rf"\hat{{{basis[1] or basis[2]}}}", text)
    for _ in range(3):  # \text{\textbf{...}}
        text = _TEXT.sub(_plain_words, text)
    text = digits_for_words(text)
    text = _MACRO.sub(lambda macro: _MACROS.get(macro[1], macro[0]), text)
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    text = _SPACES.sub(" ", text).strip().strip("\"'`*").rstrip(".,;:").strip()
    return next(
        (m.expand(latex) for phrase, latex in _PHRASES if (m := phrase.fullmatch(text))), text
    )


def _spelt_unit(match: re.Match[str]) -> str:
    return f" {_LETTERS.get(match[1], match[1])}{match[2] or ''}{match[3] or ''} "


def _plain_words(match: re.Match[str]) -> str:
    r"""The content of \text{...}: a symbol as it is, a word or unit set off by spaces."""
    content = match[1].strip()
    return content if re.fullmatch(r"\w?", content) else f" {content} "


def key(text: str) -> str:
    """What two texts share when they are the same text: no spaces, words in lower case."""
    text = re.sub(r"\\cdot\s*(?=[A-Za-z\\({])", "", text)
    if is_words(text):
        text = _ARTICLE.sub("", text).lower()
        return re.sub(r"[^a-z\d]", "", _CLASS.sub("", text)) or text
    return re.sub(r"(?<!\d)\s+|\s+(?!\d)", "", text)  # 1 1/2 is not 11/2


_ARTICLE = re.compile(r"\b(?:an?|the|An|The)\s+(?=[A-Za-z])")  # but not in "Plan A"
_CLASS = re.compile(r"(?<=[a-z]{3})\s+(?:function|number|integer|triangle|angle|solid|polygon)s?$")
_WORDS = re.compile(r"[A-Za-z][A-Za-z\s'.,-]*[A-Za-z.]")
_PRODUCT = re.compile(r"[b-df-hj-np-tv-z]+")


def is_words(text: str) -> bool:
    """Whether an answer is plain words ("east", "no", "ABC") and no formula, as xyz is."""
    return (
        _WORDS.fullmatch(text) is not None
        and re.search(r"[A-Za-z]{2}", text) is not None
        and not _PRODUCT.fullmatch(text)
    )
