"""A file of problems as it is solved: what its events add up to, its headline, its bar."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pfsolve.display.solve import SolveView
from pfsolve.display.table import table
from pfsolve.display.text import keep_start, progress_bar, readable_answer
from pfsolve.display.view import LINE_S, View
from pfsolve.events import Event
from pfsolve.events.search import InProblem, ManyBegan, ManyEnded, ProblemEnded
from pfsolve.wording import duration, one_line, percent, plural, roughly, speed, thousands

if TYPE_CHECKING:
    from rich.text import Text

FAILURES = 20  # problems whose failure is told by name

_BAR = 60  # cells of the progress bar at most
_ID, _REASON = 80, 300  # cells of an id, and of an error or an answer, at most
_DISPENSABLE = ("speed", "running", "seconds", "failed", "right", "interrupted", "left")


@dataclass(frozen=True, slots=True)
class FileView(View):
    """A file of problems, several of them solved side by side.

    Attributes:
        problems, done, failed, right, graded: as in `ManyBegan`, with what this run has settled.
        running: the searches under way by their problem's id, the longest-running first.
        finished: number of problems this run has settled that cost tokens.
        written: number of tokens they cost.
        errors: number of problems this run has settled without a solution.
        interrupted: as in `ManyEnded`.
        began: when the run began, in seconds.
        seconds: since then.
        told: when the last plain headline came, in seconds since then.
        is_due: whether it is time for another.
    """

    problems: int = 0
    done: int = 0
    failed: int = 0
    right: int = 0
    graded: int = 0
    running: Mapping[str, SolveView] = field(default_factory=dict)
    finished: int = 0
    written: int = 0
    errors: int = 0
    interrupted: bool = False
    began: float = 0.0
    seconds: float = 0.0
    told: float = 0.0
    is_due: bool = False

    @property
    def tokens(self) -> int:
        """Written by the policy in this run, by finished and by running searches."""
        return self.written + sum(search.tokens for search in self.running.values())

    def after(self, event: Event, now: float = 0.0) -> FileView:
        """This view once `event` has happened."""
        if isinstance(event, ManyBegan):
            counts = (event.problems, event.done, event.failed, event.right, event.graded)
            fresh = FileView(*counts, began=now, active=True)
            return replace(fresh, verbose=self.verbose, colours=self.colours)
        view = self._counted(event)
        if not self.active:
            return view
        seconds = now - self.began
        is_due = view.active and seconds - self.told >= LINE_S
        told = seconds if is_due else self.told
        return replace(view, seconds=seconds, is_due=is_due, told=told)

    def _counted(self, event: Event) -> FileView:
        match event:
            case InProblem(problem, inner):
                search = self.running.get(problem, SolveView(colours=self.colours)).after(inner)
                return replace(self, running={**self.running, problem: search})
            case ProblemEnded(problem, answer, correct, error, tokens):
                return replace(
                    self,
                    done=self.done + 1,
                    failed=self.failed + (answer is None),
                    right=self.right + (correct is True),
                    graded=self.graded + (correct is not None),
                    running={other: s for other, s in self.running.items() if other != problem},
                    finished=self.finished + (tokens > 0),  # a malformed row tells nothing
                    written=self.written + tokens,
                    errors=self.errors + (error is not None),
                )
            case ManyEnded(interrupted):
                return replace(self, active=False, interrupted=interrupted)
        return self

    def news(self, event: Event) -> Text | None:
        """Problems that failed, by name up to a number of them."""
        from rich.text import Text

        if not isinstance(event, ProblemEnded) or event.error is None or self.errors > FAILURES + 1:
            return None
        if self.errors > FAILURES:
            return Text("… further problems that fail are counted only", "dim")
        return Text(f"{_clean(event.id, _ID)}: {_clean(event.error, _REASON)}", "dim")

    def line(self, event: Event) -> str | None:
        """The headline now and then and at the end; if asked for, each problem instead."""
        if isinstance(event, ManyEnded):
            return self.headline().plain
        if self.verbose == 0:
            return self.headline().plain if self.is_due else None
        if isinstance(event, ProblemEnded) and event.error is None:
            return self._problem_line(event)
        return None

    def draw(self, width: int, height: int) -> list[Text]:
        """The headline, a progress bar, and if asked for the table of the oldest search."""
        from rich.text import Text

        lines = [self.headline(width)]
        if not self.active:
            return lines
        if height >= 3:
            lines.append(progress_bar(self.done, self.problems, min(_BAR, width)))
        if self.verbose >= 1 and self.running and height >= 5:
            problem, search = next(iter(self.running.items()))
            lines.append(Text(_clean(problem, width), "dim", no_wrap=True))
            lines += table(search, width, height - 3)
        return lines

    def headline(self, width: int = sys.maxsize) -> Text:
        """All that counts in one line: done, running, right, failed, speed, time, time left.

        What there is nothing to say about is left out, and so is what does not fit in `width` cells:
        "12 of 60 done · 4 running · 9 of 12 right · 31 tokens/s · 3 min 20 s · about 14 min left".
        """
        from rich.text import Text

        right = ""
        if self.graded:
            right = f"{thousands(self.right)} of {thousands(self.graded)} right"
            right += "" if self.active else f" ({percent(self.right / self.graded)})"
        left = self.seconds_left() if self.active else None
        said = {
            "done": f"{thousands(self.done)} of {thousands(self.problems)} done",
            "interrupted": "interrupted" if self.interrupted else "",
            "running": f"{len(self.running)} running" if self.running and self.active else "",
            "right": right,
            "failed": f"{thousands(self.failed)} failed" if self.failed else "",
            "speed": speed(self.tokens, self.seconds) or "",
            "seconds": duration(self.seconds),
            "left": f"about {roughly(left)} left" if left else "",
        }
        parts = {name: part for name, part in said.items() if part}
        for name in _DISPENSABLE:
            if len(" · ".join(parts.values())) > width:
                parts.pop(name, None)
        done = keep_start(parts.pop("done"), width)
        return Text.assemble((done, "bold"), *(f" · {part}" for part in parts.values()))

    def seconds_left(self) -> float | None:
        """How long the rest takes if its problems cost what the finished ones did, on average.

        Measured in tokens, so that the searches under way count too, each for a problem at most.
        None until a problem is finished.
        """
        if not self.finished or self.seconds <= 0:
            return None
        mean = self.written / self.finished
        begun = sum(min(search.tokens, mean) for search in self.running.values())
        left = max(0.0, (self.problems - self.done) * mean - begun)
        return left * self.seconds / self.tokens

    def _problem_line(self, event: ProblemEnded) -> str:
        """One problem: "12 of 60 · gsm8k-17: 42 (right) · 310 tokens · 12 s"."""
        answer = "no answer"
        if event.answer is not None:
            answer = keep_start(readable_answer(event.answer[:_REASON]), _REASON)
        if event.correct is not None:
            answer += " (right)" if event.correct else " (wrong)"
        count = f"{thousands(self.done)} of {thousands(self.problems)}"
        parts = [count, f"{_clean(event.id, _ID)}: {answer}"]
        parts += [plural(event.tokens, "token"), duration(event.seconds)]
        return " · ".join(parts)


def _clean(text: str, width: int) -> str:
    """The start of a text that may hold anything, a megabyte even, as one line."""
    return keep_start(one_line(text[: 4 * width]), width)
