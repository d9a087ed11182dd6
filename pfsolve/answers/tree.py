"""The shapes an answer can have, as frozen nodes, each with the text it came from."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Value:
    """A leaf: one expression, number, relation or text."""

    text: str  # without the unit
    unit: str = ""


@dataclass(frozen=True)
class Group:
    """Several items.

    `kind` is "list", "set", "union", "mod 4" (residues), ":" (a ratio), or the pair of brackets:
    "()", "[)" ...
    """

    text: str
    kind: str
    items: tuple[Node, ...]

    @property
    def ordered(self) -> bool:
        return len(self.kind) == 2

    @property
    def modulus(self) -> int:
        """What residues are taken of; 0 for other kinds."""
        return int(self.kind.removeprefix("mod ")) if self.kind.startswith("mod ") else 0


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
Read = Callable[[str], Node]  # how a reader of a shape reads the parts of it

MAX_ITEMS = 60


def interval(low: Node, high: Node, *, closed: tuple[bool, bool] = (False, False)) -> Group:
    """The interval between two ends."""
    kind = "(["[closed[0]] + ")]"[closed[1]]
    return Group(f"{kind[0]}{low.text},{high.text}{kind[1]}", kind, (low, high))


def is_interval(node: Node) -> bool:
    """Whether a node can be an interval or a union of intervals."""
    return isinstance(node, Group) and (
        node.kind == "union" or (node.ordered and len(node.items) == 2)
    )


# --- where brackets stand --------------------------------------------------------------------

_BRACKET = re.compile(r"\\begin\{[^{}]*\}|\\end\{[^{}]*\}|\\[{}]|\\.|[()\[\]{}]", re.DOTALL)


def depths(text: str) -> list[int]:
    """Bracket depth of each character; a bracket has the depth outside it. Kinds need not match."""
    found, depth, position = [], 0, 0
    for token in _BRACKET.finditer(text):
        found += [depth] * (token.start() - position)
        opens = token[0][-1] in "([{" or token[0].startswith("\\begin{")
        closes = token[0][-1] in ")]}" and not opens
        depth -= closes
        found += [depth] * len(token[0])
        depth += opens
        position = token.end()
    return found + [depth] * (len(text) - position)


def split(text: str, separator: re.Pattern[str]) -> tuple[list[str], list[str]]:
    """Pieces of a text between separators outside all brackets, stripped, and the separators."""
    at = depths(text)
    pieces, between, start = [], [], 0
    for match in separator.finditer(text):
        if at[match.start()] == 0:
            pieces.append(text[start : match.start()].strip())
            between.append(match[0].strip())
            start = match.end()
    return [*pieces, text[start:].strip()], between
