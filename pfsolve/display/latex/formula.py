"""From the nodes of a LaTeX parser to text.

A terminal line has no fraction bars and no raised text to show what belongs together, so brackets
and spaces have to, and whether they are needed depends on both neighbours. While a formula is
rendered, marks (characters that Unicode reserves for such internal use) stand where that is still
open, and `settle` decides once the neighbours are known.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Any, TypeAlias

from pfsolve.display.latex.symbols import (
    BIG_OPERATORS,
    BINOMIALS,
    BLOCKS,
    BODY_ONLY,
    COMBINING,
    FRACTIONS,
    GRIDS,
    NOTHING,
    OPERATORS,
    PREFIXES,
    ROOTS,
    SUBSCRIPT,
    SUPERSCRIPT,
    SYMBOLS,
    TAKE_ARGUMENTS,
)

# A node of pylatexenc (which has no types), or one character of a run of characters.
Atom: TypeAlias = Any

# Marks: on both sides of an operator; around a word like sin (after a root and a sum too); around a
# fraction.
_OP, _WORD, _WORD_END, _FRAC, _FRAC_END = "\ufdd0", "\ufdd1", "\ufdd2", "\ufdd3", "\ufdd4"
MARKS = re.compile("[\ufdd0-\ufdd4]")

_SCRIPTS = {"^": SUPERSCRIPT, "_": SUBSCRIPT}
_RAISED = "".join(SUPERSCRIPT.values())

# What may stand over or under a slash without brackets: 2π/3 is clear, 3/2π is not.
_PLAIN_TOP = re.compile(rf"-?[\w.,√∞!{_RAISED}]+|\([^()]*\)")
_PLAIN_BOTTOM = re.compile(
    rf"[\d.,]+[{_RAISED}]*|√?(?:\d+|[^\W\d_])|[^\W\d_][{_RAISED}]*|d[a-z]|\d+!|\([^()]*\)"
)
_PRODUCT = re.compile(r"(?<=\d) (?=[^\W\d_](?![^\W\d_]))")  # the space of "3 π"
_ROOT = re.compile(r"[√∛∜](?:[\w.]+|\([^()]*\))$")


class Unreadable(ValueError):
    """The nodes are LaTeX that has no sensible text."""


def formula(nodes: Sequence[Atom]) -> str:
    """Text of a list of nodes; spaces may still be doubled.

    Raises:
        Unreadable: a macro stands, without its arguments, as another's argument.
    """
    return settle(_render(nodes))


# --- from nodes to marked text --------------------------------------------------------------


def _render(nodes: Sequence[Atom]) -> str:
    atoms: list[Atom] = []
    for node in nodes:
        atoms.extend(node.chars if _is(node, "Chars") else [node])
    out = ""
    i = 0
    while i < len(atoms):
        atom = atoms[i]
        i += 1
        if isinstance(atom, str):
            if atom in "^_" and (end := _script_argument(atoms, i, out)):
                script = _script(atom, settle(_render(_contents(atoms[end - 1]))))
                script += _space_after(atoms[end - 1])
                if out.endswith(_WORD_END):  # the word goes on: log₂
                    out = _ROOT.sub(r"(\g<0>)", out.removesuffix(_WORD_END)) + script + _WORD_END
                else:
                    out += script
                i = end
            else:
                out += atom
            continue
        if _is(atom, "Specials") and _is_alignment(atoms[i:]):
            continue
        out += (text := _node(atom))
        if not _is(atom, "Macro"):
            continue
        if atom.macroname in ("left", "right") and i < len(atoms) and _is_char(atoms[i], "."):
            i += 1  # an invisible bracket
        if text.startswith("\\" + atom.macroname):  # unknown, so these are its arguments
            while i < len(atoms) and _is(atoms[i], "Group"):
                out += atoms[i].latex_verbatim()
                i += 1
    return out


def _is_alignment(following: Sequence[Atom]) -> bool:
    """Whether an `&` before these atoms, in no grid, is left from a row of aligned formulas."""
    for atom in following:
        if isinstance(atom, str):
            if atom.isspace():
                continue
            return atom in "=<>≤≥≠≈+-"
        return _is(atom, "Macro") and _symbol(atom.macroname) in OPERATORS
    return True


def _is(node: Atom, kind: str) -> bool:
    return type(node).__name__ == f"Latex{kind}Node"


def _is_char(atom: Atom, char: str) -> bool:
    return isinstance(atom, str) and atom == char  # nodes do not compare with anything else


def _contents(node: Atom) -> Sequence[Atom]:
    return node.nodelist if _is(node, "Group") else [node]


def _script_argument(atoms: Sequence[Atom], i: int, before: str) -> int:
    """Offset just past the argument of the script sign before `i`; 0 if it is no script sign."""
    sign = atoms[i - 1]
    while i < len(atoms) and isinstance(atoms[i], str) and atoms[i].isspace():
        i += 1
    if i == len(atoms):
        return 0
    atom = atoms[i]
    if not isinstance(atom, str):
        return i + 1
    following = atoms[i + 1] if i + 1 < len(atoms) and isinstance(atoms[i + 1], str) else ""
    if not atom.isalnum() or (atom.isdigit() and following.isdigit()):
        return 0  # LaTeX would raise the 1 of 2^10 alone, which is never meant
    if sign == "_" and re.search(r"[A-Za-z]{2}$", before) and following.isalpha():
        return 0  # a_name_like_this
    return i + 1


def _script(sign: str, text: str) -> str:
    """A superscript or subscript: in small characters if there is one for each, else ^(...)."""
    text = text.strip()
    if sign == "^" and text == "∘":
        return "°"
    if not re.search(r"\w \w", text):
        text = text.replace(" ", "")
    if all(char in _SCRIPTS[sign] for char in text):
        return "".join(_SCRIPTS[sign][char] for char in text)
    return sign + text + _WORD_END if len(text) == 1 else f"{sign}({text})"


def _node(node: Atom) -> str:
    if isinstance(node, str):
        return node
    if _is(node, "Group"):
        text = _render(node.nodelist)
        # A comma in braces is a digit group's, but {1, 2, 3} is a set whose author forgot LaTeX.
        return f"{{{text}}}" if "," in text and text.strip() != "," else text
    if _is(node, "Macro"):
        text = _macro(node.macroname, _arguments(node), node)
        return text + ("" if text in PREFIXES else _space_after(node))
    if _is(node, "Environment"):
        return _environment(node)
    return str(node.latex_verbatim())


def _space_after(node: Atom) -> str:
    """The space that ends a macro's name in the source, where the parser counts it to the macro."""
    return " " if _is(node, "Macro") and node.macro_post_space else ""


