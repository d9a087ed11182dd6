"""What a search tells its watcher: builds the events, and holds back what comes too often."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from pfsolve.answers import group_equivalent
from pfsolve.engine.policy import StepDraft
from pfsolve.events.search import (
    Began,
    Ended,
    ParticleRow,
    ProgramRan,
    Progressed,
    Resampled,
    Rewound,
    SearchEvent,
    SearchListener,
    StepScored,
    StepWritten,
)
from pfsolve.particle import Particle
from pfsolve.search.log_odds import Floats
from pfsolve.search.requests import Fork, StepInfo
from pfsolve.search.resampling import Ancestors
from pfsolve.search.weights import Weights

_TICK_SECONDS = 0.1  # between two reports of progress
_TEXT_SHOWN = 400  # bytes of a particle's end that a watcher is given


class Narrator:
    """Tells one search; without a listener it builds nothing.

    Args:
        listen: receives the events, if there is a listener.
        n: number of particles.
    """

    def __init__(self, listen: SearchListener | None, n: int) -> None:
        self._listen = listen
        self._weights: Floats = np.full(n, 1.0 / n)
        self._ess = float(n)
        self._spelling: dict[str, str] = {}
        self._started = self._ticked = time.monotonic()

    def began(self, problem: str, prompt_tokens: int) -> None:
        """The tokens that ask for the problem's solution have been decoded."""
        self._tell(Began(problem, len(self._weights), prompt_tokens))

    def tick(
        self, step: int, particles: Sequence[Particle], drafts: Sequence[StepDraft], tokens: int
    ) -> None:
        """Steps are being written: tell of it now and then.

        Args:
            step: number of steps taken.
            drafts: the steps under way.
            tokens: number of tokens written so far, those of drafts included.
        """
        if self._listen is not None and time.monotonic() - self._ticked >= _TICK_SECONDS:
            self._progress(step, particles, drafts, tokens)

    def written(self, step: int, slots: Sequence[int], particles: Sequence[Particle]) -> None:
        """The particles in these slots, of all, have taken a step."""
        if self._listen is None:
            return
        those = [particles[slot] for slot in slots]
        self._tell(
            StepWritten(
                step,
                tuple(slots),
                tuple(particle.texts[-1] for particle in those),
                tuple(len(particle.steps[-1].tokens) for particle in those),
                tuple(particle.finish and str(particle.finish) for particle in those),
                tuple(str(particle.kind) for particle in those),
            )
        )

    def scored(self, info: StepInfo, step: int, particles: Sequence[Particle], tokens: int) -> None:
        """A step has been scored, and its particles weighed."""
        if self._listen is None:
            return
        self._weights, self._ess = info.weights.normalised, info.weights.ess
        self._spell(particles)
        log_odds, weights = tuple(info.log_odds.tolist()), tuple(self._weights.tolist())
        # First, so that what is said of it is up to date.
        self._progress(step, particles, (), tokens)
        self._tell(StepScored(step, log_odds, weights, self._ess, info.log_evidence))

    def resampled(self, step: int, fork: Fork) -> None:
        """Particles continue as copies of others, with the weights that they have from now on."""
        weights = self._weights[fork.ancestors]
        if fork.log_weights is not None and np.isfinite(fork.log_weights.max()):
            weights = Weights(fork.log_weights).normalised
        total = weights.sum()
        self._weights = weights / total if total > 0 else np.full_like(weights, 1 / len(weights))
        ancestors = tuple(fork.ancestors.tolist())
        self._tell(Resampled(step, ancestors, tuple(self._weights.tolist())))

    def rewound(self, step: int, slots: Ancestors, steps: Ancestors) -> None:
        """Each of these particles continues from its first `steps`."""
        self._tell(Rewound(step, tuple(slots.tolist()), tuple(steps.tolist())))

    def ran(self, step: int, slot: int, particle: Particle) -> None:
        """A program has run as far as it goes by now; tell of it once that is its end, or it has failed."""
        if particle.finish is not None:
            self._tell(ProgramRan(step, slot, particle.error, particle.output or ""))

    def ended(
        self, particles: Sequence[Particle], weights: Weights, tokens: int, seconds: float
    ) -> None:
        """The search is over."""
        if self._listen is not None:
            self._weights = weights.normalised
            self._spell(particles)
            self._tell(Ended(self._rows(particles, ()), tokens, seconds))

    def _spell(self, particles: Sequence[Particle]) -> None:
        """Give all answers that are equivalent the spelling of the first.

        The search asks the same as it looks whether its vote is settled, and what was compared is kept.
        """
        answers = [each.answer for each in particles if each.answer is not None]
        first: dict[int | None, str] = {}
        for answer, group in zip(answers, group_equivalent(answers), strict=True):
            self._spelling[answer] = first.setdefault(group, answer)

    def _tell(self, event: SearchEvent) -> None:
        if self._listen is not None:
            self._listen(event)

    def _progress(
        self, step: int, particles: Sequence[Particle], drafts: Sequence[StepDraft], tokens: int
    ) -> None:
        self._ticked = time.monotonic()
        seconds = self._ticked - self._started
        self._tell(Progressed(step, self._ess, self._rows(particles, drafts), tokens, seconds))

    def _rows(
        self, particles: Sequence[Particle], drafts: Sequence[StepDraft]
    ) -> tuple[ParticleRow, ...]:
        writing = {draft.slot: draft for draft in drafts}
        return tuple(
            self._row(slot, particle, writing.get(slot)) for slot, particle in enumerate(particles)
        )

    def _row(self, slot: int, particle: Particle, draft: StepDraft | None) -> ParticleRow:
        end = bytes(draft.data[-_TEXT_SHOWN:]) if draft is not None else b""
        if len(end) < _TEXT_SHOWN and particle.steps:
            end = particle.steps[-1].data[-_TEXT_SHOWN:] + end
        return ParticleRow(
            weight=float(self._weights[slot]),
            log_odds=particle.steps[-1].log_odds if particle.steps else None,
            steps=len(particle.steps),
            tokens=particle.n_tokens + (len(draft.tokens) if draft is not None else 0),
            text=end[-_TEXT_SHOWN:].decode("utf-8", errors="ignore"),
            answer=particle.answer and self._spelling.get(particle.answer, particle.answer),
            finish=None if particle.finish is None else str(particle.finish),
            kind=str(particle.kind),
            error=particle.error,
            writes=draft is not None and not draft.done,
        )
