"""From the nodes of a LaTeX parser to text, with marks where the neighbours have a say."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any, TypeAlias

from pfsolve.display.latex.marks import FRAC, FRAC_END, OP, RAISED, WORD, WORD_END, settle
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
)

# A node of pylatexenc (which has no types), or one character of a run of characters.
Atom: TypeAlias = Any

_SCRIPTS = {"^": SUPERSCRIPT, "_": SUBSCRIPT}

# What may stand over or under a slash without brackets: 2π/3 is clear, 3/2π is not.
_PLAIN_TOP = re.compile(rf"-?[\w.,√∞!{RAISED}]+|\([^()]*\)")
_PLAIN_BOTTOM = re.compile(
    rf"[\d.,]+[{RAISED}]*|√?(?:\d+|[^\W\d_])|[^\W\d_][{RAISED}]*|d[a-z]|\d+!|\([^()]*\)"
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


def _render(nodes: Sequence[Atom]) -> str:
    atoms: list[Atom] = []
    for node in nodes:
        atoms.extend(node.chars if _is(node, "Chars") else [node])
    out = ""
    i = 0
    while i < len(atoms):
        atom = atoms[i]
        i += 1
        if isinstance(atom, str) and atom in "^_" and (end := _script_argument(atoms, i, out)):
            out = _with_script(out, atom, atoms[end - 1])
        elif _is(atom, "Specials") and _is_alignment(atoms[i:]):
            continue
        else:
            text = _node(atom)
            end = _macro_end(atoms, i, text)
            out += text + "".join(of.latex_verbatim() for of in atoms[i:end] if _is(of, "Group"))
        i = end
    return out


def _with_script(before: str, sign: str, argument: Atom) -> str:
    """What stands before a script sign, with the script."""
    script = _script(sign, settle(_render(_contents(argument)))) + _space_after(argument)
    if not before.endswith(WORD_END):
        return before + script
    # the word ends after its script: log₂
    return _ROOT.sub(r"(\g<0>)", before.removesuffix(WORD_END)) + script + WORD_END


def _macro_end(atoms: Sequence[Atom], i: int, text: str) -> int:
    """Offset just past what belongs to the macro before `i` although the parser has not taken it.

    Args:
        text: what the macro has become.
    """
    macro = atoms[i - 1]
    if not _is(macro, "Macro"):
        return i
    if macro.macroname in ("left", "right") and i < len(atoms) and _is_char(atoms[i], "."):
        return i + 1  # an invisible bracket
    if text.startswith("\\" + macro.macroname):  # unknown, so these are its arguments
        while i < len(atoms) and _is(atoms[i], "Group"):
            i += 1
    return i


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
    return sign + text + WORD_END if len(text) == 1 else f"{sign}({text})"


def _node(node: Atom) -> str:
    if isinstance(node, str):
        return node
    if _is(node, "Group"):
        text = _render(node.nodelist)
        # A comma in braces is a digit group's, but {1, 2, 3} is a set whose author forgot LaTeX.
        return f"{{{text}}}" if "," in text and text.strip() != "," else text
    if _is(node, "Macro"):
        text = _macro(node)
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


def _macro(node: Atom) -> str:
    name, arguments = node.macroname, _arguments(node)
    if name in NOTHING:
        return ""
    if name in _WITH_ARGUMENTS:
        if not arguments:
            raise Unreadable(f"\\{name} without arguments")
        return _WITH_ARGUMENTS[name](*arguments)
    symbol = _symbol(name)
    if symbol is None or (arguments and name != "\\"):
        return str(node.latex_verbatim()).rstrip() + WORD_END
    return _marked(symbol)


def _marked(symbol: str) -> str:
    """A symbol with the marks of its kind."""
    if symbol in OPERATORS:
        return OP + symbol + OP
    if symbol in BIG_OPERATORS:
        return symbol + WORD_END
    if len(symbol) > 1 and symbol.isalpha():
        return WORD + symbol + WORD_END
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
    return f"{FRAC}{top}/{bottom}{FRAC_END}"


def _root(index: str, radicand: str) -> str:
    radicand = radicand.strip()
    sign = ROOTS.get(index.strip()) or _script("^", index) + "√"
    if not re.fullmatch(r"[\d.]+|[^\W\d_]|\([^()]*\)", radicand):
        radicand = f"({radicand})"
    return sign + radicand + WORD_END


def _double_struck(text: str) -> str:
    from pylatexenc.latex2text import fmt_math_text_style

    return str(fmt_math_text_style(text, "doublestruck"))


def _accented(accent: str, text: str) -> str:
    """Each character under the accent (a repeating decimal has several), composed if possible."""
    marked = "".join(char if char.isspace() else char + accent for char in text)
    return unicodedata.normalize("NFC", marked)


# What the macros of TAKE_ARGUMENTS become, given the text of each of their arguments.
_WITH_ARGUMENTS: dict[str, Callable[..., str]] = {
    **{name: partial(_accented, accent) for name, accent in COMBINING.items()},
    **dict.fromkeys(BODY_ONLY, lambda *arguments: arguments[-1]),
    **dict.fromkeys(FRACTIONS, _fraction),
    **dict.fromkeys(BINOMIALS, lambda n, k: f"C({n}, {k})"),
    **dict.fromkeys(("mathbb", "Bbb"), _double_struck),
    "sqrt": _root,
    "operatorname": lambda star, name: WORD + name.strip() + WORD_END,
    "pmod": lambda modulus: f" (mod {modulus})",
    "tag": lambda label: f" ({label})",
}


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
