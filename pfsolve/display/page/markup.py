r"""Text of models, programs and files as HTML that is text and nothing else, with its mathematics rendered.

Whatever is written here is escaped: no tag, attribute or address of a text's becomes one of the page's.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from html import escape, unescape
from typing import Any

from pfsolve.display.latex.symbols import BLOCKS, GRIDS

_LONGEST = 2000  # characters of a formula that is rendered
_GRIDS = "|".join(sorted(BLOCKS | GRIDS.keys()))
_INSIDE = r"(?:(?!\n[ ]*\n).){1,2000}?"  # within one paragraph
_FORMULA = re.compile(
    rf"\\\[(?P<set_apart>{_INSIDE})\\\]|\$\$(?P<dollars>{_INSIDE})\$\$"
    rf"|(?P<grid>\\begin\{{(?P<name>(?:{_GRIDS})\*?)\}}{_INSIDE}\\end\{{(?P=name)\}})"
    rf"|\\\((?P<inline>{_INSIDE})\\\)"
    # No prices: nothing blank inside a dollar, no digit behind the second one.
    r"|(?<!\\)\$(?P<dollar>[^\s$](?:[^$\n]*[^\s$\\])?)\$(?!\d)"
    r"|(?P<box>\\boxed\s*\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\})",
    re.DOTALL,
)
_BOLD = re.compile(r"(?<![\w)])\*\*(?=\S)([^*\n]{1,400}?)(?<=\S)\*\*(?!\w)")
_WORD = re.compile(r"(?<!\S)[A-Za-z]{2,}(?!\S)")  # of an answer such as "2 and 3"
_HEADING = re.compile(r"^#{1,6}[ ]+(.*)$", re.MULTILINE)

# What would hide some of what was written, or define something.
_REFUSED = re.compile(
    r"\\(?:href|url|style|class|id|unicode|rule|(?:re)?newcommand|providecommand|def|let|[hv]?phantom"
    r"|[lrc]lap|[hvm]space|[mh]?kern|raise|lower|skew|color|(?:f?colorbox)|textcolor)(?![A-Za-z])"
)
# What latex2mathml may write; anything else leaves the formula as it was.
_TAGS = {
    "math", "mrow", "mi", "mn", "mo", "mtext", "mspace", "mfrac", "msqrt", "mroot", "msup", "msub",
    "msubsup", "mover", "munder", "munderover", "mtable", "mtr", "mtd", "mstyle", "mpadded",
    "mphantom", "menclose", "mfenced",
}  # fmt: skip
_CHILDREN = {
    "mfrac": 2, "mroot": 2, "msup": 2, "msub": 2, "mover": 2, "munder": 2, "msubsup": 3, "munderover": 3,
}  # fmt: skip
_ATTRIBUTES = {
    "display", "stretchy", "fence", "form", "separator", "accent", "movablelimits", "linethickness",
    "displaystyle", "scriptlevel", "mathvariant", "columnalign", "rowspacing", "columnspacing",
    "columnlines", "rowlines", "notation", "minsize", "maxsize", "width", "open", "close",
}  # fmt: skip


def shown(text: str) -> str:
    """A text with a replacement character for each that cannot be seen or turns the direction of others."""
    return "".join(
        char if char in "\n\t" or not unicodedata.category(char).startswith("C") else "\ufffd"
        for char in text.replace("\r\n", "\n")
    )


def plain(text: object) -> str:
    """Any value as HTML, in an attribute too."""
    return escape(shown(str(text)))


def prose(text: str) -> str:
    """A text with LaTeX and simple Markdown in it as HTML, its line breaks kept by its style."""
    text = shown(text).strip("\n")
    pieces: list[str] = []
    position, after_block = 0, False
    for found in _FORMULA.finditer(text):
        set_apart = found["set_apart"] or found["dollars"] or found["grid"]
        formula = set_apart or found["inline"] or found["dollar"] or found["box"]
        rendered = mathml(formula.strip(), block=set_apart is not None)
        if rendered is None:
            continue
        words = text[position : found.start()]
        words = words.lstrip(" \n") if after_block else words
        after_block = set_apart is not None
        pieces += [_words(words.rstrip(" \n") if after_block else words), rendered]
        position = found.end()
    words = text[position:]
    return "".join([*pieces, _words(words.lstrip(" \n") if after_block else words)])


def formula(answer: str) -> str:
    """An answer as HTML: all of it is a formula, unless it says itself where one is."""
    answer = shown(answer).strip()
    if "$" not in answer and re.search(r"[\\^_=<>/+*-]|\d", answer):
        latex = answer if r"\text" in answer else _WORD.sub(r"\\text{ \g<0> }", answer)
        return mathml(latex, block=False) or prose(answer)
    return prose(answer)


def _words(text: str) -> str:
    text = _BOLD.sub(r"<b>\1</b>", escape(text))
    return _HEADING.sub(r"<b>\1</b>", text)


@lru_cache(maxsize=4096)
def mathml(latex: str, *, block: bool) -> str | None:
    """A formula as MathML; None where it is too long, or has something in it that is not known."""
    if len(latex) > _LONGEST or _REFUSED.search(latex):
        return None
    from latex2mathml.converter import convert_to_element

    try:
        element = convert_to_element(latex, display="block" if block else "inline")
        return _serialised(element)
    except Exception:  # many kinds, by what is wrong with a formula; a page needs none of them
        return None


def _serialised(element: Any) -> str:
    """An element of MathML, and all in it, as text.

    latex2mathml writes entities as text and undoes all escaping for their sake, so that \text{<b>} would
    be a tag. Here entities become characters first, and then all is escaped.

    Raises:
        ValueError: it has what MathML of a formula need not have, or a macro that was not understood.
    """
    if element.tag not in _TAGS or len(element) != _CHILDREN.get(element.tag, len(element)):
        raise ValueError(element.tag)
    words = shown(unescape(element.text or ""))
    if words.startswith("\\") and len(words) > 1:
        raise ValueError(words)
    attributes = "".join(
        f' {name}="{plain(value)}"' for name, value in element.attrib.items() if name in _ATTRIBUTES
    )
    inside = escape(words) + "".join(map(_serialised, element))
    return f"<{element.tag}{attributes}>{inside}</{element.tag}>"
