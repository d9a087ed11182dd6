r"""What a program printed on a line, as the parts of an answer.

SymPy's objects become LaTeX, a list becomes its items, 12.0 becomes 12, a truth becomes yes or no.
A text is read as a value if it is one; a label in front of it ("x = 3", "The answer is: 3") goes.

This module runs inside the sandbox, beside the objects themselves; outside of it only its tests
import it. It evaluates what it reads: never give it a model's text anywhere else.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Mapping, Sequence, ValuesView
from collections.abc import Set as AnySet
from typing import Any

import sympy
from sympy.abc import _clash
from sympy.core.sympify import SympifyError
from sympy.logic.boolalg import BooleanAtom

from pfsolve.programs.inside.notation import latex, numeral

MAX_PARTS, MAX_LENGTH = 60, 4000  # of an answer; characters of one part

_Part = tuple[str, str]  # what it is called, or "", and its value


def answer_parts(line: Sequence[object]) -> list[str]:
    """The values among the objects of one printed line, in order; none if nothing there is a value.

    Several values with names of their own keep them: "x = 1", "y = 2".
    """
    found = _line_parts(line)
    if len(found) > MAX_PARTS or any(len(value) > MAX_LENGTH for _, value in found):
        return []
    names = {name for name, _ in found}
    named = len(names) > 1 and "" not in names
    return [f"{name} = {value}" if named else value for name, value in found]


# --- a line of objects and of words between them ----------------------------------------------

_NAME = r"[A-Za-z]\w{0,11}(?:\([^()]{1,20}\))?|\([A-Za-z]\w?(?:, ?[A-Za-z]\w?)+\)"
_SHORT_NAME = r"[A-Za-z]_?\d{0,2}"
_NAMED = re.compile(  # but x + y = 5 names nothing
    rf"(?:^|.*[\s,;](?<![-+*/^]\s))(?:({_NAME})\s*=|({_SHORT_NAME})\s*(?::|is))\s*", re.DOTALL
)
_ANNOUNCES = re.compile(r"(?:.*(?:[=:≈]|\bis\b|\bare\b|\bequals?\b))\s*", re.DOTALL | re.IGNORECASE)
_CONNECTS = re.compile(r"(?:and|or|&|[,;|])(?![A-Za-z])\s*", re.IGNORECASE)


def _line_parts(line: Sequence[object]) -> list[_Part]:
    if len(line) == 1:
        return _values(line[0])
    found: list[_Part] = []
    name = ""
    for item in line:
        if not isinstance(item, str):
            found += [(own or name, value) for own, value in _values(item)]
            name = ""
            continue
        text = item.strip()
        if text.startswith("%") and found:
            found[-1] = (found[-1][0], f"{found[-1][1]}%")
        elif _ANNOUNCES.fullmatch(text):
            name = _name(text)
            if not name and not _CONNECTS.match(text):
                found = []  # "3 + 4 =": what came before is not the answer
        elif (value := _read(text)) is not None:
            found += [(own or name, part) for own, part in value]
            name = ""
        else:
            found += _named(text)
    if found:
        return found
    text = " ".join(item for item in line if isinstance(item, str))
    return _text_parts(text)


def _name(label: str) -> str:
    """The name in a label such as "x =", "so f(2) =", "y is"; empty for one that has none."""
    match = _NAMED.fullmatch(label)
    return (match[1] or match[2]) if match else ""


# --- a text -----------------------------------------------------------------------------------

_BOXED = re.compile(r"\\boxed\s*\{(.*)\}", re.DOTALL)
_LABEL = re.compile(
    r"(.*(?:=|≈|\?|:(?=\s)|(?<=[A-Za-z)\]}]):|\bis\b|\bare\b|\bequals?\b))\s*(\S.*)", re.IGNORECASE
)
_WORD = re.compile(r"[A-Za-z]{2,}")
_CONNECTOR = re.compile(
    r"\s*[,;](?!\d{3}(?!\d))\s*(?:and\s+|or\s+)?|\s+(?:and|or)\s+"
    r"|\s+(?=[A-Za-z]\w{0,3}\s*=[^=])"  # x = 1 y = 2
)
_NUMBER = re.compile(r"-?\d+(?:,\d{3})*(?:\.\d+)?(?:\s*/\s*\d+|:\d+)?\s?%?")
_GREEK = """
alpha beta gamma delta epsilon zeta eta theta iota kappa lamda lambda mu nu xi rho sigma tau phi chi
psi omega
"""
# Words of a formula as SymPy prints it.
_KNOWN = {*_GREEK.split(), "Fraction", "Decimal", "open", "Lopen", "Ropen", *dir(sympy)}
_WORDS = {
    **{"true": "yes", "false": "no", "pi": r"\pi", "oo": r"\infty", "inf": r"\infty"},
    **{"set()": r"\emptyset", "emptyset": r"\emptyset", "reals": r"\mathbb{R}"},
}
_NOTHING = frozenset({"", "none", "nan", "null"})
# Letters that SymPy takes for functions; E and I stay the numbers that it prints so.
_LETTERS = {name: symbol for name, symbol in _clash.items() if name not in {"E", "I", "pi"}}
_LETTERS |= {"Fraction": sympy.Rational, "Decimal": sympy.Float}


def _text_parts(text: str, *, labels: int = 3) -> list[_Part]:
    """The values in a text, which is not nothing."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    text = lines[-1] if lines else ""
    if boxed := _BOXED.search(text):
        return _text_parts(boxed[1])
    text = text.strip("*_`\"'").strip().removesuffix(".")
    if text.startswith("$") and text.endswith("$"):
        text = text.strip("$").strip()
    value = _read(text)
    if value is not None:
        return value
    if parts := _named(text):
        return parts
    label = _LABEL.fullmatch(text)
    if label and labels and _is_label(label[1]):
        parts = _text_parts(label[2], labels=labels - 1)
        name = _name(label[1])
        return [(own or name, part) for own, part in parts]
    return [("", _prose(text))]


