"""A search as it happens: what its events add up to, its live table, its plain lines."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pfsolve.display.table import table
from pfsolve.display.text import keep_end, one_line, readable_answer
from pfsolve.display.view import View
from pfsolve.events import (
    Began,
    Ended,
    Event,
    ManyEnded,
    ParticleRow,
    ProgramRan,
    Progressed,
    Resampled,
    StepScored,
)
from pfsolve.wording import percent

if TYPE_CHECKING:
    from rich.text import Text


_PRINTED = 200  # cells of what a program printed that a line shows, at most


@dataclass(frozen=True, slots=True)
class SolveView(View):
    """One search.

    Attributes:
        n: number of particles.
        prompt_tokens: length of the prompt.
        step, ess, tokens, seconds, rows: as in `Progressed`.
        scored: the last step that was scored; 0 before the first.
        resampled: the last step after which particles were resampled; 0 before the first time.
    """

    n: int = 0
    prompt_tokens: int = 0
    step: int = 0
    ess: float = 0.0
    tokens: int = 0
    seconds: float = 0.0
    rows: tuple[ParticleRow, ...] = ()
    scored: int = 0
    resampled: int = 0

    def after(self, event: Event, now: float = 0.0) -> SolveView:
        """This view once `event` has happened."""
        match event:
            case Began(_, n, prompt_tokens):
                return SolveView(n, prompt_tokens, active=True, verbose=self.verbose)
            case Progressed(step, ess, rows, tokens, seconds):
                return replace(self, step=step, ess=ess, rows=rows, tokens=tokens, seconds=seconds)
            case StepScored(step, _, weights, ess):
                rows = self.rows
                if len(weights) == len(rows):
                    rows = tuple(map(_weighed, rows, weights))
                return replace(self, step=step, scored=step, ess=ess, rows=rows)
            case Resampled(step):
                return replace(self, resampled=step)
            case Ended(rows, tokens, seconds):
                ended = replace(self, rows=rows, tokens=tokens, seconds=seconds)
                return replace(ended, n=len(rows), active=False)
            case ManyEnded():
                return replace(self, active=False)
        return self

    def line(self, event: Event) -> str | None:
        """Each step and each run of a program, if asked for.

        "step 3 · ESS 5.2 of 8 · 42 (61 %) · 7/3 (20 %)", "program 5 prints 12".
        """
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

        Answers that look the same count as the same.
        """
        shares: dict[str, float] = {}
        for row in self.rows:
            if row.answer is not None and (shown := readable_answer(row.answer)):
                shares[shown] = shares.get(shown, 0.0) + row.weight
        return sorted(shares.items(), key=lambda item: -item[1])[:most]


def _run(event: ProgramRan) -> str:
    """What a program did: "program 5 prints 12", "program 5 fails: NameError: ..."."""
    if event.error is not None:
        return f"program {event.particle} fails: {one_line(event.error)}"
    printed = keep_end(one_line(event.output), _PRINTED) or "nothing"
    return f"program {event.particle} prints {printed}"


def _weighed(row: ParticleRow, weight: float) -> ParticleRow:
    return replace(row, weight=weight)
