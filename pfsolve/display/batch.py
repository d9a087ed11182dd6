"""Progress on stderr while a file of problems is solved, several of them side by side."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import TYPE_CHECKING, Self

from pfsolve.display.latex import to_terminal
from pfsolve.display.live import LiveArea
from pfsolve.display.plain import model_line, print_dim
from pfsolve.display.population import Population, readable_answer
from pfsolve.display.table import table
from pfsolve.display.text import duration, keep_start, one_line, plural, speed, thousands
from pfsolve.events import (
    BatchBegan,
    BatchEnded,
    BatchEvent,
    InProblem,
    ModelLoaded,
    ProblemEnded,
)

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.text import Text

    from pfsolve.environment import Environment

FAILURES = 20  # problems whose failure is told by name
LINE_S = 30.0  # at least, between two plain headlines

_BAR = 60  # cells of the progress bar at most
_ID, _REASON = 80, 300  # cells of an id, and of an error or an answer, at most
_DISPENSABLE = ("speed", "running", "seconds", "failed", "right", "interrupted", "left")


@dataclass(frozen=True, slots=True)
class BatchState:
    """A file of problems as its events have told it so far.

    problems, done, failed, right, graded: as in `BatchBegan`, with what this run has settled.
    running: the searches under way by id, the longest-running first. finished, written: problems
    this run has settled that cost tokens, and those tokens. ended, interrupted: as `BatchEnded` says.
    """

    problems: int = 0
    done: int = 0
    failed: int = 0
    right: int = 0
    graded: int = 0
    running: Mapping[str, Population] = field(default_factory=dict)
    finished: int = 0
    written: int = 0
    ended: bool = False
    interrupted: bool = False

    @property
    def tokens(self) -> int:
        """Written by the policy in this run, by finished and by running searches."""
        return self.written + sum(search.tokens for search in self.running.values())

    def after(self, event: BatchEvent) -> BatchState:
        """This state once `event` has happened."""
        match event:
            case BatchBegan(problems, done, failed, right, graded):
                return BatchState(problems, done, failed, right, graded)
            case InProblem(id, inner):
                search = self.running.get(id, Population()).after(inner)
                return replace(self, running={**self.running, id: search})
            case ProblemEnded(id, answer, correct, _, tokens):
                return replace(
                    self,
                    done=self.done + 1,
                    failed=self.failed + (answer is None),
                    right=self.right + (correct is True),
                    graded=self.graded + (correct is not None),
                    running={other: p for other, p in self.running.items() if other != id},
                    finished=self.finished + (tokens > 0),  # a malformed row tells nothing
                    written=self.written + tokens,
                )
            case BatchEnded(interrupted):
                return replace(self, ended=True, interrupted=interrupted)
            case _:
                return self

    def seconds_left(self, seconds: float) -> float | None:
        """How long the rest takes if its problems cost what the finished ones did, on average.

        Measured in tokens, so that the searches under way count too, each for a problem at most.
        None until a problem is finished.

        Args:
            seconds: since the run began.
        """
        if not self.finished or seconds <= 0:
            return None
        mean = self.written / self.finished
        begun = sum(min(search.tokens, mean) for search in self.running.values())
        left = max(0.0, (self.problems - self.done) * mean - begun)
        return left * seconds / self.tokens


def headline(state: BatchState, seconds: float, width: int = sys.maxsize) -> Text:
    """ "12 of 60 done · 4 running · 9 of 12 right · 31 tokens/s · 3 min 20 s · about 14 min left"

    Only what there is something to say about, and less of it where it would not fit in `width` cells.
    """
    from rich.text import Text

    s = state
    left = None if s.ended else s.seconds_left(seconds)
    said = {
        "done": f"{thousands(s.done)} of {thousands(s.problems)} done",
        "interrupted": "interrupted" if s.interrupted else "",
        "running": f"{len(s.running)} running" if s.running and not s.ended else "",
        "right": f"{thousands(s.right)} of {thousands(s.graded)} right" if s.graded else "",
        "failed": f"{thousands(s.failed)} failed" if s.failed else "",
        "speed": speed(s.tokens, seconds) or "",
        "seconds": duration(seconds),
        "left": f"about {_roughly(left)} left" if left else "",
    }
    parts = {name: part for name, part in said.items() if part}
    for name in _DISPENSABLE:
        if len(" · ".join(parts.values())) > width:
            parts.pop(name, None)
    done = keep_start(parts.pop("done"), width)
    return Text.assemble((done, "bold"), *(f" · {part}" for part in parts.values()))


def _roughly(seconds: float) -> str:
    """A time span one can only guess: "40 s", "14 min", "1 h 02 min"."""
    if seconds < 59.5:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else duration(60 * minutes)


def problem_line(state: BatchState, event: ProblemEnded) -> str:
    """ "12 of 60 · gsm8k-17: 42 (right) · 310 tokens · 12 s" """
    answer = "no answer"
    if event.answer is not None:
        answer = keep_start(readable_answer(event.answer[:_REASON]), _REASON)
    if event.correct is not None:
        answer += " (right)" if event.correct else " (wrong)"
    parts = [f"{thousands(state.done)} of {thousands(state.problems)}"]
    parts += [f"{_clean(event.id, _ID)}: {answer}"]
    parts += [plural(event.tokens, "token"), duration(event.seconds)]
    return " · ".join(parts)


def _clean(text: str, width: int) -> str:
    """The start of a text that may hold anything, a megabyte even, as one line."""
    return keep_start(one_line(text[: 4 * width]), width)


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

    def __call__(self, event: BatchEvent) -> None:
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
        self._state = BatchState()
        self._began: float | None = None  # on the clock
        self._failures = 0

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._is_running:
            self(BatchEnded(interrupted=True, seconds=self._seconds))

    def __call__(self, event: BatchEvent) -> None:
        self._state = self._state.after(event)
        if isinstance(event, ModelLoaded):
            self._say(model_line(event))
        elif isinstance(event, BatchBegan):
            self._began = self._clock()
        elif isinstance(event, ProblemEnded) and event.error is not None:
            self._failures += 1
            if self._failures <= FAILURES:
                self._say(f"{_clean(event.id, _ID)}: {_clean(event.error, _REASON)}")
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

    def __call__(self, event: BatchEvent) -> None:
        super().__call__(event)
        if isinstance(event, BatchBegan):
            self._area.draw()
        elif isinstance(event, BatchEnded):
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
            yield Text(_clean(id, width), "dim", no_wrap=True)
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

    def __call__(self, event: BatchEvent) -> None:
        super().__call__(event)
        if isinstance(event, BatchEnded):
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