def _named(text: str) -> list[_Part]:
    """The values of "x = 1, y = 2"; none if one of the pieces has no name or no value."""
    found = []
    for piece in _split(text):
        label = _LABEL.fullmatch(piece)
        name = _name(label[1]) if label else ""
        parts = _read(label[2]) if label and name else None
        if not parts:
            return []
        found += [(own or name, part) for own, part in parts]
    return found


def _is_label(text: str) -> bool:
    """Whether the left side of an equation or a colon only says what stands on the right."""
    if _name(text) or re.fullmatch(r"[^A-Za-z]*[=≈]", text):
        return True
    words = _WORD.findall(text)
    return bool(words) and not all(word in _KNOWN for word in words)


def _prose(text: str) -> str:
    """The last number in a sentence; a value with its unit, or a text without numbers, as it is."""
    equation = [_read(side) for side in text.split("=")]
    if len(equation) == 2 and all(side and len(side) == 1 for side in equation):
        return " = ".join(side[0][1] for side in equation if side)
    numbers = _NUMBER.findall(text)
    starts_with_words = re.match(r"[A-Za-z]{2}", text)
    return str(numbers[-1]).strip() if numbers and starts_with_words and " " in text else text


def _read(text: str) -> list[_Part] | None:
    """The values of a text that consists of nothing else, None if it does not."""
    lower = text.lower()
    if lower in _NOTHING:
        return []
    if number := _WORDS.get(lower) or numeral(text):
        return [("", number)]
    if "\\" in text:
        return None if _WORD.match(text) else [("", text)]
    pieces = _split(text)
    if len(pieces) > 1:
        read = [_read(piece) for piece in pieces]
        return None if None in read else [part for parts in read for part in parts or ()]
    if text.strip("()").isalpha() or re.search(r"\d_\d", text):  # "(E)"; "1011_2"
        return None
    if not all(word in _KNOWN for word in _WORD.findall(text)):
        return None
    try:
        return _values(sympy.sympify(text, locals=_LETTERS))
    except Exception:  # SymPy raises anything on what is no formula
        return None


