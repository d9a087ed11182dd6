"""Ctrl-C, `kill` and a terminal that goes away: first end the search where it is, then stop at once."""

from __future__ import annotations

import _thread
import atexit
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any

_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
_PATIENCE = 3.0  # seconds that stopping may take before another signal ends the process as it is
_RETRY = 0.02  # seconds after which a lost interrupt comes again
_INTERRUPTED = 130


class _Stop(KeyboardInterrupt):
    """Ctrl-C and its like.

    Python ends a process by the signal, after all is over, if a KeyboardInterrupt itself has left an
    `exec` of text on its way, as there is one for each dataclass that is imported.
    """


class _State:
    """What signals this process has had."""

    first: int | None = None  # the number of the first
    stopping: float | None = None  # since when it stops at once, seconds of a monotonic clock


_state = _State()


def take_over() -> None:
    """From now on a signal stops this process at once: with a line, an exit status and no traceback."""
    for each in _handled():
        signal.signal(each, stop_at_once)
    sys.unraisablehook = _lost
    atexit.register(_turn_deaf)  # first of all, so it runs last


def _turn_deaf() -> None:
    """Let signals change nothing any more; Python would hand them back to the system, which kills."""
    for each in _handled():
        signal.signal(each, signal.SIG_IGN)


def stop_at_once(number: int, frame: FrameType | None) -> None:
    """A signal's handler: leave all work as Ctrl-C does; further ones change nothing for 3 seconds."""
    _received(number)
    now = time.monotonic()
    if _state.stopping is None:
        _state.stopping = now
        raise _Stop
    if now - _state.stopping > _PATIENCE:
        with suppress(OSError):
            if os.isatty(2):
                os.write(2, b"\x1b[?25h\n")  # a display may have hidden the cursor
        os._exit(exit_status(_INTERRUPTED))


def is_stopping() -> bool:
    """Whether a signal has stopped the work; an error may be but what became of that."""
    return _state.stopping is not None


def say_interrupted() -> None:
    """The line of an interrupted command, where all that usually writes one may be half imported."""
    with suppress(OSError):
        os.write(2, b"Error: interrupted\n")


def over(status: int) -> int:
    """The exit status of a process whose work is over, from that of its work; signals change it no more."""
    _state.stopping = _state.stopping or time.monotonic()
    return exit_status(status)


def exit_status(status: int) -> int:
    """That of an interrupted process follows from its first signal: 130, 143 or 129."""
    return status if status != _INTERRUPTED or _state.first is None else 128 + _state.first


def recovered() -> None:
    """What was stopped at once is over, and work goes on: the next signal is a first one."""
    _state.first = _state.stopping = None


class TwoStageInterrupt:
    """While entered, the first signal makes `stopping()` true, the second stops at once.

    Args:
        notify: called at the first, to tell the user what happens now.

    Attributes:
        received: the first of them; None before it.
    """

    def __init__(self, notify: Callable[[], None]) -> None:
        self._notify = notify
        self.received: int | None = None
        self._previous: list[tuple[int, Any]] = []

    def stopping(self) -> bool:
        return self.received is not None

    def __enter__(self) -> TwoStageInterrupt:
        self._previous = [(each, signal.signal(each, self._receive)) for each in _handled()]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for each, previous in self._previous:
            signal.signal(each, previous)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self.stopping():
            stop_at_once(number, frame)
            return
        self.received = number
        _received(number)
        with suppress(OSError):  # of a terminal that is gone
            self._notify()


def _handled() -> list[int]:
    """The signals that are heard; `nohup` keeps a process from hearing of its terminal's end."""
    return [
        each
        for each in _SIGNALS
        if each == signal.SIGINT or signal.getsignal(each) is not signal.SIG_IGN
    ]


def _received(number: int) -> None:
    if _state.first is None:
        _state.first = number
    if number == getattr(signal, "SIGHUP", None):
        for stream in (1, 2):
            with suppress(OSError):
                _leave_lost_terminal(stream)


def _leave_lost_terminal(stream: int) -> None:
    """Let a stream go nowhere if its terminal is gone: else to write is an error, and ends the search."""
    import stat

    if stat.S_ISCHR(os.fstat(stream).st_mode) and not os.isatty(stream):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream)
        os.close(nowhere)


def _lost(what: sys.UnraisableHookArgs) -> None:
    """An interrupt that arrived where no exception can leave, such as a callback, comes again."""
    if not issubclass(what.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(what)
        return
    import threading

    def again() -> None:
        _state.stopping = None
        main = threading.main_thread().ident
        if main is not None and hasattr(signal, "pthread_kill"):
            signal.pthread_kill(main, signal.SIGINT)  # which ends what it waits for
        else:
            _thread.interrupt_main()

    timer = threading.Timer(_RETRY, again)
    timer.daemon = True
    timer.start()
