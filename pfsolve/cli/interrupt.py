"""Ctrl-C and `kill` in two stages: first end the search where it is, then stop at once."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def stop_at_once(number: int, frame: FrameType | None) -> None:
    """A signal's handler: leave all work as Ctrl-C does; where that hangs, the next signal kills."""
    for each in _SIGNALS:
        signal.signal(each, signal.SIG_DFL)
    raise KeyboardInterrupt


class TwoStageInterrupt:
    """While entered, the first SIGINT or SIGTERM makes `stopping()` true, the second stops at once.

    Args:
        notify: called at the first, to tell the user what happens now.

    Attributes:
        received: the first of them; None before it.
    """

    def __init__(self, notify: Callable[[], None]) -> None:
        self._notify = notify
        self.received: int | None = None
        self._previous: list[Any] = []

    def stopping(self) -> bool:
        return self.received is not None

    def __enter__(self) -> TwoStageInterrupt:
        self._previous = [signal.signal(each, self._receive) for each in _SIGNALS]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for each, previous in zip(_SIGNALS, self._previous, strict=True):
            signal.signal(each, previous)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self.stopping():
            stop_at_once(number, frame)
        self.received = number
        self._notify()
