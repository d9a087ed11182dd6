"""A place that has a model's file: what the Hub, wheels and any other one must be able to do."""

from __future__ import annotations

import re
from dataclasses import Field, dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol

from pfsolve.models.transfer import PartFile


@dataclass(frozen=True)
class Remote:
    """What a place says of its file; None where it does not say.

    bytes: size of the file.
    sha256: 64 hexadecimal digits.
    commit: the version that the two belong to.
    """

    bytes: int | None = None
    sha256: str | None = None
    commit: str | None = None


class Cached(NamedTuple):
    """A file in a place's own cache; `sha256` is None where the cache does not tell it."""

    path: Path
    sha256: str | None


class WantedFile(NamedTuple):
    """What models.toml says of a model's file; size in bytes and sha256 are None where it is silent."""

    file: str
    bytes: int | None
    sha256: str | None


class Place(Protocol):
    """One place, as a frozen dataclass with the keys of its table in models.toml.

    `str(place)` names it to the user, as in "the Hub (owner/name)".
    """

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def look_up(self) -> Remote:
        """Ask what the place has, before any of it is fetched.

        Raises:
            PlaceFailed: it cannot be reached, does not have the file, or does not give it to us.
        """

    def check(self, seconds: float) -> None:
        """Whether the first bytes of the file come in that time, which this never exceeds.

        Raises:
            PlaceUnreachable: nothing comes from the place's host.
            PlaceFailed: it does not give this file.
        """

    def fetch(self, part: PartFile) -> None:
        """Bring the part file to its whole size, from where it ends.

        Raises:
            PlaceFailed: the bytes stopped coming; those that came stay in the part file.
            ResourceError: the disk has no room.
        """

    def cached(self) -> Cached | None:
        """The file where the place's own cache has it on this disk. No network."""


def stays_inside(path: str) -> bool:
    """Whether a path or a revision cannot lead out of the repository or of its folder in the cache."""
    parts = re.split(r"[/\\]", path)
    return path.isprintable() and all(part not in ("", ".", "..") for part in parts)
