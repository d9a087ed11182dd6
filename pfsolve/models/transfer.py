"""A file on its way: what is there already, what is missing, and whether there is room for it."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pfsolve.errors import ResourceError
from pfsolve.wording import format_bytes

_FULL = {errno.ENOSPC, errno.EDQUOT}
_MORE_ROOM = "free some space, or set PFSOLVE_MODELS_DIR to a directory on another disk"


class PlaceFailed(Exception):
    """A place could not give the file; the next one may.

    Args:
        reason: why, one line.
        hint: what the user can do about it, beside waiting and trying elsewhere.
    """

    def __init__(self, reason: str, hint: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


class PlaceUnreachable(PlaceFailed):
    """Nothing comes from the place's host, so that other places of its kind are no better off."""


class PartFile:
    """The first bytes of a file. It only ever grows, so that any place can resume at `size`.

    Args:
        path: where the bytes are kept until the file is whole.
        total: bytes of the whole file.
        report: called with the number of bytes there, whenever it changes.

    Attributes:
        stage: as in `events.BytesCame`, of the bytes that are reported now.
    """

    def __init__(self, path: Path, total: int, report: Callable[[int], None]) -> None:
        self.path = path
        self.total = total
        self.report = report
        self.stage = ""
        if self.size > total:  # not a beginning of this file
            path.unlink()

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def is_whole(self) -> bool:
        return self.size == self.total

    def append(self, chunks: Iterable[bytes]) -> None:
        """Add the bytes that follow, as they come.

        Raises:
            PlaceFailed: there are more of them than the file holds.
            OSError: the disk does not take them. All that was written stays.
        """
        done = self.size
        with self.path.open("ab") as file:
            for chunk in chunks:
                if done + len(chunk) > self.total:
                    raise PlaceFailed(f"it gives more than the {self.total} bytes expected")
                file.write(chunk)
                done += len(chunk)
                self.report(done)

    def cut(self, size: int) -> None:
        """Drop everything after the first `size` bytes."""
        if self.size > size:
            with self.path.open("r+b") as file:
                file.truncate(size)

    def check_room(self, extra: int = 0) -> None:
        """Whether the missing bytes, and `extra` more for a while, fit on the disk.

        Raises:
            ResourceError: they do not.
        """
        check_room(self.path.parent, self.total - self.size + extra)


def through_proxy(scheme: str, host: str) -> str:
    """How a host is reached, to follow its name: ", through the proxy http://127.0.0.1:9,"; "" directly.

    The proxy's user and password are left out, whatever it is.
    """
    from urllib.request import getproxies, proxy_bypass

    proxies = getproxies()
    proxy = proxies.get(scheme) or proxies.get("all")
    if not proxy or proxy_bypass(host):
        return ""
    kind, _, where = proxy.rpartition("://")
    return f", through the proxy {kind or 'http'}://{where.rpartition('@')[2].split('/')[0]},"


@contextmanager
def disk_trouble(directory: Path) -> Iterator[None]:
    """Turn what the disk of `directory` refuses into a ResourceError."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise disk_full(directory) from None
        raise ResourceError(
            f"{error.filename or directory}: {error.strerror or error}",
            "PFSOLVE_MODELS_DIR names another directory for the models, if this one is no good",
        ) from None


def check_room(directory: Path, needed: int) -> None:
    """Whether `needed` more bytes fit on the disk of `directory`.

    Raises:
        ResourceError: they do not.
    """
    free = shutil.disk_usage(directory).free
    if needed > free:
        raise ResourceError(
            f"{format_bytes(needed)} are needed in {directory}, {format_bytes(free)} are free",
            _MORE_ROOM,
        )


def disk_full(directory: Path) -> ResourceError:
    """The error for a disk that took no more bytes."""
    return ResourceError(f"the disk of {directory} is full", _MORE_ROOM)
