"""When a search ends before its own end, and why."""

from __future__ import annotations

import time
from collections.abc import Callable

from pfsolve.particle import Finish

_LAST_MOMENT = 1.0  # seconds that a search which is over still waits for programs that run


class Ending:
    """The end of one search from outside, from whose beginning on its time counts.

    Args:
        stopping: whether the user wants it to stop.
        limit: seconds that it may take; None for any.

    Attributes:
        why: INTERRUPTED, OUT_OF_TIME or SETTLED, once it is over; None until then.
    """

    def __init__(self, stopping: Callable[[], bool], limit: float | None) -> None:
        self._stopping = stopping
        self._limit = limit
        self._began = time.monotonic()
        self._over_since = 0.0
        self.why: Finish | None = None

    @property
    def seconds(self) -> float:
        """Time since the beginning."""
        return time.monotonic() - self._began

    def has_come(self) -> bool:
        """Whether nothing more is to be written."""
        if self.why is None and self._stopping():
            self.settle(Finish.INTERRUPTED)
        elif self.why is None and self._limit is not None and self.seconds >= self._limit:
            self.settle(Finish.OUT_OF_TIME)
        return self.why is not None

    def settle(self, why: Finish) -> None:
        """It is over."""
        self.why, self._over_since = why, self.seconds

    def is_late(self) -> bool:
        """Whether it is over, and so is the last moment for what is under way."""
        return self.has_come() and self.seconds - self._over_since > _LAST_MOMENT
