"""One process writes to a results file at a time: a lock file beside it says which."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from pfsolve.errors import PfsolveError

_FAR = 1 << 30  # offset of the byte that Windows locks: the others stay readable


class FileLock:
    """Keeps other processes from a file until it is released, or this process ends, however it ends.

    Where no lock file can be made, and for pipes and devices, there is no lock.

    Args:
        path: of the file, which need not be there.

    Raises:
        PfsolveError: another process holds the lock; the message has its id.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor: int | None = None
        if path.exists() and not path.is_file():
            return
        self._file = path.with_name(f".{path.name}.lock")
        while self._descriptor is None:
            try:
                descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o666)
            except OSError:
                return
            try:
                if not _try_lock(descriptor):
                    raise _held(path, descriptor)
            except PfsolveError:
                os.close(descriptor)
                raise
            except OSError:  # a file system without locks
                os.close(descriptor)
                return
            if self._is_there(descriptor):
                self._descriptor = descriptor
            else:  # who held it has just removed it
                os.close(descriptor)
        with contextlib.suppress(OSError):  # a full disk: the lock holds without a name
            os.ftruncate(self._descriptor, 0)
            os.write(self._descriptor, str(os.getpid()).encode())

    def release(self) -> None:
        """Let others have the file; once is enough."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        with contextlib.suppress(OSError):
            self._file.unlink()  # while it is held, so that it is nobody else's
        os.close(descriptor)
        if os.name == "nt":  # which removes no open file
            with contextlib.suppress(OSError):
                self._file.unlink()

    def _is_there(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self._file.stat())
        except OSError:
            return False


def _held(path: Path, descriptor: int) -> PfsolveError:
    said = os.read(descriptor, 20).decode(errors="replace")
    who = f"process {said}" if said.isdecimal() else "another process"
    return PfsolveError(f"{who} is writing to {path}", "wait for it, stop it, or name another file")


def _try_lock(descriptor: int) -> bool:
    """Whether the file is locked now for this process; it stays so until it is closed.

    Raises:
        OSError: its file system has no locks.
    """
    try:
        import fcntl
    except ImportError:
        return _try_lock_on_windows(descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _try_lock_on_windows(descriptor: int) -> bool:
    import importlib

    windows = importlib.import_module("msvcrt")  # which type checkers know on Windows alone
    os.lseek(descriptor, _FAR, os.SEEK_SET)
    try:
        windows.locking(descriptor, windows.LK_NBLCK, 1)
    except PermissionError:
        return False
    finally:
        os.lseek(descriptor, 0, os.SEEK_SET)
    return True
