"""Whether two answer trees are the same, given a judge of single values.

The judge may raise to say that it cannot tell: shapes are compared once with the quick judge of
this module and, only if that gives up, again in the child process with SymPy's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import TypeVar

from pfsolve.answers.normalise import clock, is_words, key, number
from pfsolve.answers.structure import (
    Equation,
    Group,
    Matrix,
    Node,
    Value,
    is_constant,
    is_interval,
    is_name,
)

SameValue = Callable[[str, str], bool]
T = TypeVar("T")


class Undecided(Exception):
    """The quick judge cannot tell whether two values are equal."""


def same(a: Node, b: Node, same_value: SameValue) -> bool:
    """Whether two trees are the same answer. Symmetric if `same_value` is.

    Lists and sets compare without order and repetition, tuples with order, intervals with their
    brackets, equations by their sides; a name in front ("x =") does not matter to a bare value.
    """
    if isinstance(a, Equation) or isinstance(b, Equation):
        return _same_equation(a, b, same_value)
    if isinstance(a, Matrix) or isinstance(b, Matrix):
        return _same_matrix(a, b, same_value)
    if isinstance(a, Group) and isinstance(b, Group):
        return _same_group(a, b, same_value)
    for node, other in ((a, b), (b, a)):
        if items := _list_items(node):
            return all(same(item, other, same_value) for item in items)
    return same_value(a.text, b.text)


def _same_equation(a: Node, b: Node, same_value: SameValue) -> bool:
    if isinstance(a, Equation) and isinstance(b, Equation):
        if key(a.lhs) == key(b.lhs):
            return same(a.rhs, b.rhs, same_value)
        if _is_symbol(a.lhs) and _is_symbol(b.lhs):
            return False
        if _names(a) and _names(b):
            return same(a.rhs, b.rhs, same_value)
        return same_value(a.text, b.text)
    equation, other = (a, b) if isinstance(a, Equation) else (b, a)
    assert isinstance(equation, Equation)
    if isinstance(equation.rhs, Value) and (items := _list_items(other)):
        return all(same(item, equation, same_value) for item in items)
    named = _names(equation) or _SUM.fullmatch(equation.lhs)
    if named and not (is_interval(equation.rhs) and isinstance(other, Value)):
        return same(equation.rhs, other, same_value)
    if _RELATION.search(other.text) or is_interval(other):
        return same_value(equation.text, other.text)
    return False


_SUM = re.compile(r"[a-z](?:\s*\+\s*[a-z])+")  # m + n = 17 answers 17
_RELATION = re.compile(r"[<>=]|\\(?:leq|geq|neq|in)(?![A-Za-z])")


def _list_items(node: Node) -> tuple[Node, ...]:
    """Items of a list or set; nothing for other nodes."""
    return node.items if isinstance(node, Group) and node.kind in {"list", "set"} else ()


def _names(equation: Equation) -> bool:
    """Whether the answer is the right side alone."""
    return is_name(equation.lhs) or is_constant(equation.lhs)


def _is_symbol(text: str) -> bool:
    return re.fullmatch(r"\\?[A-Za-z]+(?:_\w)?", text) is not None and is_name(text)


def _same_matrix(a: Node, b: Node, same_value: SameValue) -> bool:
    if isinstance(a, Matrix) and isinstance(b, Matrix):
        return [len(row) for row in a.rows] == [len(row) for row in b.rows] and _all_same(
            _cells(a), _cells(b), same_value
        )
    matrix, other = (a, b) if isinstance(a, Matrix) else (b, a)
    assert isinstance(matrix, Matrix)
    cells = _cells(matrix)
    if len(cells) == 1:
        return same(cells[0], other, same_value)
    if isinstance(other, Group) and other.kind in {"()", "[]", "list"}:
        if len(matrix.rows) == 1 or all(len(row) == 1 for row in matrix.rows):
            return _all_same(cells, other.items, same_value)
        rows = [item.items for item in other.items if isinstance(item, Group) and item.ordered]
        return len(rows) == len(other.items) == len(matrix.rows) and all(
            _all_same(x, y, same_value) for x, y in zip(matrix.rows, rows, strict=True)
        )
    return isinstance(other, Value) and same_value(a.text, b.text)


def _cells(matrix: Matrix) -> list[Node]:
    return [cell for row in matrix.rows for cell in row]


def _all_same(a: Sequence[Node], b: Sequence[Node], same_value: SameValue) -> bool:
    return len(a) == len(b) and all(same(x, y, same_value) for x, y in zip(a, b, strict=True))


def _same_group(a: Group, b: Group, same_value: SameValue) -> bool:
    if a.ordered and b.ordered:
        return _same_brackets(a, b) and _all_same(a.items, b.items, same_value)
    if a.ordered or b.ordered:
        ordered, other = (a, b) if a.ordered else (b, a)
        if other.kind == "union":
            return same_value(a.text, b.text)  # [0,1] \cup [1,2]
        if (
            other.kind == "list"
            and (ordered.kind == "()" or len(ordered.items) > 2)  # [1, 2] may be an interval
            and _all_same(a.items, b.items, same_value)
        ):
            return True
        return all(same(item, ordered, same_value) for item in other.items)
    left, right = _records(a), _records(b)
    if left and right:
        return _same_set(left, right, lambda x, y: _same_record(x, y, same_value))
    records = left or right
    if len(records) > 1 and len(records[0]) > 1:  # x = 1, y = 2; x = 3, y = 4 is (1, 2), (3, 4)
        tuples = [Group("", "()", tuple(record.values())) for record in records]
        others = b.items if left else a.items
        return _same_set(tuples, others, lambda x, y: same(x, y, same_value))
    if _same_set(a.items, b.items, lambda x, y: same(x, y, same_value)):
        return True
    return "union" in {a.kind, b.kind} and same_value(a.text, b.text)


def _same_brackets(a: Group, b: Group) -> bool:
    """Brackets matter for pairs, which may be intervals, except beside an infinite end."""
    if len(a.items) != 2:
        return True
    return all(
        a.kind[i] == b.kind[i] or all("\\infty" in group.items[i].text for group in (a, b))
        for i in (0, 1)
    )


def _same_set(a: Sequence[T], b: Sequence[T], same_item: Callable[[T, T], bool]) -> bool:
    return all(any(same_item(x, y) for y in b) for x in a) and all(
        any(same_item(x, y) for x in a) for y in b
    )


Record = dict[str, Node]


def _records(group: Group) -> list[Record]:
    """`p = 5, q = 2; p = 7, q = 2` as one record per solution; empty unless all items are named."""
    records: list[Record] = []
    for item in group.items:
        if not isinstance(item, Equation) or not is_name(item.lhs):
            return []
        name = key(item.lhs)
        if not records or name in records[-1]:
            records.append({})
        records[-1][name] = item.rhs
    return records


def _same_record(a: Record, b: Record, same_value: SameValue) -> bool:
    return a.keys() == b.keys() and all(same(a[name], b[name], same_value) for name in a)


# --- values that need no algebra -------------------------------------------------------------

_WORDS = {
    "true": "yes", "false": "no",
    "zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6",
    "seven": "7", "eight": "8", "nine": "9", "ten": "10", "eleven": "11", "twelve": "12",
}  # fmt: skip
_IN_BASE = re.compile(r"[\dA-F]+_(?:\d|\{\d+\})")
_CHOICE = re.compile(r"(?:option|choice)?\s*\(?([A-Z])\)?[.:)]?", re.IGNORECASE)


def quick_same_value(a: str, b: str) -> bool:
    """Whether two values are the same as texts, numbers, times of day or words.

    Raises:
        Undecided: at least one of them is a formula.
    """
    a, b = (_WORDS.get(text.lower(), text) for text in (a, b))
    if key(a) == key(b):
        return True
    if _IN_BASE.fullmatch(a) or _IN_BASE.fullmatch(b):
        return False  # 101_2 is no other spelling of 101
    numbers = number(a.rstrip("% ")), number(b.rstrip("% "))
    if numbers[0] is not None and numbers[1] is not None:
        return same_number(numbers[0], numbers[1], a, b)
    if (time := clock(a)) is not None and (other := clock(b)) is not None:
        return time == other
    if (choice := _CHOICE.fullmatch(a)) and (other_choice := _CHOICE.fullmatch(b)):
        return choice[1] == other_choice[1]
    known = [
        is_words(text) or value is not None for text, value in zip((a, b), numbers, strict=True)
    ]
    if all(known) and sorted(a) != sorted(b):  # xyz and zyx may be products
        return False
    raise Undecided


def same_number(x: Fraction, y: Fraction, a: str, b: str) -> bool:
    """Whether numbers x and y, written a and b, are equal: exactly, or to a long decimal's digits.

    A percentage equals both its number and its hundredth: 62.5% is 62.5 and 0.625.
    """
    if a.endswith("%") != b.endswith("%"):
        percentage, plain = (x, y) if a.endswith("%") else (y, x)
        return plain in {percentage, percentage / 100}
    return x == y or abs(x - y) < max(resolution(a), resolution(b))


def resolution(text: str) -> Fraction:
    r"""How far from the truth a long decimal may lie: one unit of its last place. Else zero.

    Six significant digits, or four among six decimals, are a rounded value; 5.1 is 5.1. So are
    eleven digits of a number without decimals, 1.2676506002 \cdot 10^{30}.
    """
    match = _LONG_DECIMAL.fullmatch(text.replace(",", "").rstrip("% "))
    if not match:
        return Fraction(0)
    decimals = len(match[2]) - int(match[3] or match[4] or 0)
    significant = len((match[1] + match[2]).lstrip("0"))
    enough = 11 if decimals <= 0 else 4 if decimals >= 6 else 6
    return Fraction(10) ** -decimals if significant >= enough else Fraction(0)


_LONG_DECIMAL = re.compile(
    r"-?(\d*)\.(\d+)(?:e([+-]?\d{1,3})|\s*\\cdot\s*10\^\{?([+-]?\d{1,3})\}?)?", re.IGNORECASE
)
