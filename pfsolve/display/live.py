"""What is redrawn in place on a terminal, and the live table of a solve as it happens."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Self

from pfsolve.display.latex.terminal import to_terminal
from pfsolve.display.plain import PlainLines, Silent, model_line, print_dim
from pfsolve.display.population import SolveView
from pfsolve.display.table import table
from pfsolve.events import Began, Ended, Event, ModelLoaded

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.live import Live
    from rich.text import Text

    from pfsolve.environment import Environment

SHARE = 100  # a drawing is followed by a pause that makes it at most one part in this many
PAUSE = 0.1  # seconds from one drawing to the next at the very least


class LiveArea:
    """Lines at the bottom of a terminal, redrawn in place and seldom enough to cost next to nothing.

    There is no thread: its owner draws when an event comes, unless that is too soon. "Too soon"
    follows from how long the drawing before took, so that a slow terminal slows the display and not
    the search. What else is written to stderr meanwhile appears above; stdout is not ours.

    Args:
        console: a terminal that can move its cursor.
        content: what to draw; asked anew at each drawing.
        clock: seconds from any origin.
    """

    def __init__(
        self, console: Console, content: RenderableType, clock: Callable[[], float]
    ) -> None:
        self._console = console
        self._content = content
        self._clock = clock
        self._live: Live | None = None
        self._next_drawing = 0.0

    @property
    def is_shown(self) -> bool:
        return self._live is not None

    def draw(self) -> None:
        """Show the content as it is now."""
        from rich.live import Live

        start = self._clock()
        if self._live is None:
            self._live = Live(
                self._content,
                console=self._console,
                auto_refresh=False,
                vertical_overflow="crop",
                redirect_stdout=False,
            )
            self._live.start()
        self._live.refresh()
        self._next_drawing = start + max(PAUSE, SHARE * (self._clock() - start))

    def draw_if_due(self) -> None:
        """Show the content as it is now, unless that is too soon."""
        if self._clock() >= self._next_drawing:
            self.draw()

    def leave(self) -> None:
        """Draw the content a last time and leave it there, a blank line below it."""
        live, self._live = self._live, None
        if live is not None:
            live.stop()
            self._console.line()

    def remove(self) -> None:
        """Make room for other output; the next drawing is below it."""
        live, self._live = self._live, None
        if live is not None:
            start = self._clock()
            live.transient = True
            live.update("")  # stopping draws once more
            live.stop()
            cost = self._clock() - start
            self._next_drawing = max(start, self._next_drawing) + SHARE * cost


class LiveTable(Silent):
    """A listener that redraws a table on a terminal while a search runs.

    The first and the last state are always drawn; the last one stays on the screen.

    Args:
        console: a terminal that can move its cursor.
        clock: seconds from any origin.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.perf_counter) -> None:
        self._console = console
        self._population = SolveView()
        self._area = LiveArea(console, self, clock)

    def __enter__(self) -> Self:
        to_terminal(r"\pi")  # loads the parser, which would else make the first drawing a long one
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._area.leave()

    def __call__(self, event: Event) -> None:
        if isinstance(event, ModelLoaded):
            print_dim(self._console, model_line(event))
            return
        if isinstance(event, Began):
            self._area.leave()
        self._population = self._population.after(event)
        if isinstance(event, Began):
            self._area.draw()
        elif isinstance(event, Ended):
            self._area.leave()
        elif self._area.is_shown:
            self._area.draw_if_due()

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
