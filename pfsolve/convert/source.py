"""Where a checkpoint's files are: in a directory, or in a repository on the Hub, read from there."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from pfsolve.errors import ModelFileError, ModelMissing
from pfsolve.files import sha256_of
from pfsolve.models.hub import FileMissing, HubPlace
from pfsolve.models.place import Remote
from pfsolve.models.transfer import PartFile, PlaceFailed

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAX_SMALL = 100_000_000  # bytes of a file that is read whole: JSON, merges
BUFFER = 1 << 18  # bytes asked of the Hub at least, where parts of a file are read

Report = Callable[[int], None]


class CheckpointSource(Protocol):
    """The files of one checkpoint.

    title: its name, as that of a file.
    where: the place, in words.
    url: its page on the Hub; None for a directory.
    """

    title: str
    where: str

    @property
    def url(self) -> str | None: ...

    def size(self, file: str) -> int | None:
        """Bytes of a file; None if there is none of this name."""

    def read(self, file: str) -> bytes:
        """A small file as a whole."""

    def open(self, file: str) -> BinaryIO:
        """A file, of which parts are to be read."""

    def state(self, files: tuple[str, ...]) -> str:
        """A fingerprint that changes when any of these files changes."""

    def is_remote(self, file: str) -> bool:
        """Whether a file must be fetched before it can be read as a whole."""

    def fetched(self, file: str, folder: Path, report: Report) -> AbstractContextManager[Path]:
        """A file on this disk.

        A remote file is fetched into `folder`, from where an earlier fetch stopped, and removed when
        all has gone well.

        Args:
            report: hears the number of bytes that are there.
        """


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
    """A checkpoint on the Hub, at the commit that its revision stands for when it is first asked.

    Files that the Hub's own cache holds are read there. Every method may raise PlaceFailed: the Hub
    cannot be reached, or does not give what is wanted.

    Args:
        repo: "owner/name".
        revision: a branch, a tag or a commit.
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
        """The commit; or the revision as it was asked for, where the commit is not known."""
        place = HubPlace(self._repo, "config.json", self._wanted)
        cached = place.cached()
        if self._offline and not cached:
            raise ModelMissing(
                f"{self._repo} is not in the Hub's cache, and pfsolve is to stay offline",
                "go online, or give a directory with the checkpoint",
            )
        if self._offline:
            return self._wanted
        try:
            return place.look_up().commit or self._wanted
        except FileMissing:
            return self._wanted
        except PlaceFailed:
            if not cached:
                raise
            self._offline = True
            return self._wanted

    @property
    def url(self) -> str:
        return f"{self._place('').page}/tree/{self._revision}"

    def size(self, file: str) -> int | None:
        if cached := self._cached(file):
            return cached.stat().st_size
        remote = self._remote(file)
        if remote is not None and remote.bytes is None:
            raise PlaceFailed(f"it does not say how large {file} is")
        return remote.bytes if remote else None

    def read(self, file: str) -> bytes:
        if cached := self._cached(file):
            return cached.read_bytes()
        return self._place(file).read_range(0, self._known(file).bytes or 0)

    def open(self, file: str) -> BinaryIO:
        if cached := self._cached(file):
            return cached.open("rb")
        return io.BufferedReader(
            _RemoteFile(self._place(file), self._known(file).bytes or 0), BUFFER
        )

    def state(self, files: tuple[str, ...]) -> str:
        return repr((self._repo, self._revision, files))

    def is_remote(self, file: str) -> bool:
        return self._cached(file) is None

    @contextmanager
    def fetched(self, file: str, folder: Path, report: Report) -> Iterator[Path]:
        if cached := self._cached(file):
            yield cached
            return
        remote = self._known(file)
        mark = remote.sha256 or f"{self._revision}-{file}".replace("/", "-")
        part = PartFile(folder / f"{mark}.part", remote.bytes or 0, report)
        self._place(file).fetch(part)
        if remote.sha256 and sha256_of(part.path) != remote.sha256:
            part.path.unlink()
            raise PlaceFailed(f"the bytes of {file} are wrong; they are deleted")
        yield part.path
        part.path.unlink()

    def _place(self, file: str) -> HubPlace:
        return HubPlace(self._repo, file, self._revision)

    def _cached(self, file: str) -> Path | None:
        cached = self._place(file).cached()
        return cached.path if cached else None

    def _remote(self, file: str) -> Remote | None:
        """What the Hub says of a file; None if it has no such file."""
        if file not in self._remotes:
            try:
                remote = None if self._offline else self._place(file).look_up()
            except FileMissing:
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

    def __init__(self, place: HubPlace, size: int) -> None:
        self._place = place
        self._size = size
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
        room = memoryview(buffer).cast("B")
        size = min(len(room), self._size - self._position)
        if size <= 0:
            return 0
        room[:size] = self._place.read_range(self._position, size)
        self._position += size
        return size


def read_small(source: CheckpointSource, file: str) -> bytes | None:
    """A small file as a whole; None if there is none of this name.

    Raises:
        ModelFileError: it is too large.
    """
    size = source.size(file)
    if size is None:
        return None
    if size > MAX_SMALL:
        raise ModelFileError(f"{file} of {source.title} has {size} bytes: too many to be right")
    return source.read(file)


def json_object(data: bytes | None, what: str) -> dict[str, Any] | None:
    """The JSON object in a file's bytes; None where there is no file.

    Args:
        what: the file, for messages.

    Raises:
        ModelFileError: they hold something else.
    """
    if data is None:
        return None
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ModelFileError(f"{what} is no JSON object")
    return found
