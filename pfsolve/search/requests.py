"""What a search asks for, and what it tells.

A search is a generator: it yields these records and is sent the answers. It never calls a model, so
a test can drive it with a hidden Markov model and a scheduler with a language model, many at once.

    Extend(particles)  -> bool (k,): which of them have finished
    Score(particles)   -> float64 (k,): logit of each prefix's score
    Fork(ancestors)    -> None: particle i continues from ancestors[i]
    Weighed(...)       -> None: news for whoever watches
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, TypeAlias

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
class Fork:
    """Particle i continues as a copy of ancestors[i], shape (n,).

    Survivors stay in their slots (`resampling.keep_in_place`): ancestors[a] == a for every ancestor.
    """

    ancestors: Ancestors


@dataclass(frozen=True, slots=True)
class Weighed:
    """After scoring step `step` (from 1): what the weights are and what they lead to.

    log_scores (n,): logit of each particle's latest score. weights (n,): normalised. ess: effective
    sample size. log_evidence: estimate of the log normalising constant so far.
    """

    step: int
    log_scores: Floats
    weights: Floats
    ess: float
    log_evidence: float


@dataclass(frozen=True, slots=True)
class Population:
    """Where a search ends.

    log_scores (n,): logit of each particle's last score. log_weights (n,): its weight in the final
    population, not normalised. log_evidence: log of the estimated normalising constant. steps: steps
    taken.
    """

    log_scores: Floats
    log_weights: Floats
    log_evidence: float
    steps: int


Request: TypeAlias = Extend | Score | Fork | Weighed
Search: TypeAlias = Generator[Request, Any, Population]
