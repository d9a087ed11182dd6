"""What happens while a model is fetched: frozen records for whoever watches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias


@dataclass(frozen=True)
class Waiting:
    """Another process is fetching the same model."""

    name: str


@dataclass(frozen=True)
class PlaceChosen:
    """A place is about to be asked. `total` is None while nobody knows the size of the file."""

    name: str
    place: str
    done: int
    total: int | None


@dataclass(frozen=True)
class PlaceRefused:
    """A place did not give the file."""

    name: str
    place: str
    reason: str


@dataclass(frozen=True)
class Progress:
    """`done` of `total` bytes are there."""

    name: str
    done: int
    total: int


@dataclass(frozen=True)
class Checking:
    """The file is being hashed."""

    name: str


@dataclass(frozen=True)
class Finished:
    """The file is whole and good."""

    name: str
    path: Path
    bytes: int


PullEvent: TypeAlias = Waiting | PlaceChosen | PlaceRefused | Progress | Checking | Finished
Listener: TypeAlias = Callable[[PullEvent], None]


def ignore(event: PullEvent) -> None:
    """A listener that does not care."""
