"""Weights in log space: normalisation, effective sample size, log mean.

A log-weight is a float64; -inf is a dead particle; NaN, +inf and log-odds that no score has are the
scorer's errors.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pfsolve.search.log_odds import Floats, log_sigmoid

_LARGEST = 1e12  # log-odds; divided, added and compared they are still numbers


class AllParticlesDead(ArithmeticError):
    """Every particle has weight zero: no distribution is left to resample from."""


class InvalidLogWeight(ArithmeticError):
    """A log-weight or the log-odds behind it is NaN or too large."""


@dataclass(frozen=True, eq=False)
class Weights:
    """Log-weights, at least one of them above -inf, and what follows from them, each computed once.

    Args:
        log: (n,), not normalised, values in [-inf, inf).

    Raises:
        InvalidLogWeight: a log-weight is NaN or +inf.
        AllParticlesDead: all are -inf.
    """

    log: Floats

    def __post_init__(self) -> None:
        check(self.log, "log-weight", most=np.finfo(np.float64).max)
        if np.isneginf(self.log).all():
            raise AllParticlesDead(f"all {self.log.size} particles have weight zero")

    @classmethod
    def of_scores(cls, log_odds: Floats) -> Weights:
        """Scores as weights: probabilities, not odds, as in weighted best-of-n."""
        check(log_odds)
        return cls(log_sigmoid(log_odds))

    @cached_property
    def normalised(self) -> Floats:
        """Weights (n,) that sum to 1."""
        weights = np.exp(self.log - np.max(self.log))
        return np.asarray(weights / np.sum(weights), dtype=np.float64)

    @cached_property
    def ess(self) -> float:
        """Effective sample size 1 / sum(W_i^2), from 1 (one particle has all) to n (all equal)."""
        return float(1.0 / np.sum(np.square(self.normalised)))

    @cached_property
    def log_mean(self) -> float:
        """Log of the mean weight."""
        return log_mean_exp(self.log)


def log_mean_exp(values: Floats) -> float:
    """Log of the arithmetic mean of exp(values), shape (n,) with n >= 1; -inf where all are."""
    top = float(np.max(values))
    if np.isneginf(top):
        return top
    total = top + float(np.log(np.sum(np.exp(values - top))))
    return total - float(np.log(values.size))


def check(values: Floats, what: str = "log-odds", most: float = _LARGEST) -> None:
    """Raise InvalidLogWeight where a value is neither -inf nor within `most`, naming the first particle."""
    bad = np.flatnonzero(~((np.abs(values) <= most) | np.isneginf(values)))
    if bad.size:
        raise InvalidLogWeight(f"particle {bad[0]} has {what} {values[bad[0]]}")