def _arguments(node: Atom) -> list[str]:
    """Text of a macro's arguments; empty for an optional one that is missing."""
    parsed = node.nodeargd.argnlist if node.nodeargd else None
    return ["" if arg is None else settle(_render(_contents(arg))) for arg in parsed or []]


def _macro(name: str, arguments: list[str], node: Atom) -> str:
    if name in NOTHING:
        return ""
    if name in TAKE_ARGUMENTS and not arguments:
        raise Unreadable(f"\\{name} without arguments")
    if name in FRACTIONS:
        return _FRAC + _fraction(*arguments) + _FRAC_END
    if name in BINOMIALS:
        return f"C({arguments[0]}, {arguments[1]})"
    if name == "sqrt":
        return _root(*arguments)
    if name in ("mathbb", "Bbb"):
        return _double_struck(arguments[0])
    if name == "operatorname":
        return _WORD + arguments[-1].strip() + _WORD_END
    if name == "pmod":
        return f" (mod {arguments[0]})"
    if name == "tag":
        return f" ({arguments[0]})"
    if name in COMBINING:
        return _accented(arguments[0], COMBINING[name])
    if name in BODY_ONLY:
        return arguments[-1]
    symbol = _symbol(name)
    if symbol is None or (arguments and name != "\\"):
        return str(node.latex_verbatim()).rstrip() + _WORD_END
    if symbol in OPERATORS:
        return _OP + symbol + _OP
    if symbol in BIG_OPERATORS:
        return symbol + _WORD_END
    if len(symbol) > 1 and symbol.isalpha():
        return _WORD + symbol + _WORD_END
    return symbol


def _symbol(name: str) -> str | None:
    """What a macro without arguments stands for, or None."""
    if name in SYMBOLS:
        return SYMBOLS[name]
    known = getattr(_pylatexenc_symbols().get_macro_spec(name), "simplify_repl", None)
    return known if isinstance(known, str) and known and "%" not in known else None


