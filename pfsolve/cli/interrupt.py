"""Ctrl-C in two stages: first finish the step at hand, then stop at once."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any


class TwoStageInterrupt:
    """While entered, the first SIGINT makes `stopping()` true, the second is a KeyboardInterrupt.

    Args:
        notify: called at the first, to tell the user what happens now.
    """

    def __init__(self, notify: Callable[[], None]) -> None:
        self._notify = notify
        self._count = 0
        self._previous: Any = None

    def stopping(self) -> bool:
        return self._count > 0

    def __enter__(self) -> TwoStageInterrupt:
        self._previous = signal.signal(signal.SIGINT, self._receive)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        signal.signal(signal.SIGINT, self._previous)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self._count += 1
        if self._count > 1:
            raise KeyboardInterrupt
        self._notify()
