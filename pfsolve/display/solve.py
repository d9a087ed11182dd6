"""A search as it happens: what its events add up to, its live table, its plain lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pfsolve.display.table import table, written_last
from pfsolve.display.text import keep_end, readable_answer
from pfsolve.display.view import View
from pfsolve.events import Event
from pfsolve.events.search import (
    Began,
    Ended,
    ManyEnded,
    ParticleRow,
    ProgramRan,
    Progressed,
    Resampled,
    StepScored,
)
from pfsolve.wording import one_line, percent, plural, roughly, speed

if TYPE_CHECKING:
    from rich.text import Text


LINE_S = 10.0  # seconds from one plain line on a search to the next, at least
_PRINTED = 200  # cells of what a program printed that a line shows, at most


@dataclass(frozen=True, slots=True)
class Copied:
    """What became of a slot when its particle was dropped and another one copied into it."""

    source: int  # slot of the other one
    line: str  # the other one's last line then: the copy has written something once it has another
    dropped: str  # what the dropped one wrote last


@dataclass(frozen=True, slots=True)
class SolveView(View):
    """One search.

    Attributes:
        n: number of particles.
        prompt_tokens: length of the prompt.
        step, ess, tokens, seconds, rows: as in `Progressed`.
        scored: the last step that was scored; 0 before the first.
        copies: what was copied since then, by slot.
        told: when the last plain line came, in seconds from the clock's origin.
        is_due: whether it is time for another.
    """

    n: int = 0
    prompt_tokens: int = 0
    step: int = 0
    ess: float = 0.0
    tokens: int = 0
    seconds: float = 0.0
    rows: tuple[ParticleRow, ...] = ()
    scored: int = 0
    copies: Mapping[int, Copied] = field(default_factory=dict)
    told: float = 0.0
    is_due: bool = False

    def after(self, event: Event, now: float = 0.0) -> SolveView:
        """This view once `event` has happened."""
        view = replace(self, is_due=False) if self.is_due else self
        match event:
            case Began(_, n, prompt_tokens):
                fresh = SolveView(n, prompt_tokens, told=now, active=True)
                return replace(fresh, verbose=self.verbose, colours=self.colours)
            case Progressed(step, ess, rows, tokens, seconds):
                view = replace(view, step=step, ess=ess, rows=rows, tokens=tokens, seconds=seconds)
                due = now - self.told >= LINE_S
                return replace(view, is_due=True, told=now) if due else view
            case StepScored(step, _, weights, ess):
                rows = _weighed(self.rows, weights)
                return replace(view, step=step, scored=step, ess=ess, rows=rows, copies={})
            case Resampled(_, ancestors, weights):
                return view._resampled(ancestors, weights)
            case Ended(rows, tokens, seconds):
                ended = replace(view, rows=rows, tokens=tokens, seconds=seconds)
                return replace(ended, n=len(rows), copies={}, active=False)
            case ManyEnded():
                return replace(view, active=False)
        return view

    def _resampled(self, ancestors: tuple[int, ...], weights: tuple[float, ...]) -> SolveView:
        if len(ancestors) != len(self.rows):
            return self
        last = [written_last(row) for row in self.rows]
        copies = {
            slot: Copied(source, last[source], last[slot])
            for slot, source in enumerate(ancestors)
            if slot != source
        }
        rows = tuple(self.rows[source] for source in ancestors)
        return replace(self, rows=_weighed(rows, weights), copies={**self.copies, **copies})

    def line(self, event: Event) -> str | None:
        """How far it is, now and then; if asked for, also each step and each run of a program.

        "step 3 · 1 843 tokens · 59 tokens/s · about 40 s left · 42 (61 %)",
        "step 3 · ESS 5.2 of 8 · 42 (61 %) · 7/3 (20 %)", "program 5 prints 12".
        """
        if self.is_due:
            left = self.seconds_left()
            rate = speed(self.tokens, self.seconds)
            parts = [f"step {self.step}", plural(self.tokens, "token"), rate or ""]
            parts += [f"about {roughly(left)} left" if left else ""]
            parts += [f"{answer} ({percent(share)})" for answer, share in self.leading_answers(1)]
            return " · ".join(filter(None, parts))
        if self.verbose and isinstance(event, ProgramRan):
            return _run(event)
        if self.verbose == 0 or not isinstance(event, StepScored):
            return None
        parts = [f"step {self.step}", f"ESS {self.ess:.1f} of {len(self.begun) or self.n}"]
        parts += [f"{answer} ({percent(share)})" for answer, share in self.leading_answers()]
        return " · ".join(parts)

    def draw(self, width: int, height: int) -> list[Text]:
        """The table of particles, and once the search is over a blank line below it."""
        from rich.text import Text

        lines = table(self, width, height)
        return lines if self.active else [*lines, Text()]

    @property
    def begun(self) -> list[int]:
        """Slots of the particles that have begun: all, but for those of waves yet to come."""
        return [slot for slot, row in enumerate(self.rows) if row.tokens or row.finish]

    def leading_answers(self, most: int = 3) -> list[tuple[str, float]]:
        """The answers with the largest shares of the weight, as shown text with that share.

        The weights are those of now: between resampling and the next score all particles that took
        part count alike, so that an answer's share is that of its particles. Answers that look the
        same count as the same.
        """
        shares: dict[str, float] = {}
        for row in self.rows:
            if row.answer is not None and (shown := readable_answer(row.answer)):
                shares[shown] = shares.get(shown, 0.0) + row.weight
        return sorted(shares.items(), key=lambda item: -item[1])[:most]

    def seconds_left(self) -> float | None:
        """How long the shortest particle takes to grow as long as finished ones of its kind are on average.

        None where nothing tells: no particle of the kind has finished with an answer, one is longer
        than that already, or waves of particles are yet to begin.
        """
        growing = [row for row in self.rows if row.finish is None]
        if not growing or len(self.begun) < len(self.rows) or self.seconds <= 0:
            return None
        left = 0.0
        for row in growing:
            same = [r.tokens for r in self.rows if r.kind == row.kind and r.answer is not None]
            if not same or row.tokens >= sum(same) / len(same):
                return None
            left = max(left, sum(same) / len(same) - row.tokens)
        return left * self.seconds / max(row.tokens for row in self.rows)


def _run(event: ProgramRan) -> str:
    """What a program did: "program 5 prints 12", "program 5 fails: NameError: ..."."""
    if event.error is not None:
        return f"program {event.particle} fails: {one_line(event.error)}"
    printed = keep_end(one_line(event.output), _PRINTED) or "nothing"
    return f"program {event.particle} prints {printed}"


def _weighed(rows: tuple[ParticleRow, ...], weights: tuple[float, ...]) -> tuple[ParticleRow, ...]:
    if len(rows) != len(weights):
        return rows
    return tuple(replace(row, weight=weight) for row, weight in zip(rows, weights, strict=True))
