"""The live table: a solve as it happens, redrawn in place."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Self

from pfsolve.display.latex import to_terminal
from pfsolve.display.plain import PlainLines, Silent, model_line, print_dim
from pfsolve.display.population import Population
from pfsolve.display.table import table
from pfsolve.events import Began, Ended, Event, ModelLoaded

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions
    from rich.live import Live
    from rich.text import Text

    from pfsolve.environment import Environment

SHARE = 100  # a drawing is followed by a pause that makes it at most one part in this many
PAUSE = 0.1  # seconds from one drawing to the next at the very least


class LiveTable(Silent):
    """A listener that redraws a table on a terminal while a search runs.

    It has no thread: it draws when an event comes, unless that is too soon. "Too soon" follows from
    how long the last drawing took, so that a slow terminal slows the table and not the search. The
    first and the last state are always drawn; the last one stays on the screen.

    Args:
        console: a terminal that can move its cursor.
        clock: seconds from any origin.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.perf_counter) -> None:
        self._console = console
        self._clock = clock
        self._population = Population()
        self._live: Live | None = None
        self._next_drawing = 0.0

    def __enter__(self) -> Self:
        to_terminal(r"\pi")  # loads the parser, which would else make the first drawing a long one
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def __call__(self, event: Event) -> None:
        if isinstance(event, ModelLoaded):
            print_dim(self._console, model_line(event))
            return
        if isinstance(event, Began):
            self._stop()
        self._population = self._population.after(event)
        if isinstance(event, Began):
            self._start()
        elif isinstance(event, Ended):
            self._stop()
        elif self._clock() >= self._next_drawing:
            self._draw()

    def _start(self) -> None:
        from rich.live import Live

        # What else is written to stderr meanwhile appears above the table; stdout is not ours.
        self._live = Live(
            self,
            console=self._console,
            auto_refresh=False,
            vertical_overflow="crop",
            redirect_stdout=False,
        )
        self._live.start()
        self._draw()

    def _draw(self) -> None:
        if self._live is None:
            return
        start = self._clock()
        self._live.refresh()
        self._next_drawing = start + max(PAUSE, SHARE * (self._clock() - start))

    def _stop(self) -> None:
        """Draw the latest state and leave it there, a blank line below it."""
        live, self._live = self._live, None
        if live is not None:
            live.stop()
            self._console.line()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        yield from table(self._population, options.max_width, options.size.height)


def progress(environment: Environment, *, quiet: bool = False, verbose: int = 0) -> Silent:
    """The display of a search that suits stderr: nothing, a live table, or plain lines.

    From verbose 2 on llama.cpp's log is written too, and lines would tear a table apart.
    """
    if quiet:
        return Silent()
    if environment.can_redraw and verbose < 2:
        return LiveTable(environment.err)
    return PlainLines(environment.err, verbose)
