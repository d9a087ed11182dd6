"""A model's file: found on this disk, fetched from the first place that gives it, and checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pfsolve.errors import Interrupted, ModelMissing
from pfsolve.events import Listener, ignore
from pfsolve.events.work import (
    BytesCame,
    Checking,
    DownloadEnded,
    DownloadWaits,
    PlaceChosen,
    PlaceRefused,
)
from pfsolve.files import sha256_of
from pfsolve.models.entry import ModelEntry
from pfsolve.models.place import Place
from pfsolve.models.store import Store
from pfsolve.models.transfer import PartFile, PlaceFailed, disk_trouble
from pfsolve.wording import format_bytes


def find(entry: ModelEntry, store: Store) -> Path | None:
    """The model's file: in the store, or in a place's own cache. No network."""
    if path := store.find(entry):
        return path
    for place in entry.places:
        cached = place.cached()
        if cached and not entry.contradiction(cached.path.stat().st_size, cached.sha256):
            return cached.path
    return None


def pull(
    entry: ModelEntry, store: Store, *, offline: bool = False, listen: Listener = ignore
) -> Path:
    """The model's file, fetched if it is not on this disk yet.

    An interrupted pull resumes where it stopped, even at another place. If another process is
    fetching the same model, this one waits for the file.

    Raises:
        ModelMissing: no place gave the right file; or it is not on this disk, and must be converted,
            or this is `offline`.
        ResourceError: the disk has no room, or cannot be written.
        Interrupted: Ctrl-C; what came so far is kept.
    """
    try:
        if path := find(entry, store):
            return path
        if not entry.places:
            raise ModelMissing(
                f"{absence(entry, store)}, and no place has it ready for llama.cpp",
                f"`pfsolve models convert {entry.name}` makes it from its checkpoint",
            )
        if offline:
            raise ModelMissing(
                f"{absence(entry, store)}, and pfsolve is to stay offline",
                f"go online once for `pfsolve models pull {entry.name}`",
            )
        with (
            disk_trouble(store.folder(entry)),
            store.lock(entry, waiting=lambda: listen(DownloadWaits(entry.name))),
        ):
            path = store.find(entry) or _Pull(entry, store, listen).run()
    except KeyboardInterrupt:
        kept = store.unfinished_bytes(entry)
        if not kept:
            raise Interrupted(f"stopped fetching {entry.name}") from None
        raise Interrupted(
            f"stopped fetching {entry.name}; {format_bytes(kept)} of it are kept",
            f"`pfsolve models pull {entry.name}` resumes from there",
        ) from None
    listen(DownloadEnded(entry.name, path, path.stat().st_size))
    return path


@dataclass(frozen=True)
class Verification:
    """What a check of a model's file found.

    name: of the model.
    path: of the file.
    sha256: the hash that the file has.
    expected: the hash that it should have; None where nothing tells.
    """

    name: str
    path: Path
    sha256: str
    expected: str | None

    @property
    def good(self) -> bool:
        return self.sha256 == self.expected


def present(entry: ModelEntry, store: Store) -> Path | None:
    """The model's file as `find` has it, or a damaged one in the store."""
    file = store.file(entry)
    return file if file.exists() else find(entry, store)


def absence(entry: ModelEntry, store: Store) -> str:
    """Why `find` finds no file: the model is not on this disk, or its file in the store is damaged."""
    file = store.file(entry)
    if not file.is_file():
        return f"{entry.name} is not on this disk"
    differs = entry.contradiction(file.stat().st_size, store.recorded(entry))
    return f"{entry.name} is damaged: {file} has {differs or 'a sha256 that is not known'}"


def verify(entry: ModelEntry, store: Store, path: Path) -> Verification:
    """Hash a model's file and compare.

    Raises:
        ResourceError: the file cannot be read.
    """
    expected = entry.sha256
    if expected is None and path == store.file(entry):
        expected = store.recorded(entry)
    elif expected is None:
        caches = filter(None, (place.cached() for place in entry.places))
        expected = next((cached.sha256 for cached in caches if cached.path == path), None)
    with disk_trouble(path.parent):
        return Verification(entry.name, path, sha256_of(path), expected)


@dataclass(frozen=True)
class _Pull:
    """One pull of one model, under its lock."""

    entry: ModelEntry
    store: Store
    listen: Listener

    def run(self) -> Path:
        entry, store = self.entry, self.store
        store.folder(entry).mkdir(parents=True, exist_ok=True)
        store.sweep_scratch(entry)
        failures: list[tuple[Place, PlaceFailed]] = []
        for place in entry.places:
            kept = store.unfinished_bytes(entry)
            self.listen(PlaceChosen(entry.name, str(place), kept, entry.size))
            try:
                return self._from(place)
            except PlaceFailed as failure:
                failures.append((place, failure))
                self.listen(PlaceRefused(entry.name, str(place), failure.reason))
        raise self._missing(failures)

    def _from(self, place: Place) -> Path:
        entry = self.entry
        remote = place.look_up()
        if differs := entry.contradiction(remote.bytes, remote.sha256):
            raise PlaceFailed(f"it has another file: {differs}")
        total, sha256 = entry.bytes or remote.bytes, entry.sha256 or remote.sha256
        if total is None or sha256 is None:
            raise PlaceFailed("neither it nor models.toml gives the file's size and sha256")

        def report(done: int) -> None:
            self.listen(BytesCame(entry.name, done, total, part.stage))

        part = PartFile(self.store.part(entry, sha256), total, report)
        place.fetch(part)
        return self._checked(part, sha256)

    def _checked(self, part: PartFile, sha256: str) -> Path:
        self.listen(Checking(self.entry.name))
        found = sha256_of(part.path)
        if found != sha256:
            part.path.unlink()
            raise PlaceFailed(
                f"the bytes are wrong (sha256 {found}, not {sha256}); they are deleted",
                f"`pfsolve models pull {self.entry.name}` starts anew",
            )
        return self.store.accept(self.entry, part.path, sha256)

    def _missing(self, failures: list[tuple[Place, PlaceFailed]]) -> ModelMissing:
        reasons = "; ".join(f"{place}: {failure.reason}" for place, failure in failures)
        hints = [failure.hint for _, failure in failures if failure.hint]
        if not hints:
            kept = self.store.unfinished_bytes(self.entry)
            again = f"resumes at {format_bytes(kept)}" if kept else "tries again"
            hints = [
                f"with a network, `pfsolve models pull {self.entry.name}` {again}; "
                "a GGUF file of your own can be given by its path"
            ]
        return ModelMissing(f"{self.entry.name} cannot be fetched. {reasons}", "; ".join(hints))
