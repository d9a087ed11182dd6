"""Fetching a model: its places in order, until one has brought the bytes whose sha256 is right."""

from __future__ import annotations

from pathlib import Path

from pfsolve import events
from pfsolve.errors import Interrupted, ModelMissing
from pfsolve.events import Listener, ignore
from pfsolve.files import sha256_of
from pfsolve.models.entry import HubPlace, ModelEntry, Place
from pfsolve.models.store import Store
from pfsolve.models.transfer import PartFile, PlaceFailed, disk_trouble
from pfsolve.wording import format_bytes


def find(entry: ModelEntry, store: Store) -> Path | None:
    """The model's file: in the store, or where the Hub's own cache has it. No network."""
    if path := store.find(entry):
        return path
    if not any(isinstance(place, HubPlace) for place in entry.places):
        return None
    from pfsolve.models import hub

    return hub.find_cached(entry)


def pull(
    entry: ModelEntry, store: Store, *, offline: bool = False, listen: Listener = ignore
) -> Path:
    """The model's file, fetched if it is not on this disk yet.

    An interrupted pull goes on where it stopped, at whichever place. If another process is
    fetching the same model, its file is waited for.

    Raises:
        ModelMissing: no place gave the right file; or it is not here, and is to be converted, or
            `offline`.
        ResourceError: the disk has no room, or cannot be written.
        Interrupted: Ctrl-C; what came so far is kept.
    """
    try:
        if path := find(entry, store):
            return path
        if not entry.places:
            raise ModelMissing(
                f"{entry.name} is not on this disk, and no place has it ready for llama.cpp",
                f"`pfsolve models convert {entry.name}` makes it from its checkpoint",
            )
        if offline:
            raise ModelMissing(
                f"{entry.name} is not on this disk, and pfsolve is to stay offline",
                f"go online once for `pfsolve models pull {entry.name}`",
            )
        with (
            disk_trouble(store.folder(entry)),
            store.lock(entry, waiting=lambda: listen(events.DownloadWaits(entry.name))),
        ):
            path = store.find(entry) or _Pull(entry, store, listen).run()
    except KeyboardInterrupt:
        kept = store.unfinished_bytes(entry)
        raise Interrupted(
            f"stopped fetching {entry.name}; {format_bytes(kept)} of it are kept",
            f"`pfsolve models pull {entry.name}` goes on from there",
        ) from None
    listen(events.DownloadEnded(entry.name, path, path.stat().st_size))
    return path


class _Pull:
    """One pull of one model, under its lock."""

    def __init__(self, entry: ModelEntry, store: Store, listen: Listener) -> None:
        self.entry = entry
        self.store = store
        self.listen = listen

    def run(self) -> Path:
        self.store.folder(self.entry).mkdir(parents=True, exist_ok=True)
        self.store.sweep_scratch(self.entry)
        failures: list[tuple[Place, PlaceFailed]] = []
        for place in self.entry.places:
            self.listen(
                events.PlaceChosen(
                    self.entry.name,
                    str(place),
                    self.store.unfinished_bytes(self.entry),
                    self.entry.size,
                )
            )
            try:
                return self._from(place)
            except PlaceFailed as failure:
                failures.append((place, failure))
                self.listen(events.PlaceRefused(self.entry.name, str(place), failure.reason))
        raise self._missing(failures)

    def _from(self, place: Place) -> Path:
        if isinstance(place, HubPlace):
            from pfsolve.models import hub

            remote = hub.look_up(place)
            total, sha256 = self._agree(remote.bytes, remote.sha256)
            part = self._part(total, sha256)
            hub.fetch(place, remote, part)
        else:
            from pfsolve.models import wheels

            total, sha256 = self._agree(None, None)
            part = self._part(total, sha256)
            wheels.fetch(place, part)
        return self._checked(part, sha256)

    def _agree(self, size: int | None, sha256: str | None) -> tuple[int, str]:
        """Size and hash of the file, from the entry and what a place says; they may not differ."""
        entry = self.entry
        if entry.sha256 and sha256 and sha256 != entry.sha256:
            raise PlaceFailed(f"it has another file: sha256 {sha256}, not {entry.sha256}")
        if entry.bytes and size and size != entry.bytes:
            raise PlaceFailed(f"it has another file: {size} bytes, not {entry.bytes}")
        size, sha256 = entry.bytes or size, entry.sha256 or sha256
        if size is None or sha256 is None:
            raise PlaceFailed("neither it nor models.toml gives the file's size and sha256")
        return size, sha256

    def _part(self, total: int, sha256: str) -> PartFile:
        def report(done: int) -> None:
            self.listen(events.BytesCame(self.entry.name, done, total))

        return PartFile(self.store.part(self.entry, sha256), total, report)

    def _checked(self, part: PartFile, sha256: str) -> Path:
        self.listen(events.Checking(self.entry.name))
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
            again = f"goes on from {format_bytes(kept)}" if kept else "tries again"
            hints = [
                f"with a network, `pfsolve models pull {self.entry.name}` {again}; "
                "a GGUF file of your own can be given by its path"
            ]
        return ModelMissing(f"{self.entry.name} cannot be fetched. {reasons}", "; ".join(hints))
