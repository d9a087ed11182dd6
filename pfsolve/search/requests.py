"""What a search asks for, and what it tells.

A search is a generator: it yields these records and is sent the answers. It never calls a model, so
a test can drive it with a hidden Markov model and a scheduler with a language model, many at once.

    Extend(particles)         -> bool (k,): which of them have finished
    Score(particles)          -> float64 (k,): log-odds of each prefix's score
    Alike()                   -> int (n,): equal for particles that have written the same
    Fork(ancestors)           -> None: particle i continues from ancestors[i]
    Rewind(particles, steps)  -> None: each returns to its first steps[i] steps
    StepInfo(...)             -> bool: whether the watcher wants the search to end here
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, TypeAlias

from pfsolve.search.log_odds import Floats
from pfsolve.search.resampling import Ancestors
from pfsolve.search.weights import Weights


@dataclass(frozen=True, slots=True)
class Extend:
    """One more step for each of these particles.

    Args:
        particles: indices (k,), k >= 1, ascending; none of them has finished.
    """

    particles: Ancestors


@dataclass(frozen=True, slots=True)
class Score:
    """The log-odds of each of these particles' prefixes.

    Args:
        particles: indices (k,), those of the Extend just answered.
    """

    particles: Ancestors


@dataclass(frozen=True, slots=True)
class Alike:
    """Which particles have written the same steps, to the letter."""


@dataclass(frozen=True, slots=True)
class Fork:
    """Particle i continues as a copy of ancestors[i].

    Args:
        ancestors: indices (n,).
        log_weights: (n,), of the particles from now on, on the scale of the StepInfo before; None
            where each has its ancestor's.
    """

    ancestors: Ancestors
    log_weights: Floats | None = None


@dataclass(frozen=True, slots=True)
class Rewind:
    """Each of these particles returns to its first steps, which leaves none of them finished.

    Args:
        particles: indices (k,), k >= 1, ascending.
        steps: (k,), the number of steps each keeps, fewer than it has; 0 is the prompt.
    """

    particles: Ancestors
    steps: Ancestors


@dataclass(frozen=True, slots=True)
class StepInfo:
    """News for watchers, once a step is scored.

    A search that is answered True ends with what it has.

    Args:
        step: number of the step, from 1.
        log_odds: (n,), logit of each particle's newest score.
        weights: of n particles.
        log_evidence: estimate of the log normalising constant so far; None where a method has none.
    """

    step: int
    log_odds: Floats
    weights: Weights
    log_evidence: float | None = None


@dataclass(frozen=True, slots=True)
class FinalPopulation:
    """Where a search ends.

    Args:
        log_odds: (n,), logit of each particle's last score.
        weights: of n particles in the final population.
        log_evidence: log of the estimated normalising constant; None where a method has none.
        steps: the number of steps taken.
        stopped: whether it was told to end before it would have.
    """

    log_odds: Floats
    weights: Weights
    log_evidence: float | None
    steps: int
    stopped: bool = False


Request: TypeAlias = Extend | Score | Alike | Fork | Rewind | StepInfo
Search: TypeAlias = Generator[Request, Any, FinalPopulation]
