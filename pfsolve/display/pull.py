"""What the user sees while a model is fetched or converted: a bar on a terminal, lines in a pipe."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO, TypeAlias

from pfsolve import events
from pfsolve.wording import format_bytes

if TYPE_CHECKING:
    from rich.console import Console

    from pfsolve.environment import Environment

Event: TypeAlias = events.Event | events.Event

LINE_S = 2.0  # at least, between two plain lines of progress
SILENCE_S = 30.0  # at most, without one
STEP = 0.1  # of the file, enough for a line in between


@contextmanager
def pull_progress(
    environment: Environment, *, quiet: bool = False
) -> Iterator[Callable[[Event], None]]:
    """A listener for pulls and conversions that shows what happens on stderr, unless `quiet`."""
    if quiet:
        yield events.ignore
    elif environment.can_redraw:
        bar = _Bar(environment.err)
        try:
            yield bar.listen
        finally:
            bar.stop()
    else:
        yield _Lines(environment.stderr).listen


def describe(event: Event) -> str:
    """One line for an event."""
    match event:
        case events.DownloadWaits(name):
            return f"Another process is fetching {name}; waiting for it"
        case events.PlaceChosen(name, place, done, total):
            size = f" ({format_bytes(total)})" if total else ""
            there = f"; {format_bytes(done)} are here already" if done else ""
            return f"Fetching {name}{size} from {place}{there}"
        case events.PlaceRefused(_, place, reason):
            return f"No luck with {place}: {reason}"
        case events.BytesCame(_, done, total):
            return f"{100 * done // total} % of {format_bytes(total)}"
        case events.Checking(name):
            return f"Checking the sha256 of {name}"
        case events.DownloadEnded(name, _, size):
            return f"{name} is complete ({format_bytes(size)}) and its sha256 is right"
        case events.Converting(name, where, size):
            return f"Converting {name} ({format_bytes(size)}) from {where}"
        case events.ReadsLike(name, like):
            return f"{name} will read solutions as {like} does"
        case events.HeadWritten(name, path):
            return f"The head of {name} is written to {path.name}"
        case events.Copying(_, file, number, count):
            return f"File {number} of {count}: {file}"
        case events.Quantizing(name, kind):
            return f"Making {kind} of {name}"
        case events.Converted(name, _, size):
            return f"{name} is converted ({format_bytes(size)})"
        case _:
            return ""


class _Lines:
    """A line for each event, and for progress now and then."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._start: tuple[float, int] | None = None  # time and bytes at the place's first progress
        self._last = (0.0, 0)

    def listen(self, event: Event) -> None:
        if isinstance(event, events.BytesCame):
            self._progress(event, time.monotonic())
        else:
            self._start = None
            self._say(describe(event))

    def _progress(self, event: events.BytesCame, now: float) -> None:
        if self._start is None:
            self._start = self._last = (now, event.done)
            return
        waited, gained = now - self._last[0], event.done - self._last[1]
        if waited < LINE_S or (waited < SILENCE_S and gained < STEP * event.total):
            return
        self._last = (now, event.done)
        rate = (event.done - self._start[1]) / (now - self._start[0])
        left = f", {format_seconds((event.total - event.done) / rate)} left" if rate > 0 else ""
        self._say(f"  {describe(event)}, {format_bytes(rate)}/s{left}")

    def _say(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


class _Bar:
    """The same lines, and below them a bar with rate and time left while bytes come in."""

    def __init__(self, console: Console) -> None:
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        self._console = console
        self._progress = Progress(
            BarColumn(30),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )

    def listen(self, event: Event) -> None:
        if not isinstance(event, events.BytesCame):
            self.stop()
            self._console.print(describe(event), markup=False)
            return
        if not self._progress.task_ids:
            # what was there before is no part of the rate
            self._progress.add_task("", total=event.total, completed=event.done)
            self._progress.start()
        self._progress.update(self._progress.task_ids[0], completed=event.done)

    def stop(self) -> None:
        self._progress.stop()
        for task in self._progress.task_ids:
            self._progress.remove_task(task)


def format_seconds(seconds: float) -> str:
    """In the two largest units: 45 s, 3 min 20 s, 1 h 5 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
