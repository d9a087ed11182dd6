"""What the events of a file of problems add up to, and how that reads on one line."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pfsolve.display.population import SolveView, readable_answer
from pfsolve.display.text import keep_start, one_line
from pfsolve.events import Event, InProblem, ManyBegan, ManyEnded, ProblemEnded
from pfsolve.wording import duration, percent, plural, speed, thousands

if TYPE_CHECKING:
    from rich.text import Text

_ID, _REASON = 80, 300  # cells of an id, and of an error or an answer, at most
_DISPENSABLE = ("speed", "running", "seconds", "failed", "right", "interrupted", "left")


@dataclass(frozen=True, slots=True)
class FileView:
    """A file of problems as its events have told it so far.

    problems, done, failed, right, graded: as in `ManyBegan`, with what this run has settled.
    running: the searches under way by id, the longest-running first. finished, written: problems
    this run has settled that cost tokens, and those tokens. ended, interrupted: as `ManyEnded` says.
    """

    problems: int = 0
    done: int = 0
    failed: int = 0
    right: int = 0
    graded: int = 0
    running: Mapping[str, SolveView] = field(default_factory=dict)
    finished: int = 0
    written: int = 0
    ended: bool = False
    interrupted: bool = False

    @property
    def tokens(self) -> int:
        """Written by the policy in this run, by finished and by running searches."""
        return self.written + sum(search.tokens for search in self.running.values())

    def after(self, event: Event) -> FileView:
        """This state once `event` has happened."""
        match event:
            case ManyBegan(problems, done, failed, right, graded):
                return FileView(problems, done, failed, right, graded)
            case InProblem(id, inner):
                search = self.running.get(id, SolveView()).after(inner)
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
            case ManyEnded(interrupted):
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


def headline(state: FileView, seconds: float, width: int = sys.maxsize) -> Text:
    """ "12 of 60 done · 4 running · 9 of 12 right · 31 tokens/s · 3 min 20 s · about 14 min left"

    Only what there is something to say about, and less of it where it would not fit in `width` cells.
    """
    from rich.text import Text

    s = state
    right = ""
    if s.graded:
        right = f"{thousands(s.right)} of {thousands(s.graded)} right"
        right += f" ({percent(s.right / s.graded)})" if s.ended else ""
    left = None if s.ended else s.seconds_left(seconds)
    said = {
        "done": f"{thousands(s.done)} of {thousands(s.problems)} done",
        "interrupted": "interrupted" if s.interrupted else "",
        "running": f"{len(s.running)} running" if s.running and not s.ended else "",
        "right": right,
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


def problem_line(state: FileView, event: ProblemEnded) -> str:
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


def failure_line(event: ProblemEnded) -> str:
    """ "17: no JSON: Expecting value at 3" """
    return f"{shown_id(event.id)}: {_clean(event.error or '', _REASON)}"


def shown_id(id: str, width: int = _ID) -> str:
    """An id in at most `width` cells."""
    return _clean(id, width)


def _clean(text: str, width: int) -> str:
    """The start of a text that may hold anything, a megabyte even, as one line."""
    return keep_start(one_line(text[: 4 * width]), width)
