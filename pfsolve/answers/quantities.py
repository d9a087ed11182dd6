"""Values with units: 2 hours are 120 minutes, and 5 km are neither 5 m nor 5 kg."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

from pfsolve.answers.numerals import number
from pfsolve.answers.tree import Group, Node, Value
from pfsolve.answers.units import same_spelling
from pfsolve.answers.values import Judge


def same_quantity(a: Node, b: Node, judge: Judge) -> bool:
    """Whether two values are the same, converted if both have a unit that can be."""
    units = [node.unit if isinstance(node, Value) else "" for node in (a, b)]
    if all(units) and not same_spelling(*units):
        factor = judge.conversion(*units)
        if factor is not None:
            return factor != 0 and judge.same_value(*_converted(a.text, units, b.text, factor))
    elif "degree" in units and not all(units):  # 135^\circ is 3\pi/4, and 135
        degrees, other = (a, b) if units[0] else (b, a)
        if "\\pi" in other.text and "\\pi" not in degrees.text:
            return judge.same_value(_in_radians(degrees.text), other.text)
    return judge.same_value(a.text, b.text)


def _converted(a: str, units: Sequence[str], b: str, factor: Fraction) -> tuple[str, str]:
    """Two values in different units as two in one, or in radians."""
    angles = [unit[:3].lower() for unit in units]
    if angles == ["deg", "rad"]:
        return _in_radians(a), b
    if angles == ["rad", "deg"]:
        return a, _in_radians(b)
    value = number(a)
    if value is not None:
        return str(value * factor), b
    return rf"\frac{{{factor.numerator}}}{{{factor.denominator}}}({a})", b


def _in_radians(text: str) -> str:
    return rf"\frac{{\pi}}{{180}}({text})"


def parts(node: Node) -> list[Value]:
    """The items of a list that can be the parts of one quantity; none for anything else."""
    if not isinstance(node, Group) or node.kind != "list":
        return []
    items = [item for item in node.items if isinstance(item, Value) and item.unit]
    return items if len(items) == len(node.items) > 1 else []


def total(node: Node, judge: Judge) -> Node:
    """5 feet and 6 inches as one quantity in feet; as it is if units do not get smaller."""
    items = parts(node)
    if not items:
        return node
    unit = items[0].unit
    total = number(items[0].text)
    for previous, item in pairwise(items):
        smaller = judge.conversion(item.unit, previous.unit)
        factor, value = judge.conversion(item.unit, unit), number(item.text)
        if total is None or value is None or not factor or not smaller or smaller >= 1:
            return node
        total += value * factor
    return Value(str(total), unit)