def _split(text: str) -> list[str]:
    """The pieces of an enumeration, at commas, "and" and "or" outside of brackets."""
    pieces, start = [], 0
    for match in _CONNECTOR.finditer(text):
        before = text[: match.start()]
        if all(before.count(a) == before.count(b) for a, b in ("()", "[]", "{}")):
            pieces.append(text[start : match.start()])
            start = match.end()
    return [piece for piece in [*pieces, text[start:]] if piece.strip()]


# --- an object --------------------------------------------------------------------------------

_ADDRESS = re.compile(r"<.* at 0x[0-9a-f]+>|<class .*>|<built-in .*>", re.DOTALL)


def _values(thing: Any) -> list[_Part]:
    """The values that an object stands for: the items of a list or set, else itself."""
    if isinstance(thing, str):
        return _text_parts(thing)
    if isinstance(thing, Mapping | sympy.Dict):
        return _solution(dict(thing.items()))
    if isinstance(thing, sympy.And | sympy.Or):
        return _condition(thing)
    if isinstance(thing, sympy.Eq) and isinstance(thing.lhs, sympy.Symbol):
        return [(latex(thing.lhs), value) for value in _ones([thing.rhs])]
    if isinstance(thing, list | deque | ValuesView | AnySet | sympy.FiniteSet):
        items = _in_order(thing)
        if not items:
            return [("", r"\emptyset")]
        if len(items) == 1:
            return _values(items[0])
        return [("", value) for value in _ones(items)]
    return [("", value) for value in _ones([thing])]


def _in_order(thing: Iterable[Any]) -> list[Any]:
    """The items of a list as they come, those of a set by size."""
    items = list(thing)
    if isinstance(thing, AnySet | sympy.FiniteSet):
        try:
            items.sort(key=sympy.default_sort_key)
        except Exception:  # objects that SymPy does not know
            items.sort(key=str)
    return items


def _solution(values: dict[Any, Any]) -> list[_Part]:
    """{x: 1, y: 2} of a solve, as values with names; a table of something else is one value."""
    if not values:
        return [("", r"\emptyset")]
    if all(isinstance(key, str | sympy.Symbol | sympy.Function) for key in values):
        parts = [(key if isinstance(key, str) else latex(key), values[key]) for key in values]
        return [(name, value) for name, thing in parts for value in _ones([thing])]
    if all(isinstance(key, sympy.Expr) for key in values):  # roots and how often they occur
        return [("", value) for value in _ones(values)]
    pairs = [": ".join(_ones([key, value])) for key, value in values.items()]
    return [("", r"\{" + ", ".join(pairs) + r"\}")]


def _condition(thing: Any) -> list[_Part]:
    """Inequalities in one unknown as the set where they hold; equations each for itself."""
    if all(isinstance(part, sympy.Eq) for part in thing.args):
        return [part for equation in sorted(thing.args, key=str) for part in _values(equation)]
    try:
        if len(thing.free_symbols) == 1:
            return _values(thing.as_set())
    except Exception:  # not every condition is a set that SymPy can tell
        pass
    return [("", latex(thing))]


def _ones(things: Iterable[Any]) -> list[str]:
    """Each object as one value, without those that are none."""
    return [value for thing in things if (value := _one(thing)) is not None]


def _one(thing: Any) -> str | None:
    """An object as one value; None for one that is none: None, NaN, a function."""
    if isinstance(thing, bool | BooleanAtom):
        return "yes" if thing else "no"
    if isinstance(thing, str):
        return ", ".join(value for _, value in _text_parts(thing)) or None
    if isinstance(thing, list | tuple | sympy.Tuple):
        return f"({', '.join(_ones(thing))})"
    if isinstance(thing, Mapping | sympy.Dict):
        values = tuple(thing.values())
        return _one(values[0] if len(values) == 1 else values)
    if isinstance(thing, sympy.Point):
        return _one(tuple(thing.args))
    if isinstance(thing, AnySet):
        return r"\{" + ", ".join(_ones(_in_order(thing))) + r"\}"
    if thing is None:
        return None
    try:
        known = sympy.sympify(thing, strict=True)
    except (SympifyError, TypeError, ValueError):
        text = str(thing).strip()
        return None if not text or _ADDRESS.fullmatch(text) else text
    if known is sympy.zoo:
        return "undefined"
    return None if known is sympy.nan else latex(known)
