"""What a search asks for, and what it tells.

A search is a generator: it yields these records and is sent the answers. It never calls a model, so
a test can drive it with a hidden Markov model and a scheduler with a language model, many at once.

    Extend(particles)         -> bool (k,): which of them have finished
    Score(particles)          -> float64 (k,): logit of each prefix's score
    Alike()                   -> int (n,): equal for particles that have written the same
    Fork(ancestors)           -> None: particle i continues from ancestors[i]
    Rewind(particles, steps)  -> None: each goes back to its first so many steps
    Weighed(...)              -> bool: news for whoever watches; whether they want it to end here
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, TypeAlias

from pfsolve.search import weights as w
from pfsolve.search.resampling import Ancestors
from pfsolve.search.weights import Floats


@dataclass(frozen=True, slots=True)
class Extend:
    """One more step for each of these particles, indices (k,)."""

    particles: Ancestors


@dataclass(frozen=True, slots=True)
class Score:
    """The log-weight of each of these particles' prefixes, indices (k,)."""

    particles: Ancestors


@dataclass(frozen=True, slots=True)
class Alike:
    """Which particles have written the same steps, to the letter."""


@dataclass(frozen=True, slots=True)
class Fork:
    """Particle i continues as a copy of ancestors[i], shape (n,)."""

    ancestors: Ancestors


@dataclass(frozen=True, slots=True)
class Rewind:
    """Each of these particles, indices (k,), goes back to its first steps, (k,) of them, and goes on.

    None of them is back at the prompt. They have more steps than that, so none of them is finished
    afterwards.
    """

    particles: Ancestors
    steps: Ancestors


@dataclass(frozen=True, slots=True)
class StepInfo:
    """After scoring step `step` (from 1): what the weights are and what they lead to.

    log_odds (n,): logit of each particle's latest score. log_weights (n,): not normalised; one at
    least is above -inf. log_evidence: estimate of the log normalising constant so far; None where a
    method has none.

    The answer is true once whoever watches wants no more: the search then ends with what it has.
    """

    step: int
    log_odds: Floats
    log_weights: Floats
    log_evidence: float | None = None

    @property
    def weights(self) -> Floats:
        """Normalised, (n,)."""
        return w.normalise(self.log_weights)

    @property
    def ess(self) -> float:
        """Effective sample size, 1 to n."""
        return w.ess(self.weights)


@dataclass(frozen=True, slots=True)
class FinalPopulation:
    """Where a search ends.

    log_odds (n,): logit of each particle's last score. log_weights (n,): its weight in the final
    population, not normalised. log_evidence: log of the estimated normalising constant, None where a
    method has none. steps: steps taken. stopped: it was told to end before it would have.
    """

    log_odds: Floats
    log_weights: Floats
    log_evidence: float | None
    steps: int
    stopped: bool = False


Request: TypeAlias = Extend | Score | Alike | Fork | Rewind | StepInfo
Search: TypeAlias = Generator[Request, Any, FinalPopulation]
