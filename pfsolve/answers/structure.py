r"""The shape of an answer: a value, a list, a set, a tuple or interval, a matrix, an equation.

`parse` turns a normalised text into a small tree of frozen nodes, each with the text it came from.
It never fails: what has no known shape is a `Value`. `matching.same` compares two trees.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pfsolve.answers.normalise import number, strip_unit


@dataclass(frozen=True)
class Value:
    """A leaf: one expression, number, relation or text, without its unit."""

    text: str


@dataclass(frozen=True)
class Group:
    """Several items. `kind` is "list", "set", "union", or the pair of brackets: "()", "[)" ..."""

    text: str
    kind: str
    items: tuple[Node, ...]

    @property
    def ordered(self) -> bool:
        return self.kind not in {"list", "set", "union"}


@dataclass(frozen=True)
class Matrix:
    """Rows of cells."""

    text: str
    rows: tuple[tuple[Node, ...], ...]


@dataclass(frozen=True)
class Equation:
    r"""`lhs = rhs`, `lhs \in rhs`; a bound on a name is its membership of an interval."""

    text: str
    lhs: str
    rhs: Node


Node = Value | Group | Matrix | Equation

_MAX_ITEMS = 60
_MAX_DEPTH = 10


# "..., n \in \mathbb{Z}" and "... for n \geq 1" say what a letter in the answer stands for.
_CONDITION = re.compile(
    r"(?<=[^\s,])\s*(?:,|\(|\s)\s*(?:(?:for|where)\s+[^,]*"
    r"|[a-z]\s*\\in\s*\\mathbb\{?[ZN]\}?(?:\^\+)?)\)?$"
)


def parse(text: str, depth: int = 0) -> Node:
    """The tree of a normalised answer."""
    text = text.strip()
    if depth == 0:
        text = _CONDITION.sub("", text)
    if depth < _MAX_DEPTH:
        for reader in _READERS:
            if node := reader(text, depth + 1):
                return node
    return Value(strip_unit(text))


# --- where brackets stand --------------------------------------------------------------------

_BRACKET = re.compile(r"\\begin\{[^{}]*\}|\\end\{[^{}]*\}|\\[{}]|\\.|[()\[\]{}]", re.DOTALL)


def _depths(text: str) -> list[int]:
    """Bracket depth of each character; a bracket has the depth outside it. Kinds need not match."""
    depths, depth, position = [], 0, 0
    for token in _BRACKET.finditer(text):
        depths += [depth] * (token.start() - position)
        opens = token[0][-1] in "([{" or token[0].startswith("\\begin{")
        closes = token[0][-1] in ")]}" and not opens
        depth -= closes
        depths += [depth] * len(token[0])
        depth += opens
        position = token.end()
    return depths + [depth] * (len(text) - position)


def split(text: str, separator: re.Pattern[str]) -> list[str]:
    """Pieces of a text between the separators that stand outside all brackets, stripped."""
    depths = _depths(text)
    pieces, start = [], 0
    for match in separator.finditer(text):
        if depths[match.start()] == 0:
            pieces.append(text[start : match.start()].strip())
            start = match.end()
    return [*pieces, text[start:].strip()]


# --- lists and unions ------------------------------------------------------------------------

_SEPARATOR = re.compile(
    r",?\s+(?:and|or)(?![A-Za-z])|[,;]|\\(?:lor|vee|land|wedge)(?![A-Za-z])|\\\\"
)
_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?!,?\d)")
_SPACED = re.compile(r"-?[\d./]+(?: [\d./]+)+")
_CUP = re.compile(r"\\cup(?![A-Za-z])")


def _read_list(text: str, depth: int) -> Node | None:
    if depth == 1:  # inside brackets (1,234) is a pair
        text = _THOUSANDS.sub(lambda match: match[0].replace(",", ""), text)
    if _SPACED.fullmatch(text) and number(text) is None:  # 1 2 3, but not 1 1/2 or 12 000
        text = text.replace(" ", ", ")
    pieces = [piece for piece in split(text, _SEPARATOR) if piece]
    if len(pieces) < 2 or len(pieces) > _MAX_ITEMS:
        return None
    return _make_list(text, "list", [parse(piece, depth + 1) for piece in pieces])


def _make_list(text: str, kind: str, items: Sequence[Node]) -> Node:
    """A list or set with the items of lists and sets inside it. "x < 1 or x > 2" is a union."""
    flat: list[Node] = []
    for item in items:
        flat.extend(
            item.items if isinstance(item, Group) and item.kind in {"list", "set"} else [item]
        )
    first = flat[0]
    if isinstance(first, Equation):
        bounds = [e.rhs for e in flat if isinstance(e, Equation) and e.lhs == first.lhs]
        if len(bounds) == len(flat) and all(map(is_interval, bounds)):
            return Equation(text, first.lhs, Group(text, "union", tuple(bounds)))
    return Group(text, kind, tuple(flat))


def is_interval(node: Node) -> bool:
    """Whether a node can be an interval or a union of intervals."""
    return isinstance(node, Group) and (
        node.kind == "union" or (node.ordered and len(node.items) == 2)
    )


def _read_union(text: str, depth: int) -> Node | None:
    pieces = split(text, _CUP)
    if not 2 <= len(pieces) <= _MAX_ITEMS or len(split(text, _EQUALS)) > 1:
        return None
    return Group(text, "union", tuple(parse(piece, depth + 1) for piece in pieces))


# --- equations and inequalities --------------------------------------------------------------

_EQUALS = re.compile(r"(?<![<>!:])=|:=|\\(?:approx|in|equiv|to|rightarrow)(?![A-Za-z])|:(?=\s)")
_APPROXIMATELY = re.compile(r"\\approx(?![A-Za-z])")
_ORDER = re.compile(r"\\leq(?![A-Za-z])|\\geq(?![A-Za-z])|<|>")
_SYMBOL = r"(?:\\?[A-Za-z]+(?:_(?:\w|\{[^{}]*\}))?'*(?:\^\{-1\})?)"
_NAME = re.compile(
    rf"{_SYMBOL}(?:\s*\([^()=]{{1,40}}\))?"  # x, a_1, f(x), P(A, B), Area
    r"|(?:m\s*)?\\(?:angle|triangle)\s*[A-Z]+|\|[A-Z]{1,2}\||\\overline\{\s*[A-Z]+\s*\}"
    r"|\([a-z](?:\s*\\circ\s*[a-z])+\)\([a-z]\)"
    r"|[A-Za-z]+(?:[ '-]+[A-Za-z]+)+"  # words: number of apples
    rf"|\({_SYMBOL}(?:\([a-z]\))?(?:,\s*{_SYMBOL}(?:\([a-z]\))?)+\)"  # (x, y)
)
_FUNCTION = re.compile(
    r"\\(?:sin|cos|tan|cot|sec|csc|log|ln|exp|sqrt|frac|infty|pi|arc\w+)(?![A-Za-z])"
)
_NO_VARIABLES = re.compile(r"\\(?:begin|end)\{\w+\}|\\[A-Za-z]+|(?<![A-Za-z])[ei](?![A-Za-z])")
_BINDER = re.compile(r"\\(?:lim|int|sum|prod)(?![A-Za-z])")


def is_name(text: str) -> bool:
    r"""Whether the left side of an equation only names the right one: x, f(x), \angle ABC, Area."""
    return _NAME.fullmatch(text) is not None and not _FUNCTION.match(text)


def is_constant(text: str) -> bool:
    """Whether an expression has no free variable: the equation's other side is its value."""
    return bool(_BINDER.search(text)) or not re.search(r"[A-Za-z]", _NO_VARIABLES.sub("", text))


