"""The directory of model files: a folder for each model.

<models_dir>/<name>/<file>             only ever a whole file whose sha256 was right
<models_dir>/<name>/<file>.sha256      that sha256, as sha256sum writes it
<models_dir>/<name>/<stem>.head.safetensors   head of a converted process reward model
<models_dir>/<name>/<sha256>.part      the beginning of a file, from which a pull resumes
<models_dir>/<name>/converting-<stem>/ what an unfinished conversion has made so far
<models_dir>/.locks/<name>.lock        held by the process that fetches or removes
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pfsolve.errors import PfsolveError
from pfsolve.files import flush, locked, write_text
from pfsolve.models.entry import ModelEntry, head_file

SCRATCH = "wheels-"  # prefix of the folders that hold a wheel for a moment
CONVERTING = "converting-"  # prefix of the folders in which a checkpoint is converted


class Store:
    """Finds, accepts and removes model files. Nothing is created before it is needed."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def folder(self, entry: ModelEntry) -> Path:
        return self.directory / entry.name

    def file(self, entry: ModelEntry) -> Path:
        """Where the model's file lies, or will lie."""
        return self.folder(entry) / entry.file

    def part(self, entry: ModelEntry, sha256: str) -> Path:
        """Where the beginning of the file with this hash is kept."""
        return self.folder(entry) / f"{sha256}.part"

    def find(self, entry: ModelEntry) -> Path | None:
        """The model's file if it is there and, by its size and recorded hash, the right one.

        It is not hashed again: it was before it got its name.
        """
        file = self.file(entry)
        try:
            size = file.stat().st_size
        except OSError:
            return None
        recorded = self.recorded(entry)
        known = entry.sha256 or recorded
        return file if known and not entry.contradiction(size, recorded) else None

    def recorded(self, entry: ModelEntry) -> str | None:
        """The sha256 written beside the file when it was accepted."""
        try:
            text = _record(self.file(entry)).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None
        return text[:64] if re.match(r"[0-9a-f]{64} ", text) else None

    def accept(self, entry: ModelEntry, part: Path, sha256: str) -> Path:
        """Give a whole, checked part file its final name. A crash leaves no bad file."""
        file = self.file(entry)
        name_for_good(part, file, sha256)
        self.sweep(entry)
        return file

    def unfinished_bytes(self, entry: ModelEntry) -> int:
        """Bytes that an interrupted pull or conversion can resume from."""
        folder = self.folder(entry)
        parts = [part.stat().st_size for part in folder.glob("*.part")]
        return max(parts + [_size(work) for work in folder.glob(f"{CONVERTING}*")], default=0)

    def sweep(self, entry: ModelEntry) -> int:
        """Remove what is unfinished; returns the bytes freed."""
        folder = self.folder(entry)
        freed = sum(map(_unlink, folder.glob("*.part")))
        freed += sum(map(_remove_tree, folder.glob(f"{CONVERTING}*")))
        return freed + self.sweep_scratch(entry)

    def sweep_scratch(self, entry: ModelEntry) -> int:
        """Remove wheels that a killed process has left; returns the bytes freed."""
        return sum(map(_remove_tree, self.folder(entry).glob(f"{SCRATCH}*")))

    def remove(self, entry: ModelEntry) -> int:
        """Remove the model's file and all that is unfinished; returns the bytes freed.

        Files that pfsolve did not write stay.
        """
        file = self.file(entry)
        freed = self.sweep(entry) + _unlink(file) + _unlink(head_file(file))
        _unlink(_record(file))
        folder = self.folder(entry)
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
        return freed

    @contextmanager
    def lock(self, entry: ModelEntry, waiting: Callable[[], None] | None = None) -> Iterator[None]:
        """Keep other processes from this model meanwhile.

        Args:
            waiting: called once if another process holds the lock, before waiting for it. Without
                it, a lock that is held is an error.

        Raises:
            PfsolveError: another process holds the lock, and there is no `waiting`.
        """
        with self.lock_named(entry.name, entry.name, waiting):
            yield

    @contextmanager
    def lock_named(
        self, key: str, what: str, waiting: Callable[[], None] | None = None
    ) -> Iterator[None]:
        """As `lock`, for the work that `key` names; the message calls it `what`."""

        def refuse() -> None:
            raise PfsolveError(
                f"another process is fetching {what}", "wait for it, or stop it first"
            )

        locks = self.directory / ".locks"
        locks.mkdir(parents=True, exist_ok=True)
        with locked(locks / f"{key}.lock", waiting or refuse):
            yield


def name_for_good(part: Path, file: Path, sha256: str) -> None:
    """Give a whole, checked part file its final name, and write its sha256 beside it."""
    flush(part)  # the name must not outlive a power cut that the bytes do not
    write_text(_record(file), f"{sha256}  {file.name}\n")
    part.replace(file)


def _record(file: Path) -> Path:
    return file.with_name(f"{file.name}.sha256")


def _size(folder: Path) -> int:
    return sum(file.lstat().st_size for file in folder.rglob("*") if file.is_file())


def _remove_tree(folder: Path) -> int:
    size = _size(folder)
    shutil.rmtree(folder, ignore_errors=True)
    return size


def _unlink(file: Path) -> int:
    try:
        size = file.lstat().st_size
        file.unlink()
    except FileNotFoundError:
        return 0
    return size
