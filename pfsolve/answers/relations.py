r"""Equations, inequalities, congruences: `x = 3`, `1 < x \leq 2`, `|x| < 2`, `n \equiv 1 \pmod 4`.

A reader sees a text and how to read its parts; it returns None for what is not of its shape.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from itertools import pairwise

from pfsolve.answers.numerals import number
from pfsolve.answers.tree import Equation, Group, Node, Read, Value, interval, is_interval, split

_EQUALS = re.compile(r"(?<![<>!:])=|:=|\\(?:approx|in|equiv|to|rightarrow)(?![A-Za-z])|:(?=\s)")
APPROXIMATELY = re.compile(r"\\approx(?![A-Za-z])")
_ORDER = re.compile(r"\\leq(?![A-Za-z])|\\geq(?![A-Za-z])|<|>")
_UNEQUAL = re.compile(r"\\neq(?![A-Za-z])")
_SYMBOL = r"(?:\\?[A-Za-z]+(?:_(?:\w|\{[^{}]*\}))?'*(?:\^\{-1\})?)"
_NAME = re.compile(
    rf"{_SYMBOL}(?:\s*\([^()=]{{1,40}}\))?"  # x, a_1, f(x), P(A, B), Area
    r"|(?:m\s*)?\\(?:angle|triangle)\s*[A-Z]+|\|[A-Z]{1,2}\||\\overline\{\s*[A-Z]+\s*\}"
    r"|\([a-z](?:\s*\\circ\s*[a-z])+\)\([a-z]\)"
    r"|[A-Za-z]+(?:[ '-]+[A-Za-z]+)+"  # words: number of apples
    r"|[A-Za-z]+(?:\s*:\s*[A-Za-z]+)+"  # a:b:c = 1:2:3
    rf"|\({_SYMBOL}(?:\([a-z]\))?(?:,\s*{_SYMBOL}(?:\([a-z]\))?)+\)"  # (x, y)
)
_FUNCTION = re.compile(
    r"\\(?:sin|cos|tan|cot|sec|csc|log|ln|exp|sqrt|frac|infty|pi|arc\w+)(?![A-Za-z])"
)
_NO_VARIABLES = re.compile(r"\\(?:begin|end)\{\w+\}|\\[A-Za-z]+|(?<![A-Za-z])[ei](?![A-Za-z])")
_BINDER = re.compile(r"\\(?:lim|int|sum|prod)(?![A-Za-z])")
_COMMA = re.compile(",")


def is_name(text: str) -> bool:
    r"""Whether the left side of an equation only names the right one: x, f(x), \angle ABC, Area."""
    return _NAME.fullmatch(text) is not None and not _FUNCTION.match(text)


def is_constant(text: str) -> bool:
    """Whether an expression has no free variable: the equation's other side is its value."""
    return bool(_BINDER.search(text)) or not re.search(r"[A-Za-z]", _NO_VARIABLES.sub("", text))


def is_equation(text: str) -> bool:
    """Whether there is a sign of equality or membership outside brackets."""
    return len(split(text, _EQUALS)[0]) > 1


def read_equation(text: str, read: Read) -> Node | None:
    r"""`x = 1`, `1 = x`, `(x, y) = (1, 2)`, `m + n = 3 + 4 = 7`, `x \in [0, 1]`."""
    sides, signs = split(text, _EQUALS)
    if len(sides) < 2 or not all(sides):
        return None
    lhs, value = sides[0], sides[-1]
    if is_name(value) and not is_name(lhs) and is_constant(lhs):  # 5 = x
        lhs, value = value, lhs
    elif APPROXIMATELY.match(signs[-1]):
        value = f"{signs[-1]} {value}"
    rhs = read(value)
    if isinstance(rhs, Group) and (rhs.kind == "list" or rhs.ordered):
        names = _tuple_of_names(lhs) if rhs.ordered else [lhs] * len(rhs.items)
        if len(names) == len(rhs.items):  # (x, y) = (1, 2), or x = \pm 2
            pairs = zip(names, rhs.items, strict=True)
            items = [Equation(f"{name}={item.text}", name, item) for name, item in pairs]
            return make_list(text, "list", items)
    return Equation(text, lhs, rhs)


