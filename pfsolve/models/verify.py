"""Whether a model's file still is what it was when it was fetched."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pfsolve.files import sha256_of
from pfsolve.models.download import find
from pfsolve.models.entry import ModelEntry
from pfsolve.models.store import Store
from pfsolve.models.transfer import disk_trouble


@dataclass(frozen=True)
class Verification:
    """The sha256 a file has and the one it should have (None where nothing says so)."""

    name: str
    path: Path
    sha256: str
    expected: str | None

    @property
    def good(self) -> bool:
        return self.sha256 == self.expected


def present(entry: ModelEntry, store: Store) -> Path | None:
    """The model's file, whole or not: unlike `find`, this shows a file of the wrong size too."""
    file = store.file(entry)
    return file if file.exists() else find(entry, store)


def verify(entry: ModelEntry, store: Store, path: Path) -> Verification:
    """Hash a model's file and compare.

    Raises:
        ResourceError: the file cannot be read.
    """
    expected = entry.sha256
    if expected is None and path == store.file(entry):
        expected = store.recorded(entry)
    elif expected is None:
        from pfsolve.models import hub

        expected = hub.cached_sha256(path)
    with disk_trouble(path.parent):
        return Verification(entry.name, path, sha256_of(path), expected)
