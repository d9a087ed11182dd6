"""Progress of long work as one line: redrawn in place on a terminal, now and then in a pipe."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pfsolve.display.live import LiveArea
from pfsolve.display.plain import model_line, print_dim
from pfsolve.wording import duration, speed

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from pfsolve.environment import Environment

LINE_S = 30.0  # at least, between two plain lines

Event = TypeVar("Event")


class Silence(Generic[Event]):
    """A listener that says nothing, for --quiet; also the interface of the others."""

    def loaded(self, event: Any) -> None:
        """A model is ready."""

    def __call__(self, event: Any) -> None:
        """The work has got so far."""

    def leave(self) -> None:
        """No more will come."""


class Lines(Silence[Event]):
    """A line now and then.

    Args:
        describe: a line for an event.
        clock: seconds from any origin.
    """

    def __init__(
        self,
        console: Console,
        describe: Callable[[Event], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = console
        self._describe = describe
        self._clock = clock
        self._next = clock() + LINE_S

    def loaded(self, event: Any) -> None:
        print_dim(self._console, model_line(event))

    def __call__(self, event: Any) -> None:
        if self._clock() >= self._next:
            print_dim(self._console, self._describe(event))
            self._next = self._clock() + LINE_S


class OneLine(Lines[Event]):
    """One line, redrawn in place."""

    def __init__(
        self,
        console: Console,
        describe: Callable[[Event], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(console, describe, clock)
        self._line = ""
        self._area = LiveArea(console, self, clock)

    def __call__(self, event: Any) -> None:
        self._line = self._describe(event)
        self._area.draw_if_due()

    def leave(self) -> None:
        self._area.remove()

    def __rich__(self) -> Text:
        from rich.text import Text

        return Text(self._line, style="dim", no_wrap=True, overflow="ellipsis")


@contextmanager
def line_progress(
    environment: Environment, describe: Callable[[Event], str], *, quiet: bool = False
) -> Iterator[Silence[Event]]:
    """A listener that suits stderr: silent, one line redrawn in place, or a line now and then."""
    display: Silence[Event] = Silence()
    if not quiet:
        kind = OneLine if environment.can_redraw else Lines
        display = kind(environment.err, describe)
    try:
        yield display
    finally:
        display.leave()


def pace(tokens: int, seconds: float, done: int, left: int) -> list[str]:
    """ "38 tokens/s" and "3 min 20 s left", from what `done` things took; as far as that can be said."""
    parts = []
    if rate := speed(tokens, seconds):
        parts.append(rate)
    if done and left:
        parts.append(f"{duration(seconds / done * left)} left")
    return parts