def _read_equation(text: str, depth: int) -> Node | None:
    exact, *approximations = split(text, _APPROXIMATELY)
    if approximations and exact and not is_name(exact):  # \sqrt{2} \approx 1.41 is \sqrt{2}
        return parse(exact, depth + 1)
    sides = split(text, _EQUALS)
    if len(sides) < 2 or not all(sides):
        return None
    lhs, value = sides[0], sides[-1]
    if is_name(value) and not is_name(lhs) and is_constant(lhs):  # 5 = x
        lhs, value = value, lhs
    rhs = parse(value, depth + 1)
    if isinstance(rhs, Group) and (rhs.kind == "list" or rhs.ordered):
        names = _tuple_of_names(lhs) if rhs.ordered else [lhs] * len(rhs.items)
        if len(names) == len(rhs.items):  # (x, y) = (1, 2), or x = \pm 2
            pairs = zip(names, rhs.items, strict=True)
            items = [Equation(f"{name}={item.text}", name, item) for name, item in pairs]
            return _make_list(text, "list", items)
    return Equation(text, lhs, rhs)


def _tuple_of_names(text: str) -> list[str]:
    if not (text.startswith("(") and text.endswith(")")):
        return []
    names = split(text[1:-1], re.compile(","))
    return names if len(names) > 1 and all(map(is_name, names)) else []


