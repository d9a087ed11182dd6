"""Progress on stderr while a file of problems is solved, several of them side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import TracebackType
from typing import TYPE_CHECKING, Self

from pfsolve.display.batch_state import (
    FileView,
    failure_line,
    headline,
    problem_line,
    shown_id,
)
from pfsolve.display.latex.terminal import to_terminal
from pfsolve.display.live import LiveArea
from pfsolve.display.plain import model_line, print_dim
from pfsolve.display.table import table
from pfsolve.events import (
    Event,
    ManyBegan,
    ManyEnded,
    ModelLoaded,
    ProblemEnded,
)

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

    from pfsolve.environment import Environment

FAILURES = 20  # problems whose failure is told by name
LINE_S = 30.0  # at least, between two plain headlines

_BAR = 60  # cells of the progress bar at most


class SilentBatch:
    """A listener that says nothing, for --quiet; also the interface every display of a file has."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass

    def __call__(self, event: Event) -> None:
        pass

    def writing(self) -> AbstractContextManager[None]:
        """A context in which stdout may be written to: no display is in the way."""
        return nullcontext()


class _Telling(SilentBatch):
    """What both displays do: they keep the state and tell of models and of problems that failed."""

    def __init__(self, console: Console, verbose: int, clock: Callable[[], float]) -> None:
        self._console = console
        self._verbose = verbose
        self._clock = clock
        self._state = FileView()
        self._began: float | None = None  # on the clock
        self._failures = 0

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._is_running:
            self(ManyEnded(interrupted=True, seconds=self._seconds))

    def __call__(self, event: Event) -> None:
        self._state = self._state.after(event)
        if isinstance(event, ModelLoaded):
            self._say(model_line(event))
        elif isinstance(event, ManyBegan):
            self._began = self._clock()
        elif isinstance(event, ProblemEnded) and event.error is not None:
            self._failures += 1
            if self._failures <= FAILURES:
                self._say(failure_line(event))
            elif self._failures == FAILURES + 1:
                self._say("… further problems that fail are counted only")

    @property
    def _is_running(self) -> bool:
        return self._began is not None and not self._state.ended

    @property
    def _seconds(self) -> float:
        return 0.0 if self._began is None else self._clock() - self._began

    def _say(self, line: str) -> None:
        print_dim(self._console, line)


class BatchProgress(_Telling):
    """A headline and a progress bar, redrawn in place; from verbose 1 on the oldest search's table.

    The first state is always drawn, and the last headline stays on the screen.

    Args:
        environment: whose stderr is a terminal that can move its cursor.
        clock: seconds from any origin.
    """

    def __init__(
        self,
        environment: Environment,
        verbose: int = 0,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        super().__init__(environment.err, verbose, clock)
        self._environment = environment
        self._area = LiveArea(environment.err, self, clock)

    def __enter__(self) -> Self:
        if self._verbose >= 1:
            to_terminal(r"\pi")  # loads the parser, which would else make a drawing a long one
        return self

    def __call__(self, event: Event) -> None:
        super().__call__(event)
        if isinstance(event, ManyBegan):
            self._area.draw()
        elif isinstance(event, ManyEnded):
            self._area.remove()
            width = self._console.width
            self._console.print(headline(self._state, self._seconds, width), soft_wrap=True)
        elif self._is_running:
            self._area.draw_if_due()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A context in which stdout may be written to: no display is in the way.

        When many lines are written at once, the display comes back when its next drawing is due.
        """
        if not self._environment.stdout_is_terminal:
            yield
            return
        self._area.remove()
        yield
        self._environment.stdout.flush()
        if self._is_running:
            self._area.draw_if_due()

    def _say(self, line: str) -> None:
        self._area.remove()  # rich would redraw it below each line
        super()._say(line)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.progress_bar import ProgressBar
        from rich.segment import Segment
        from rich.text import Text

        width, height = options.max_width, options.size.height
        state = self._state
        yield headline(state, self._seconds, width)
        # One line stays free for the cursor, as in the table. Without colours a bar has no end.
        if height >= 3 and console.color_system is not None:
            yield ProgressBar(
                state.problems,
                state.done,
                width=_BAR,
                complete_style="cyan",
                finished_style="green",
            )
            yield Segment.line()
        if self._verbose >= 1 and state.running and height >= 5:
            id, search = next(iter(state.running.items()))
            yield Text(shown_id(id, width), "dim", no_wrap=True)
            yield from table(search, width, height - 3)


class BatchLines(_Telling):
    """A headline now and then; from verbose 1 on, a line for each problem instead.

    Args:
        console: where nothing can be redrawn.
        clock: seconds from any origin.
    """

    def __init__(
        self,
        console: Console,
        verbose: int = 0,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        super().__init__(console, verbose, clock)
        self._last_line = 0.0  # seconds since the beginning

    def __call__(self, event: Event) -> None:
        super().__call__(event)
        if isinstance(event, ManyEnded):
            self._say_headline()
        elif self._verbose >= 1:
            if isinstance(event, ProblemEnded) and event.error is None:
                self._say(problem_line(self._state, event))
        elif self._is_running and self._seconds - self._last_line >= LINE_S:
            self._say_headline()

    def _say_headline(self) -> None:
        self._last_line = self._seconds
        self._say(headline(self._state, self._seconds).plain)


def batch_progress(
    environment: Environment, *, quiet: bool = False, verbose: int = 0
) -> SilentBatch:
    """The display of a file's run that suits stderr: nothing, redrawn lines, or plain lines.

    From verbose 2 on llama.cpp's log is written too, and lines would tear what is redrawn apart.
    """
    if quiet:
        return SilentBatch()
    if environment.can_redraw and verbose < 2:
        return BatchProgress(environment, verbose)
    return BatchLines(environment.err, verbose)
