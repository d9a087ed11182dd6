r"""LaTeX mathematics as readable text for a terminal: `\frac{\pi}{2}` becomes π/2.

pylatexenc parses; what each macro becomes is decided here, because its own conversion to text is
meant for prose (it drops `\ne`, `\tfrac` and `\binom`, and leaves scripts alone).
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Any

from pfsolve.display.latex.symbols import TAKE_ARGUMENTS

_LONGEST = 10_000  # characters; no formula, and the parser takes a tenth of a second for them

# What a bare run of text would not have: "( x )" from \left( x \right), "4 ." from \( 4 \).
_SPARE_SPACE = re.compile(r"(?<=[(\[{⌊⌈⟨]) | (?=[)\]}⌋⌉⟩]|[.,;](?: |$))")
_ROW_END = re.compile(r"(?<!\\)(?:\\\\)+\s*$")


@lru_cache(maxsize=1024)
def to_terminal(latex: str) -> str:
    r"""LaTeX, or prose with LaTeX in it, as one line of readable Unicode text.

    A macro it does not know stays as it is, with its arguments. LaTeX that cannot be parsed comes
    back unchanged. Never raises.
    """
    if not re.search(r"[\\^_{$]", latex) or len(latex) > _LONGEST:
        return latex
    try:
        return _converted(latex)
    except Exception:  # a parse error or nesting too deep; and no display may ever end a solve
        return latex


def _converted(latex: str) -> str:
    from pylatexenc.latexwalker import LatexWalker

    from pfsolve.display.latex.formula import formula
    from pfsolve.display.latex.marks import MARKS

    source = _ROW_END.sub("", " ".join(MARKS.sub("", latex).split()))
    walker = LatexWalker(
        _without_delimiters(source), latex_context=_context(), tolerant_parsing=False
    )
    text = formula(walker.get_latex_nodes()[0])
    return _SPARE_SPACE.sub("", " ".join(text.split()))


@cache
def _context() -> Any:
    """The macros, with their arguments, that the parser must know."""
    from pylatexenc.latexwalker import get_default_latex_context_db
    from pylatexenc.macrospec import std_macro

    # Without quotes and dashes, which in mathematics are primes and minus signs, and without \verb.
    context = get_default_latex_context_db().filter_context(
        exclude_categories=["nonascii-specials", "verbatim"]
    )
    macros = [std_macro(name, arguments) for name, arguments in TAKE_ARGUMENTS.items()]
    context.add_context_category("pfsolve", macros=macros, prepend=True)
    return context


# --- what says where mathematics starts and ends ------------------------------------------------

_SPECIAL = re.compile(r"\\[(!] ?| ?\\\)|\\[A-Za-z]+|\\.|\$\$|.", re.DOTALL)
_DROPPED = (r"\(", r"\)", r"\!")
_INSTEAD = {r"\[": " ", r"\]": " ", "$$": " ", "$": r"\$", "%": r"\%"}


def _without_delimiters(latex: str) -> str:
    r"""Drop the delimiters of mathematics, paired or not; what is left of `$` and `%` is literal.

    Solutions come a line at a time, so a `\[` may well be on another line than its `\]`.
    """
    pieces: list[str] = []
    dollars: list[int] = []  # indices into pieces
    for token in _SPECIAL.findall(latex):
        if token == "$":
            dollars.append(len(pieces))
        if token == "~" and pieces and not pieces[-1].isspace():
            token = " "  # a tie; elsewhere it says "about"
        pieces.append("" if token.strip() in _DROPPED else _INSTEAD.get(token, token))
    while len(dollars) > 1:
        first, second = dollars[:2]
        after = pieces[second + 1] if second + 1 < len(pieces) else ""
        if _is_mathematics("".join(pieces[first + 1 : second]), after):
            pieces[first] = pieces[second] = ""
            for inner in (first + 1, second - 1):
                pieces[inner] = pieces[inner].strip(" ")
            del dollars[:2]
        else:
            del dollars[0]
    return "".join(pieces)


def _is_mathematics(between: str, after: str) -> bool:
    """Whether two dollar signs enclose a formula rather than being two prices."""
    if not between.strip():
        return False
    tight = between == between.strip() and not after[:1].isdigit()
    return tight or re.search(r"[\\^_=]", between) is not None


# --- LaTeX that is still being written ----------------------------------------------------------

_TOKEN = re.compile(r"\\(?:begin|end)\s*\{[^{}]*\}|\\[A-Za-z]+|\\.|.", re.DOTALL)


def split_unfinished(latex: str) -> tuple[str, str]:
    r"""Split LaTeX that is still being written before the first macro or script left unclosed.

    `x = 1 + \frac{1}{2` becomes `x = 1 + ` and `\frac{1}{2`.
    """
    open_since: list[int] = []  # where each construct that is still open began
    start = None  # of the construct that ends right here, whose argument a brace may open
    for token in _TOKEN.finditer(latex):
        kind = token[0]
        if kind == "{" or kind.startswith(r"\begin"):
            open_since.append(token.start() if start is None else start)
            start = None
        elif kind == "}" or kind.startswith(r"\end"):
            start = open_since.pop() if open_since else None
        elif kind[0] == "\\" or kind in "^_":
            start = token.start()
        elif not kind.isspace():
            start = None
    cut = open_since[0] if open_since else len(latex)
    return latex[:cut], latex[cut:]
