"""How far training has got, as plain values for a display."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Collecting:
    """Of a file's `total` rows `done` need no more work; this run has worked on `worked` of them.

    solves: whether the policy solves them, or reads what is given. tokens: written or read by this
    run, in so many seconds.
    """

    file: str
    solves: bool
    done: int
    total: int
    worked: int
    tokens: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Fitting:
    """done of total heads have been fitted, to choose among them."""

    done: int
    total: int


Progress: TypeAlias = Collecting | Fitting
Listener: TypeAlias = Callable[[Progress], None]
