"""Whether two answer trees are the same, given a judge of single values.

The judge may raise to say that it cannot tell: shapes are compared once with the quick judge of
`values` and, only if that gives up, again in the child process with SymPy's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from pfsolve.answers.normalise import key
from pfsolve.answers.numerals import number, same_time
from pfsolve.answers.quantities import parts, same_quantity, total
from pfsolve.answers.relations import is_constant, is_name
from pfsolve.answers.tree import Equation, Group, Matrix, Node, Value, is_interval
from pfsolve.answers.values import Judge

T = TypeVar("T")


def same(a: Node, b: Node, judge: Judge) -> bool:
    """Whether two trees are the same answer. Symmetric if `judge` is.

    Lists and sets compare without order and repetition, tuples with order, intervals with their
    brackets, equations by their sides; a name in front ("x =") does not matter to a bare value.
    """
    if _same_shape(a, b, judge):
        return True
    if not parts(a) and not parts(b):
        return False
    x, y = total(a, judge), total(b, judge)
    return (x is not a or y is not b) and _same_shape(x, y, judge)


def _same_shape(a: Node, b: Node, judge: Judge) -> bool:
    if (verdict := same_time(a.text, b.text)) is not None:
        return verdict
    if isinstance(a, Equation) or isinstance(b, Equation):
        return _same_equation(a, b, judge)
    if isinstance(a, Matrix) or isinstance(b, Matrix):
        return _same_matrix(a, b, judge)
    if isinstance(a, Group) and isinstance(b, Group):
        return _same_group(a, b, judge)
    for node, other in ((a, b), (b, a)):
        if items := _list_items(node):
            return all(same(item, other, judge) for item in items)
        if isinstance(node, Group) and node.kind == ":":
            if len(node.items) > 2:
                return False
            top, bottom = (item.text for item in node.items)
            return judge.same_value(rf"\frac{{{top}}}{{{bottom}}}", other.text)
    return same_quantity(a, b, judge)


def _same_equation(a: Node, b: Node, judge: Judge) -> bool:
    if isinstance(a, Equation) and isinstance(b, Equation):
        if key(a.lhs) == key(b.lhs):
            return same(a.rhs, b.rhs, judge)
        if _is_symbol(a.lhs) and _is_symbol(b.lhs):
            return False
        if _names(a) and _names(b):
            return same(a.rhs, b.rhs, judge)
        return judge.same_value(a.text, b.text)
    equation, other = (a, b) if isinstance(a, Equation) else (b, a)
    assert isinstance(equation, Equation)
    if isinstance(equation.rhs, Value) and (items := _list_items(other)):
        return all(same(item, equation, judge) for item in items)
    named = _names(equation) or _SUM.fullmatch(equation.lhs)
    if named and not (is_interval(equation.rhs) and isinstance(other, Value)):
        return same(equation.rhs, other, judge)
    if _RELATION.search(other.text) or is_interval(other):
        return judge.same_value(equation.text, other.text)
    return False


# m + n = 17 answers 17, 100m + n = 4701 does; but 3x + 4y = 5 is a line.
_SUM = re.compile(r"[a-z](?:\s*\+\s*[a-z])+|{0}(?:\s*[-+]\s*{0})+".format(r"\d*[a-w](?:\^\d)?"))
_RELATION = re.compile(r"[<>=]|\\(?:leq|geq|neq|in)(?![A-Za-z])")


def _list_items(node: Node) -> tuple[Node, ...]:
    """Items of a list or set; nothing for other nodes."""
    if isinstance(node, Group) and (node.kind in {"list", "set"} or node.modulus):
        return node.items
    return ()


def _names(equation: Equation) -> bool:
    """Whether the answer is the right side alone."""
    return is_name(equation.lhs) or is_constant(equation.lhs)


def _is_symbol(text: str) -> bool:
    return re.fullmatch(r"\\?[A-Za-z]+(?:_\w)?", text) is not None and is_name(text)


def _same_matrix(a: Node, b: Node, judge: Judge) -> bool:
    if isinstance(a, Matrix) and isinstance(b, Matrix):
        return [len(row) for row in a.rows] == [len(row) for row in b.rows] and _all_same(
            _cells(a), _cells(b), judge
        )
    matrix, other = (a, b) if isinstance(a, Matrix) else (b, a)
    assert isinstance(matrix, Matrix)
    cells = _cells(matrix)
    if len(cells) == 1:
        return same(cells[0], other, judge)
    if isinstance(other, Group) and other.kind in {"()", "[]", "list"}:
        if len(matrix.rows) == 1 or all(len(row) == 1 for row in matrix.rows):
            return _all_same(cells, other.items, judge)
        rows = [item.items for item in other.items if isinstance(item, Group) and item.ordered]
        return len(rows) == len(other.items) == len(matrix.rows) and all(
            _all_same(x, y, judge) for x, y in zip(matrix.rows, rows, strict=True)
        )
    return isinstance(other, Value) and judge.same_value(a.text, b.text)


def _cells(matrix: Matrix) -> list[Node]:
    return [cell for row in matrix.rows for cell in row]


def _all_same(a: Sequence[Node], b: Sequence[Node], judge: Judge) -> bool:
    return len(a) == len(b) and all(same(x, y, judge) for x, y in zip(a, b, strict=True))


def _same_group(a: Group, b: Group, judge: Judge) -> bool:
    if ":" in {a.kind, b.kind}:
        return a.kind == b.kind and _same_ratio(a, b, judge)
    if (a.modulus or b.modulus) and a.modulus != b.modulus:
        return False
    if a.ordered and b.ordered:
        return _same_brackets(a, b) and _all_same(a.items, b.items, judge)
    if a.ordered or b.ordered:
        ordered, other = (a, b) if a.ordered else (b, a)
        if other.kind == "union":
            return judge.same_value(a.text, b.text)  # [0,1] \cup [1,2]
        if (
            other.kind == "list"
            and (ordered.kind == "()" or len(ordered.items) > 2)  # [1, 2] may be an interval
            and _all_same(a.items, b.items, judge)
        ):
            return True
        return all(same(item, ordered, judge) for item in other.items)
    left, right = _records(a), _records(b)
    if left and right:
        return _same_set(left, right, lambda x, y: _same_record(x, y, judge))
    records = left or right
    if len(records) > 1 and len(records[0]) > 1:  # x = 1, y = 2; x = 3, y = 4 is (1, 2), (3, 4)
        tuples = [Group("", "()", tuple(record.values())) for record in records]
        others = b.items if left else a.items
        return _same_set(tuples, others, lambda x, y: same(x, y, judge))
    if _same_set(a.items, b.items, lambda x, y: same(x, y, judge)):
        return True
    return "union" in {a.kind, b.kind} and judge.same_value(a.text, b.text)


def _same_ratio(a: Group, b: Group, judge: Judge) -> bool:
    """2:3:5 is 4:6:10: every term is to the first as in the other."""
    x, y = a.items[0].text, b.items[0].text
    return len(a.items) == len(b.items) and all(
        judge.same_value(_product(x, q.text), _product(y, p.text))
        for p, q in zip(a.items, b.items, strict=True)
    )


def _product(a: str, b: str) -> str:
    x, y = number(a), number(b)
    return f"({a})({b})" if x is None or y is None else str(x * y)


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


def _same_record(a: Record, b: Record, judge: Judge) -> bool:
    return a.keys() == b.keys() and all(same(a[name], b[name], judge) for name in a)
