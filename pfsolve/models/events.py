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


@dataclass(frozen=True)
class Converting:
    """A checkpoint of so many `bytes` at `where` is about to be converted."""

    name: str
    where: str
    bytes: int


@dataclass(frozen=True)
class ReadsLike:
    """A checkpoint is being converted that reads a solution as the known model `like` does."""

    name: str
    like: str


@dataclass(frozen=True)
class HeadWritten:
    """The head of a process reward model is there."""

    name: str
    path: Path


@dataclass(frozen=True)
class Copying:
    """File `number` of `count` of a checkpoint is next."""

    name: str
    file: str
    number: int
    count: int


@dataclass(frozen=True)
class Quantizing:
    """llama.cpp is about to make the file smaller; progress then is that of the new file."""

    name: str
    kind: str


@dataclass(frozen=True)
class Converted:
    """The GGUF is whole."""

    name: str
    path: Path
    bytes: int


PullEvent: TypeAlias = Waiting | PlaceChosen | PlaceRefused | Progress | Checking | Finished
ConvertEvent: TypeAlias = (
    Waiting | Progress | Converting | ReadsLike | HeadWritten | Copying | Quantizing | Converted
)
Listener: TypeAlias = Callable[[PullEvent], None]
ConvertListener: TypeAlias = Callable[[ConvertEvent], None]


def ignore(event: object) -> None:
    """A listener that does not care."""
