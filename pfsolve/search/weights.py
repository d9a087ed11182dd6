"""Weights in log space: normalisation, effective sample size, evidence.

A log-weight is a float64; -inf is a dead particle; NaN and +inf are errors of whoever scored.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class AllParticlesDead(ArithmeticError):
    """Every particle has weight zero: no distribution is left to resample from."""


class InvalidLogWeight(ArithmeticError):
    """A log-weight is NaN or +inf."""


def log_sum_exp(log_weights: Floats) -> float:
    """log(sum(exp(log_weights))), stable; -inf for an empty or all-dead array.

    Args:
        log_weights: shape (n,), values in [-inf, inf).
    """
    if log_weights.size == 0:
        return float("-inf")
    top = float(np.max(log_weights))
    if np.isneginf(top):
        return top
    return top + float(np.log(np.sum(np.exp(log_weights - top))))


def log_mean_exp(log_weights: Floats) -> float:
    """log of the arithmetic mean of exp(log_weights), shape (n,) with n >= 1."""
    return log_sum_exp(log_weights) - float(np.log(log_weights.size))


def normalise(log_weights: Floats, temperature: float = 1.0) -> Floats:
    """softmax(log_weights / temperature): weights of shape (n,) that sum to 1.

    Raises:
        InvalidLogWeight: a log-weight is NaN or +inf.
        AllParticlesDead: all are -inf.
    """
    check(log_weights)
    scaled = log_weights / temperature
    top = np.max(scaled)
    if np.isneginf(top):
        raise AllParticlesDead(f"all {log_weights.size} particles have weight zero")
    weights = np.exp(scaled - top)
    return np.asarray(weights / np.sum(weights), dtype=np.float64)


def check(log_weights: Floats) -> None:
    """Raise InvalidLogWeight where a log-weight is NaN or +inf, naming the first such particle."""
    bad = np.flatnonzero(np.isnan(log_weights) | np.isposinf(log_weights))
    if bad.size:
        raise InvalidLogWeight(f"particle {bad[0]} has log-weight {log_weights[bad[0]]}")


def ess(weights: Floats) -> float:
    """Effective sample size 1 / sum(W_i^2) of normalised weights (n,): 1 (one has all) to n (equal)."""
    return float(1.0 / np.sum(np.square(weights)))
