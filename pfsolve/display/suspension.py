"""Ctrl-Z and `fg`: the terminal is left as it was found, and what was there is drawn again."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Suspension:
    """While entered, Ctrl-Z first calls `leave`, and `fg` then calls `come_back`.

    Elsewhere than in the main thread, on systems without Ctrl-Z, and where it is ignored, nothing changes.

    Args:
        lock: held while either is called, and by all that they must not come in between of.
    """

    def __init__(
        self, lock: threading.RLock, leave: Callable[[], None], come_back: Callable[[], None]
    ) -> None:
        self._lock = lock
        self._leave = leave
        self._come_back = come_back
        self._previous: Any = None
        self._busy: int | None = None  # the thread that must not be interrupted
        self._is_due = False

    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread() and hasattr(signal, "SIGTSTP"):
            previous = signal.getsignal(signal.SIGTSTP)
            if previous is not signal.SIG_IGN:
                self._previous = previous
                signal.signal(signal.SIGTSTP, self._receive)

    def __exit__(self, *_: object) -> None:
        if self._previous is not None:
            signal.signal(signal.SIGTSTP, self._previous)

    @contextmanager
    def put_off(self) -> Iterator[None]:
        """A context, with the lock held, at whose end a Ctrl-Z meanwhile takes effect."""
        with self._lock:
            before, self._busy = self._busy, threading.get_ident()
            try:
                yield
            finally:
                self._busy = before
        if self._is_due and before is None:
            self._suspend()

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self._busy == threading.get_ident():
            self._is_due = True
        else:
            self._suspend()

    def _suspend(self) -> None:
        with self._lock:
            self._is_due = False
            self._leave()
            os.kill(os.getpid(), signal.SIGSTOP)  # returns with `fg`
            self._come_back()
