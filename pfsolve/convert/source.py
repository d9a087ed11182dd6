"""Where a checkpoint's files are: in a directory, or in a repository on the Hub, read from there."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from pfsolve.errors import ModelFileError, ModelMissing
from pfsolve.files import sha256_of
from pfsolve.models.entry import HubPlace
from pfsolve.models.transfer import PartFile, PlaceFailed

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from pfsolve.models.hub import Remote

MAX_SMALL = 100_000_000  # bytes of a file that is read whole: JSON, merges
BUFFER = 1 << 18  # bytes asked of the Hub at least, where parts of a file are read

Report = Callable[[int], None]


class CheckpointSource(Protocol):
    """The files of one checkpoint.

    title: its name, as that of a file. where: the place, in words. url: its page on the Hub.
    """

    title: str
    where: str

    @property
    def url(self) -> str | None: ...

    def size(self, file: str) -> int | None:
        """Bytes of a file, None if there is none of this name."""

    def read(self, file: str) -> bytes:
        """A small file as a whole."""

    def open(self, file: str) -> BinaryIO:
        """A file, to be read here and there."""

    def state(self, files: tuple[str, ...]) -> str:
        """What is another if one of these files is."""

    def is_remote(self, file: str) -> bool:
        """Whether a file lies on no disk of this machine yet."""

    def fetched(self, file: str, folder: Path, report: Report) -> AbstractContextManager[Path]:
        """A file on this disk. One that is remote is fetched into `folder`, going on with what is
        there of it, and removed when all has gone well. report: hears how many bytes have come."""


class Directory:
    """A checkpoint in a directory."""

    url: str | None = None

    def __init__(self, path: Path) -> None:
        self.title = path.resolve().name
        self.where = str(path)
        self._path = path

    def size(self, file: str) -> int | None:
        path = self._path / file
        return path.stat().st_size if path.is_file() else None

    def read(self, file: str) -> bytes:
        return (self._path / file).read_bytes()

    def open(self, file: str) -> BinaryIO:
        return (self._path / file).open("rb")

    def state(self, files: tuple[str, ...]) -> str:
        stats = [(file, (self._path / file).stat()) for file in files]
        return repr([(file, stat.st_size, stat.st_mtime_ns) for file, stat in stats])

    def is_remote(self, file: str) -> bool:
        return False

    @contextmanager
    def fetched(self, file: str, folder: Path, report: Report) -> Iterator[Path]:
        yield self._path / file


class Repository:
    """A checkpoint on the Hub, at the commit that its revision is when it is first asked.

    Files that the Hub's own cache holds are read there. All methods may raise PlaceFailed, if the Hub
    cannot be reached or does not give what is wanted.

    Args:
        offline: use nothing but that cache.
    """

    def __init__(self, repo: str, revision: str, *, offline: bool = False) -> None:
        self.title = repo.rpartition("/")[2]
        self.where = f"the Hub ({repo})"
        self._repo = repo
        self._wanted = revision
        self._offline = offline
        self._remotes: dict[str, Remote | None] = {}

    @cached_property
    def _revision(self) -> str:
        """The commit, or what was asked for where nobody can say which commit that is."""
        from pfsolve.models import hub

        place = HubPlace(self._repo, "config.json", self._wanted)
        cached = hub.cached_file(place)
        if self._offline and not cached:
            raise ModelMissing(
                f"{self._repo} is not in the Hub's cache, and pfsolve is to stay offline",
                "go online, or give a directory with the checkpoint",
            )
        if self._offline:
            return self._wanted
        try:
            return hub.look_up(place).commit or self._wanted
        except hub.FileMissing:
            return self._wanted
        except PlaceFailed:
            if not cached:
                raise
            self._offline = True
            return self._wanted

    @property
    def url(self) -> str:
        from pfsolve.models import hub

        return f"{hub.page(self._repo)}/tree/{self._revision}"

    def size(self, file: str) -> int | None:
        if cached := self._cached(file):
            return cached.stat().st_size
        remote = self._remote(file)
        if remote is not None and remote.bytes is None:
            raise PlaceFailed(f"it does not say how large {file} is")
        return remote.bytes if remote else None

    def read(self, file: str) -> bytes:
        from pfsolve.models import hub

        if cached := self._cached(file):
            return cached.read_bytes()
        remote = self._known(file)
        return hub.read_range(self._place(file), remote, 0, remote.bytes or 0)

    def open(self, file: str) -> BinaryIO:
        if cached := self._cached(file):
            return cached.open("rb")
        return io.BufferedReader(_RemoteFile(self._place(file), self._known(file)), BUFFER)

    def state(self, files: tuple[str, ...]) -> str:
        return repr((self._repo, self._revision, files))

    def is_remote(self, file: str) -> bool:
        return self._cached(file) is None

    @contextmanager
    def fetched(self, file: str, folder: Path, report: Report) -> Iterator[Path]:
        from pfsolve.models import hub

        if cached := self._cached(file):
            yield cached
            return
        remote = self._known(file)
        mark = remote.sha256 or f"{self._revision}-{file}".replace("/", "-")
        part = PartFile(folder / f"{mark}.part", remote.bytes or 0, report)
        hub.fetch(self._place(file), remote, part)
        if remote.sha256 and sha256_of(part.path) != remote.sha256:
            part.path.unlink()
            raise PlaceFailed(f"the bytes of {file} are wrong; they are deleted")
        yield part.path
        part.path.unlink()

    def _place(self, file: str) -> HubPlace:
        return HubPlace(self._repo, file, self._revision)

    def _cached(self, file: str) -> Path | None:
        from pfsolve.models import hub

        return hub.cached_file(self._place(file))

    def _remote(self, file: str) -> Remote | None:
        """What the Hub says of a file, None if it is not there."""
        from pfsolve.models import hub

        if file not in self._remotes:
            place = self._place(file)
            try:
                remote = None if self._offline else hub.look_up(place)
            except hub.FileMissing:
                remote = None
            self._remotes[file] = remote
        return self._remotes[file]

    def _known(self, file: str) -> Remote:
        remote = self._remote(file)
        if remote is None:
            raise PlaceFailed(f"it has no file {file}")
        return remote


class _RemoteFile(io.RawIOBase):
    """A file on the Hub, read by ranges."""

    def __init__(self, place: HubPlace, remote: Remote) -> None:
        self._place = place
        self._remote = remote
        self._size = remote.bytes or 0
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        from pfsolve.models import hub

        room = memoryview(buffer).cast("B")
        size = min(len(room), self._size - self._position)
        if size <= 0:
            return 0
        room[:size] = hub.read_range(self._place, self._remote, self._position, size)
        self._position += size
        return size


def read_small(source: CheckpointSource, file: str) -> bytes | None:
    """A small file as a whole, None if there is none of this name.

    Raises:
        ModelFileError: it is not small.
    """
    size = source.size(file)
    if size is None:
        return None
    if size > MAX_SMALL:
        raise ModelFileError(f"{file} of {source.title} has {size} bytes: too many to be right")
    return source.read(file)