@cache
def _pylatexenc_symbols() -> Any:
    from pylatexenc.latex2text import get_default_latex_context_db

    return get_default_latex_context_db()


def _fraction(top: str, bottom: str) -> str:
    top, bottom = (_PRODUCT.sub("", part.strip()) for part in (top, bottom))
    if not _PLAIN_TOP.fullmatch(top):
        top = f"({top})"
    if not _PLAIN_BOTTOM.fullmatch(bottom):
        bottom = f"({bottom})"
    return f"{top}/{bottom}"


def _root(index: str, radicand: str) -> str:
    radicand = radicand.strip()
    sign = ROOTS.get(index.strip()) or _script("^", index) + "√"
    if not re.fullmatch(r"[\d.]+|[^\W\d_]|\([^()]*\)", radicand):
        radicand = f"({radicand})"
    return sign + radicand + _WORD_END


def _double_struck(text: str) -> str:
    from pylatexenc.latex2text import fmt_math_text_style

    return str(fmt_math_text_style(text, "doublestruck"))


def _accented(text: str, accent: str) -> str:
    """Each character under the accent (a repeating decimal has several), composed if possible."""
    marked = "".join(char if char.isspace() else char + accent for char in text)
    return unicodedata.normalize("NFC", marked)


def _environment(node: Atom) -> str:
    name = node.environmentname.rstrip("*")
    if name in BLOCKS:
        return " " + "; ".join("".join(row).strip() for row in _rows(node.nodelist)) + " "
    if name not in GRIDS:
        return str(node.latex_verbatim())
    rows = [[settle(cell).strip().rstrip(",") for cell in row] for row in _rows(node.nodelist)]
    between = ", " if any(" " in cell for row in rows for cell in row) else " "
    opening, closing = GRIDS[name]
    return opening + "; ".join(between.join(row) for row in rows) + closing


def _rows(nodes: Sequence[Atom]) -> list[list[str]]:
    r"""The cells of a grid, between `&`, row by row, between `\\`; blank rows are dropped."""
    rows: list[list[list[Atom]]] = [[[]]]
    for node in nodes:
        if _is(node, "Macro") and node.macroname == "\\":
            rows.append([[]])
        elif _is(node, "Specials") and node.specials_chars == "&":
            rows[-1].append([])
        else:
            rows[-1][-1].append(node)
    rendered = [[_render(cell) for cell in row] for row in rows]
    return [row for row in rendered if any(cell.strip() for cell in row)]


# --- from marked text to text ---------------------------------------------------------------


def settle(text: str) -> str:
    """Replace the marks by the brackets and spaces that the neighbours call for."""
    if not MARKS.search(text):
        return text
    text = re.sub(f"{_FRAC}([^{_FRAC}{_FRAC_END}]*){_FRAC_END}", _settle_fraction, text)
    text = re.sub(rf"(\s*){_OP}(.){_OP}\s*", _settle_operator, text)
    text = re.sub(rf"(?<=[\w)\]}}|]){_WORD}", " ", text)
    text = re.sub(rf"{_WORD_END}(?=[^\W_]|[√∛∜∑∏∫∞|])", " ", text)
    return MARKS.sub("", text)


def _settle_fraction(match: re.Match[str]) -> str:
    fraction = match[1]
    before = match.string[: match.start()][-1:]
    after = match.string[match.end() :][:1]
    if before.isdigit() and before not in _RAISED and re.fullmatch(r"\d+/\d+", fraction):
        return f" {fraction}"  # a mixed number
    touches_before = before.isalnum() or before in (")", _WORD_END, _FRAC_END)
    touches_after = after.isalnum() or after in ("(", "^", "√", "∞", _WORD, _FRAC)
    return f"({fraction})" if touches_before or touches_after else fraction


def _settle_operator(match: re.Match[str]) -> str:
    space, operator = match.groups()
    before = match.string[: match.start()].rstrip()[-1:]
    if operator in "±∓" and (not before or before in "([{,;:=<>≤≥≈≠∈→/^" or before == _OP):
        return space + operator  # a sign, not a sum
    return f" {operator} "