def _tuple_of_names(text: str) -> list[str]:
    if not (text.startswith("(") and text.endswith(")")):
        return []
    names = split(text[1:-1], _COMMA)[0]
    return names if len(names) > 1 and all(map(is_name, names)) else []


# --- what lies between bounds ----------------------------------------------------------------

_ABSOLUTE = re.compile(r"\|\s*([a-z])\s*([-+]\s*[^|]+)?\|")
_EXCEPT = re.compile(r"\\mathbb\{R\}\s*\\setminus\s*\\\{(.*)\\\}")
_MINUS_INFINITY, _INFINITY = Value("-\\infty"), Value("\\infty")


def read_inequality(text: str, read: Read) -> Node | None:
    r"""`a < x \leq b`, `x > a`, `a > x` and `|x| < a`, x a name, as membership of an interval."""
    sides, signs = split(text, _ORDER)
    if len(sides) not in {2, 3} or not all(sides):
        return None
    upward = [sign in {"<", "\\leq"} for sign in signs]
    if len(set(upward)) > 1:
        return None
    if not upward[0]:
        sides, signs = sides[::-1], signs[::-1]
    closed = [sign.startswith("\\") for sign in signs]
    if len(sides) == 3:
        low, name, high = sides
        bounds = (read(low), read(high)), (closed[0], closed[1])
        return (
            Equation(text, name, interval(*bounds[0], closed=bounds[1])) if is_name(name) else None
        )
    low, high = sides
    if around := _ABSOLUTE.fullmatch(low) or _ABSOLUTE.fullmatch(high):
        within, distance = (True, high) if around[0] == low else (False, low)
        return _read_distance(text, around, distance, within, closed[0], read)
    if is_name(low) and not is_name(high):
        return Equation(text, low, interval(_MINUS_INFINITY, read(high), closed=(False, closed[0])))
    if is_name(high):
        return Equation(text, high, interval(read(low), _INFINITY, closed=(closed[0], False)))
    return None


def _read_distance(
    text: str, around: re.Match[str], distance: str, within: bool, closed: bool, read: Read
) -> Node | None:
    """`|x - 1| < 2` as an interval, `|x| > 2` as what is outside it."""
    centre, radius = number((around[2] or "0").replace(" ", "")), number(distance)
    if centre is not None and radius is not None:
        low, high = str(-centre - radius), str(radius - centre)
    elif not around[2]:
        low, high = f"-({distance})", distance
    else:
        return None
    ends = read(low), read(high)
    if within:
        return Equation(text, around[1], interval(*ends, closed=(closed, closed)))
    below = interval(_MINUS_INFINITY, ends[0], closed=(False, closed))
    above = interval(ends[1], _INFINITY, closed=(closed, False))
    return Equation(text, around[1], Group(text, "union", (below, above)))


def read_exception(text: str, read: Read) -> Node | None:
    r"""`\mathbb{R}`, `\mathbb{R} \setminus \{1, 2\}` and `x \neq 1` as unions of intervals."""
    if text == "\\mathbb{R}":
        return interval(_MINUS_INFINITY, _INFINITY)
    if excepted := _EXCEPT.fullmatch(text):
        return _without(text, split(excepted[1], _COMMA)[0], read)
    sides, _ = split(text, _UNEQUAL)
    if len(sides) < 2 or not all(sides) or not is_name(sides[0]):
        return None
    points = [point for side in sides[1:] for point in split(side, _COMMA)[0]]
    union = _without(text, points, read)
    return Equation(text, sides[0], union) if union else None


