"""Ways to weight: from log-odds to log-weights.

Each takes, for n particles, the log-weights before a step, the log-odds after it and their change by
it, the last two divided by the softmax temperature. It returns two arrays of log-weights (n,): those
that choose survivors and answers (w of `particle_filter`), and those whose mean is the evidence (W).
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from pfsolve.search.log_odds import Floats
from pfsolve.search.resampling import Ancestors


class Weighting(Protocol):
    def __call__(self, before: Floats, log_odds: Floats, change: Floats) -> tuple[Floats, Floats]:
        """Log w and log W, each (n,)."""


def score(before: Floats, log_odds: Floats, change: Floats) -> tuple[Floats, Floats]:
    """The newest score's odds, started afresh at each step (arXiv:2502.01618, algorithm 1)."""
    return log_odds, before + log_odds


def ratio(before: Floats, log_odds: Floats, change: Floats) -> tuple[Floats, Floats]:
    """The change of the odds on top of the weight before it (Feynman-Kac).

    The product of all changes telescopes, so the final law is p(x) * odds(r_T).
    """
    log_weights = before + change
    return log_weights, log_weights


WEIGHTINGS: dict[str, Weighting] = {"score": score, "ratio": ratio}


def log_change(before: Floats, after: Floats) -> Floats:
    """The difference `after - before`, (n,); the dead stay dead, where -inf minus -inf would be NaN."""
    dead = np.isneginf(before) | np.isneginf(after)
    return np.where(dead, -np.inf, after - np.where(dead, 0.0, before))


def log_copies(alike: Ancestors) -> Floats:
    """Log of the number of particles that have written the same as each, (n,)."""
    _, numbers, counts = np.unique(alike, return_inverse=True, return_counts=True)
    return np.log(counts[numbers])
