"""What is seen on stderr while work is under way: nothing, lines, or an area redrawn in place."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from pfsolve.display.latex.terminal import to_terminal
from pfsolve.display.suspension import Suspension
from pfsolve.display.view import View
from pfsolve.display.work import Silent, WorkView
from pfsolve.events import Event
from pfsolve.events.search import ManyEnded
from pfsolve.events.work import SandboxEvent

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions
    from rich.live import Live
    from rich.text import Text

    from pfsolve.environment import Environment

SHARE = 100  # a drawing is followed by a pause that makes it at most one part in this many
PAUSE = 0.1  # seconds from one drawing to the next at the very least
LOADING_S = 0.5  # seconds that loading a model may take before it is told of


class Surface:
    """A context manager that is a listener for any event. This one shows nothing."""

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


class Lines(Surface):
    """A line for what must be told, and on progress now and then.

    Events may come from several threads: the sandbox is built beside a download. They are told one
    at a time. That a model is being loaded is told by a thread of its own, if it takes long: nothing
    else happens meanwhile.

    Args:
        environment: whose stderr is written to.
        views: what listens; each is told of every event.
        clock: seconds from any origin.
    """

    def __init__(
        self, environment: Environment, views: tuple[View, ...], clock: Callable[[], float]
    ) -> None:
        self._environment = environment
        self._console = environment.err
        self._views = views
        self._clock = clock
        self._lock = threading.RLock()
        self._loading: threading.Timer | None = None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop_waiting()
        if self._is_active:  # nobody has told of an end
            self(ManyEnded(interrupted=True, seconds=0.0))

    def __call__(self, event: Event) -> None:
        with self._alone():
            if not isinstance(event, SandboxEvent):
                self._stop_waiting()
            if isinstance(event, Silent):
                self._loading = threading.Timer(LOADING_S, self._takes_long, (event,))
                self._loading.daemon = True
                self._loading.start()
            else:
                self._tell(event)

    def _takes_long(self, event: Silent) -> None:
        with self._alone():
            if self._loading is threading.current_thread():  # not over by now
                self._tell(event)

    def _stop_waiting(self) -> None:
        timer, self._loading = self._loading, None
        if timer is not None:
            timer.cancel()

    def _alone(self) -> AbstractContextManager[Any]:
        """A context in which nothing else writes to stderr from here."""
        return self._lock

    def _tell(self, event: Event) -> None:
        from rich.text import Text

        self._hear(event)
        for view in self._views:
            if (news := view.news(event)) is not None:
                self._print(news)
            if (line := view.line(event)) is not None:
                self._print(Text(line, "dim"))

    @property
    def _is_active(self) -> bool:
        return any(view.active for view in self._views)

    def _hear(self, event: Event) -> None:
        now = self._clock()
        self._views = tuple(view.after(event, now) for view in self._views)

    def _print(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True)


class Redrawn(Lines):
    """The active view at the bottom of a terminal, redrawn seldom enough to cost next to nothing.

    It has no thread of its own: a drawing follows an event, unless that is too soon. "Too soon" follows from
    how long the drawing before took, so that a slow terminal slows the display and not the search.
    What else is written to stderr meanwhile appears above. The first state of a view is always
    drawn, and what it draws when it is over stays on the screen.
    """

    def __init__(
        self, environment: Environment, views: tuple[View, ...], clock: Callable[[], float]
    ) -> None:
        super().__init__(environment, views, clock)
        self._live: Live | None = None
        self._next_drawing = 0.0
        self._suspension = Suspension(self._lock, self._remove, self._return)
        self._width = 0  # cells of the terminal at the last drawing
        self._drawn: list[int] = []  # cells of each line of it

    def __enter__(self) -> Self:
        self._suspension.__enter__()
        to_terminal(r"\pi")  # loads the parser, which would else make the first drawing a long one
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        super().__exit__(kind, error, trace)
        self._suspension.__exit__()

    def _alone(self) -> AbstractContextManager[Any]:
        return self._suspension.put_off()

    def _tell(self, event: Event) -> None:
        before = self._views
        self._hear(event)
        width, height = self._console.size
        lines = [news for view in self._views if (news := view.news(event)) is not None]
        for old, new in zip(before, self._views, strict=True):
            if old.active and not new.active:
                self._remove()
                lines = new.draw(width, height) + lines
        if lines:
            self._remove()  # rich would redraw it below each line
        for line in lines:
            self._print(line)
        if any(new.active > old.active for old, new in zip(before, self._views, strict=True)):
            self._draw()
        elif self._is_active:
            self._draw_if_due()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A context in which stdout may be written to: no display is in the way.

        When many lines are written at once, the display comes back when its next drawing is due.
        """
        if not self._environment.stdout_is_terminal:
            yield
            return
        with self._alone():
            self._remove()
            yield
            self._environment.stdout.flush()
            if self._is_active:
                self._draw_if_due()

    def _draw(self) -> None:
        from rich.live import Live

        start = self._clock()
        if not self._environment.in_foreground:
            return  # it would draw into the shell
        if self._live is None:
            self._live = Live(
                self,
                console=self._console,
                auto_refresh=False,
                vertical_overflow="crop",
                redirect_stdout=False,
            )
            self._width = self._console.width
            self._live.start()
        self._unwrap()
        self._live.refresh()
        self._next_drawing = start + max(PAUSE, SHARE * (self._clock() - start))

    def _return(self) -> None:
        """Draw again, in a terminal that others have written to meanwhile."""
        if self._is_active:
            self._draw()

    def _draw_if_due(self) -> None:
        if self._clock() >= self._next_drawing:
            self._draw()

    def _remove(self) -> None:
        """Make room for other output; the next drawing is below it."""
        live, self._live = self._live, None
        if live is not None:
            start = self._clock()
            self._unwrap()
            live.transient = True
            live.update("")  # stopping draws once more
            live.stop()
            cost = self._clock() - start
            self._next_drawing = max(start, self._next_drawing) + SHARE * cost

    def _unwrap(self) -> None:
        """Clear what a terminal whose width has changed has made of the last drawing.

        One that got narrower has wrapped the lines, and rich would clear their number of rows. The
        cursor ends where rich believes it to be.
        """
        before, self._width = self._width, self._console.width
        if self._width == before or not self._drawn:
            return
        rows = sum(max(1, -(-cells // self._width)) for cells in self._drawn)
        up = f"\x1b[{rows - 1}A" if rows > 1 else ""
        self._console.file.write(f"\r{up}\x1b[J" + "\n" * (len(self._drawn) - 1))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        active = [view for view in self._views if view.active]
        lines = active[0].draw(options.max_width, options.size.height) if active else []
        self._drawn = [line.cell_len for line in lines]
        yield from lines


def watching(
    environment: Environment,
    view: View | None = None,
    *,
    quiet: bool = False,
    verbose: int = 0,
    clock: Callable[[], float] = time.perf_counter,
) -> Surface:
    """The surface that suits stderr. It shows downloads and loaded models, and what `view` makes of the rest.

    From verbose 2 on llama.cpp's log is written too, and its lines would tear apart what is redrawn.

    Args:
        clock: seconds from any origin.
    """
    if quiet:
        return Surface()
    colours = environment.err.color_system is not None
    views = [WorkView()] if view is None else [WorkView(), view]
    shown = tuple(replace(each, verbose=verbose, colours=colours) for each in views)
    redraws = environment.can_redraw or _has_widgets(environment)
    kind = Redrawn if redraws and verbose < 2 else Lines
    return kind(environment, shown, clock)


def _has_widgets(environment: Environment) -> bool:
    """Whether this is a notebook in which rich can redraw something."""
    if not environment.err.is_jupyter:
        return False
    from importlib import import_module

    try:
        import_module("ipywidgets")  # now: it would make the first drawing a long one
    except ImportError:
        return False
    return True
