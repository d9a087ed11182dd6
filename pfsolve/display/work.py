"""What is done before and beside solving: models fetched, converted and loaded, solutions scored or read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from pfsolve.display.text import progress_bar
from pfsolve.display.view import LINE_S, View
from pfsolve.events import Event
from pfsolve.events.work import (
    BytesCame,
    Checking,
    Collecting,
    Converted,
    Converting,
    Copying,
    DownloadEnded,
    DownloadWaits,
    Examining,
    Fitting,
    HeadWritten,
    Loading,
    ModelLoaded,
    PlaceChosen,
    PlaceRefused,
    PolicyChosen,
    ProgramsMissing,
    Quantizing,
    ReadsLike,
    SandboxBuilding,
    SandboxBuilt,
    SandboxEvent,
    SandboxWaits,
    Scoring,
    Trying,
)
from pfsolve.wording import duration, format_bytes, one_line, plural, speed, thousands

if TYPE_CHECKING:
    from rich.text import Text

Silent: TypeAlias = Trying | Loading | Examining  # nothing more is heard before it is over
Progress: TypeAlias = BytesCame | Scoring | Collecting | Fitting | Silent

BYTES_S = 2.0  # seconds from one plain line on bytes to the next, at least
STEP = 0.1  # share of the bytes that is worth a line then
_BAR = 30  # cells


def _fetching(event: PlaceChosen) -> str:
    size = f" ({format_bytes(event.total)})" if event.total else ""
    there = f"; {format_bytes(event.done)} are here already" if event.done else ""
    return f"Fetching {event.name}{size} from {event.place}{there}"


_NEWS: dict[type, Callable[[Any], str]] = {
    PolicyChosen: lambda e: (
        f"{e.name} will write the solutions: {e.reason}; --policy NAME takes another, see "
        "pfsolve models list"
    ),
    DownloadWaits: lambda e: f"Another process is fetching {e.name}; waiting for it",
    PlaceChosen: _fetching,
    PlaceRefused: lambda e: f"No luck with {e.place}: {e.reason}",
    Checking: lambda e: f"Checking the sha256 of {e.name}",
    DownloadEnded: lambda e: (
        f"{e.name} is complete ({format_bytes(e.bytes)}) and its sha256 is right"
    ),
    Converting: lambda e: f"Converting {e.name} ({format_bytes(e.bytes)}) from {e.where}",
    ReadsLike: lambda e: f"{e.name} will read solutions as {e.like} does",
    HeadWritten: lambda e: f"The head of {e.name} is written to {e.path.name}",
    Copying: lambda e: f"File {e.number} of {e.count}: {e.file}",
    Quantizing: lambda e: f"Making {e.kind} of {e.name}",
    Converted: lambda e: f"{e.name} is converted ({format_bytes(e.bytes)})",
    SandboxWaits: lambda e: "Another process is building the sandbox; waiting for it",
    SandboxBuilding: lambda e: (
        f"Building the sandbox of programs, once: {e.stage} ({e.number} of {e.count})"
    ),
    SandboxBuilt: lambda e: (
        f"The sandbox is built ({format_bytes(e.bytes)}, {duration(e.seconds)})"
    ),
    ProgramsMissing: lambda e: f"No programs, texts only: {one_line(e.reason)}",
}


@dataclass(frozen=True, slots=True)
class WorkView(View):
    """Work that moves from none to all of something.

    Attributes:
        progress: how far the work under way is; None where there is none.
        now: when that was heard, in seconds.
        start: when the work was first heard of, in seconds, and how much was done.
        told: the same of the last plain line on it.
        is_due: whether it is time for a plain line.
    """

    progress: Progress | None = None
    now: float = 0.0
    start: tuple[float, int] = (0.0, 0)
    told: tuple[float, int] = (0.0, 0)
    is_due: bool = False

    def after(self, event: Event, now: float = 0.0) -> WorkView:
        """This view once `event` has happened.

        Any other event ends the work under way, but for those of the sandbox, which is built beside it.
        """
        if isinstance(event, SandboxEvent):
            return replace(self, is_due=False)
        if not isinstance(event, Progress):
            return replace(self, progress=None, active=False, is_due=False) if self.active else self
        here = (now, 0 if isinstance(event, Silent) else event.done)
        if not self._goes_on(event):
            return replace(self, progress=event, now=now, start=here, told=here, active=True)
        waited, gained = now - self.told[0], here[1] - self.told[1]
        is_due = waited >= LINE_S
        if isinstance(event, BytesCame):
            is_due = is_due or (waited >= BYTES_S and gained >= STEP * event.total)
        told = here if is_due else self.told
        return replace(self, progress=event, now=now, told=told, is_due=is_due)

    def _goes_on(self, event: Progress) -> bool:
        """Whether this is of the work under way, and not of another that has begun without an end of that."""
        before = self.progress
        if isinstance(event, BytesCame) and isinstance(before, BytesCame):
            return self.active and event.stage == before.stage
        return self.active and type(event) is type(before)

    def news(self, event: Event) -> Text | None:
        """A line for each stage of a download or a conversion, and for each model."""
        from rich.text import Text

        if isinstance(event, ModelLoaded):
            return Text(model_line(event), "dim")
        said = _NEWS.get(type(event))
        return None if said is None else Text(said(event))

    def line(self, event: Event) -> str | None:
        """How far the work is, now and then."""
        if isinstance(event, Silent):
            return counted(event)
        if not self.is_due or self.progress is None:
            return None
        if not isinstance(self.progress, BytesCame):
            return counted(self.progress)
        done, total = self.progress.done, self.progress.total
        parts = [f"  {100 * done // total} % of {format_bytes(total)}", self.progress.stage]
        return ", ".join(filter(None, [" ".join(parts).rstrip(), *self._pace(self.progress)]))

    def draw(self, width: int, height: int) -> list[Text]:
        """One line; for bytes with a bar."""
        from rich.text import Text

        if self.progress is None:
            return []
        line = Text(style="dim")
        if isinstance(self.progress, BytesCame):
            done, total = self.progress.done, self.progress.total
            sizes = f"{format_bytes(done)} of {format_bytes(total)}"
            line = progress_bar(done, total, _BAR)
            said = [sizes, self.progress.stage, *self._pace(self.progress)]
            line.append(" ".join(["", *filter(None, said)]))
        else:
            line.append(counted(self.progress))
        line.no_wrap = True
        line.truncate(width, overflow="ellipsis")
        return [line]

    def _pace(self, progress: BytesCame) -> list[str]:
        """Rate and time left: "10 MB/s", "1 min 20 s left". What was there before is no part of the rate."""
        seconds, gained = self.now - self.start[0], progress.done - self.start[1]
        if seconds <= 0 or gained <= 0:
            return []
        rate, left = gained / seconds, progress.total - progress.done
        pace = [f"{format_bytes(rate)}/s"]
        return [*pace, f"{duration(left / rate)} left"] if left > 0 else pace


def model_line(event: ModelLoaded) -> str:
    """A loaded model in one line: "policy some-model on CPU, 1.12 GB + 905 MB cache"."""
    line = f"{event.role} {event.name} on {event.device}, {format_bytes(event.weight_bytes)}"
    return line + (f" + {format_bytes(event.cache_bytes)} cache" if event.cache_bytes else "")


def counted(progress: Silent | Scoring | Collecting | Fitting) -> str:
    """How far it is in one line: "64 of 200 solutions scored · 38 tokens/s · 3 min 20 s left"."""
    match progress:
        case Trying(name):
            return f"Trying {name} in a process of its own, once"
        case Loading(role, name):
            return f"Loading the {role} {name}"
        case Examining(what):
            return f"Checking {what}"
        case Fitting(done, total):
            return f"head {done + 1} of {total}"
        case Scoring(done, total, worked, tokens, seconds):
            parts = [f"{thousands(done)} of {plural(total, 'solution')} scored"]
        case Collecting(file, done, total, worked, tokens, seconds):
            parts = [f"{file}: {thousands(done)} of {plural(total, 'problem')} solved"]
    if rate := speed(tokens, seconds):
        parts.append(rate)
    if worked and done < total:
        parts.append(f"{duration(seconds / worked * (total - done))} left")
    return " · ".join(parts)