def _without(text: str, points: Sequence[str], read: Read) -> Group | None:
    """The real numbers without some points, which are plain numbers if they are several."""
    values = {point: number(point) for point in points}
    if len(values) > 1 and None in values.values():
        return None
    ordered = sorted(values, key=lambda point: values[point] or 0)
    ends = [_MINUS_INFINITY, *map(read, ordered), _INFINITY]
    pieces = tuple(interval(low, high) for low, high in pairwise(ends))
    return Group(text, "union", pieces)


def make_list(
    text: str, kind: str, items: Sequence[Node], words: Collection[str] = frozenset()
) -> Node:
    """A list or set with the items of lists and sets inside it.

    Bounds on one name are one set: "x < 1 or x > 2" is a union, "x > 1 and x < 2" an interval, and
    what only commas separate the one that is not empty. Residues of one modulus are one group.

    Args:
        words: that stand between the items, "and" or "or".
    """
    flat: list[Node] = []
    for item in items:
        flat.extend(
            item.items if isinstance(item, Group) and item.kind in {"list", "set"} else [item]
        )
    first = flat[0]
    if isinstance(first, Equation):
        sets = [e.rhs for e in flat if isinstance(e, Equation) and e.lhs == first.lhs]
        if len(sets) == len(flat) and (joined := _joined(text, sets, words)):
            return Equation(text, first.lhs, joined)
    return _residues(text, flat) or Group(text, kind, tuple(flat))


def _residues(text: str, sets: Sequence[Node]) -> Group | None:
    """Groups of residues of one modulus as one; None if they are none."""
    groups = [node for node in sets if isinstance(node, Group) and node.modulus]
    if len(groups) < len(sets) or len({group.kind for group in groups}) > 1:
        return None
    return Group(text, groups[0].kind, tuple(item for group in groups for item in group.items))


def _joined(text: str, sets: Sequence[Node], words: Collection[str]) -> Node | None:
    """Intervals, or groups of residues, as one; None if they are neither."""
    groups = [node for node in sets if isinstance(node, Group)]
    if len(groups) < len(sets) or not all(map(is_interval, groups)):
        return _residues(text, sets)
    common = _common(*groups) if len(groups) == 2 and not {"or", "vee"} & set(words) else None
    if isinstance(common, Value) and not words:
        common = None
    return common or Group(text, "union", tuple(groups))


def _common(a: Group, b: Group) -> Node | None:
    """What two half-lines in opposite directions have in common; None for other intervals."""
    if b.items[0].text == _MINUS_INFINITY.text:
        a, b = b, a
    if "union" in {a.kind, b.kind} or a.items[0].text != _MINUS_INFINITY.text:
        return None
    low, high = b.items[0], a.items[1]
    if b.items[1].text != _INFINITY.text or low.text == _MINUS_INFINITY.text:
        return None
    ends = number(low.text), number(high.text)
    if ends[0] is not None and ends[1] is not None and ends[0] > ends[1]:
        return Value("\\emptyset")
    return interval(low, high, closed=(b.kind[0] == "[", a.kind[1] == "]"))


# --- congruences -----------------------------------------------------------------------------

_CONGRUENCE = re.compile(
    r"(?:(?P<name>(?:(?!\\pmod|\\equiv)[^,;=])*)(?:\\equiv|=))?(?P<residues>[-\d,;\s]*|[-\d,;\s]*(?:and|or)[-\d\s]*)"
    r"\(?\s*\\pmod\{(?P<modulus>\d+)\}\s*\)?"
)


def read_congruence(text: str, _read: Read) -> Node | None:
    r"""`n \equiv 1, 3 \pmod{8}` as n and the residues 1 and 3 of 8."""
    match = _CONGRUENCE.fullmatch(text)
    residues = re.findall(r"-?\d+", match["residues"]) if match else []
    if not match or not residues or not int(match["modulus"]):
        return None
    modulus = int(match["modulus"])
    least = sorted({int(residue) % modulus for residue in residues})
    group = Group(text, f"mod {modulus}", tuple(Value(str(residue)) for residue in least))
    name = (match["name"] or "").strip()
    return Equation(text, name, group) if name else group