def _read_inequality(text: str, depth: int) -> Node | None:
    r"""`a < x \leq b`, `x > a` and `a > x`, where x is a name, as membership of an interval."""
    sides, signs = split(text, _ORDER), _ORDER.findall(text)
    if len(sides) not in {2, 3} or len(sides) != len(signs) + 1 or not all(sides):
        return None
    upward = [sign in {"<", "\\leq"} for sign in signs]
    if len(set(upward)) > 1:
        return None
    if not upward[0]:
        sides, signs = sides[::-1], signs[::-1]
    closed = [sign.startswith("\\") for sign in signs]
    if len(sides) == 2:  # the missing bound is infinite
        left = is_name(sides[0]) and not is_name(sides[1])
        sides = ["-\\infty", *sides] if left else [*sides, "\\infty"]
        closed = [False, *closed] if left else [*closed, False]
    low, name, high = sides
    if not is_name(name):
        return None
    kind = "(["[closed[0]] + ")]"[closed[1]]
    ends = (parse(low, depth + 1), parse(high, depth + 1))
    return Equation(text, name, Group(f"{kind[0]}{low},{high}{kind[1]}", kind, ends))


# --- brackets, matrices, signs ---------------------------------------------------------------

_ENCLOSED = re.compile(r"(\\\{|[(\[{\]])(.*?)(\\\}|[)\]}\[])", re.DOTALL)
_IMAGES = re.compile(r"(.+)(?:\\mid|:|\|)\s*[a-z]\s*\\in\s*\\mathbb\{?[ZN]\}?", re.DOTALL)
_SET_BUILDER = re.compile(r"[a-z](?:\s*\\in\s*\\mathbb\{?R\}?)?\s*(?:\\mid|:|\|)(.+)", re.DOTALL)
_COMMA = re.compile(r"[,;]")
_MATRIX = re.compile(
    r"\\begin\{([pbB]?(?:small)?matrix|array)\}(?:\s*\{[^{}]*\})?(.*)\\end\{\1\}", re.DOTALL
)
_ROW_END = re.compile(r"\\\\(?:\[[^\[\]]*\])?|\\cr(?![A-Za-z])")


def _read_brackets(text: str, depth: int) -> Node | None:
    match = _ENCLOSED.fullmatch(text)
    if not match or not all(_depths(text)[len(match[1]) : -len(match[3])]):
        return None  # not enclosed, or (a)(b)
    body = match[2].strip()
    kind = {"][": "()", "](": "()"}.get(match[1][-1] + match[3][-1], match[1][-1] + match[3][-1])
    if not body:
        return Value("\\emptyset") if kind == "{}" else None
    if kind == "{}" and (condition := _SET_BUILDER.fullmatch(body) or _IMAGES.fullmatch(body)):
        return parse(condition[1], depth + 1)
    pieces = split(body, _COMMA)
    if len(pieces) == 1:  # (5), [5] and {5} are 5
        return parse(body, depth + 1)
    if len(pieces) > _MAX_ITEMS or not all(pieces):
        return None
    items = [parse(piece, depth + 1) for piece in pieces]
    if kind == "{}":
        return _make_list(text, "set", items)
    if all(isinstance(item, Equation) and is_name(item.lhs) for item in items):
        return _make_list(text, "list", items)  # (x = 1, y = 2)
    return Group(text, kind, tuple(items))


def _read_matrix(text: str, depth: int) -> Node | None:
    match = _MATRIX.fullmatch(text)
    if not match:
        return None
    rows = [split(row, re.compile("&")) for row in split(match[2], _ROW_END) if row]
    if not rows or sum(map(len, rows)) > _MAX_ITEMS:
        return None
    return Matrix(text, tuple(tuple(parse(cell, depth + 1) for cell in row) for row in rows))


def _read_signs(text: str, depth: int) -> Node | None:
    r"""`a \pm b` as the list of a + b and a - b; \mp takes the opposite sign."""
    if not re.search(r"\\[pm][mp](?![A-Za-z])", text):
        return None
    variants = []
    for upper, lower in ("+-", "-+"):
        variant = re.sub(r"\\pm(?![A-Za-z])\s*", upper, text)
        variant = re.sub(r"\\mp(?![A-Za-z])\s*", lower, variant)
        variants.append(parse(re.sub(r"(^|[(\[{,=])\s*\+", r"\1", variant), depth + 1))
    return _make_list(text, "list", variants)


# Each sees the text only if those before it found no shape of theirs in it.
_READERS = (
    _read_list,
    _read_equation,
    _read_union,
    _read_inequality,
    _read_matrix,
    _read_brackets,
    _read_signs,
)
