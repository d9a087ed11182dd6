"""Does a score tell right steps from wrong ones, and is it a probability? On plain arrays.

All scores here are log-odds (logits); higher is better, -inf is legal. A step after the first
error is neither right nor wrong, and is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pfsolve.search.log_odds import Floats

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class LabelledSteps:
    """The scored steps of one solution of L steps."""

    log_odds: Floats  # (L,) of the prefix that ends with each step
    first_error: int  # index of the first wrong step, or -1
    group: int  # number of the problem, 0 and up


@dataclass(frozen=True, slots=True)
class PooledSteps:
    """The n labelled steps of many solutions."""

    log_odds: Floats  # (n,)
    right: Bools  # (n,)
    group: NDArray[np.intp]  # (n,) number of the problem


def pooled_steps(solutions: Sequence[LabelledSteps]) -> PooledSteps:
    """All steps that have a label: those before the first error are right, the first error is wrong."""
    scores, right, group = [np.empty(0)], [np.empty(0, bool)], [np.empty(0, np.intp)]
    for solution in solutions:
        wrong = solution.first_error >= 0
        count = solution.first_error + 1 if wrong else len(solution.log_odds)
        scores.append(solution.log_odds[:count])
        right.append(np.arange(count) != solution.first_error)
        group.append(np.full(count, solution.group))
    return PooledSteps(np.concatenate(scores), np.concatenate(right), np.concatenate(group))


def auc(log_odds: Floats, right: Bools, weights: Floats | None = None) -> float | None:
    """The probability that a right step scores higher than a wrong one, ties counting half.

    The area under the ROC curve, by ranks and therefore exact. None where right or wrong ones are
    missing.

    Args:
        log_odds: (n,).
        right: (n,).
        weights: (n,), at least 0; 1 by default.
    """
    weights = np.ones(len(right)) if weights is None else weights
    order = np.argsort(log_odds[~right])
    wrong = log_odds[~right][order]
    below = np.concatenate([[0.0], np.cumsum(weights[~right][order])])  # mass of the k lowest
    total = below[-1] * np.sum(weights[right])
    if not total > 0:
        return None
    first = below[np.searchsorted(wrong, log_odds[right], "left")]
    last = below[np.searchsorted(wrong, log_odds[right], "right")]
    return float(np.sum(weights[right] * (first + last)) / (2 * total))


def step_auc(solutions: Sequence[LabelledSteps]) -> float | None:
    """`auc` over all labelled steps."""
    steps = pooled_steps(solutions)
    return auc(steps.log_odds, steps.right)


def brier(scores: Floats, right: Bools, weights: Floats | None = None) -> float | None:
    """Mean square of score minus outcome, 0 at best (Brier 1950); scores are probabilities (n,)."""
    weights = np.ones(len(right)) if weights is None else weights
    total = np.sum(weights)
    return float(np.sum(weights * (scores - right) ** 2) / total) if total > 0 else None


@dataclass(frozen=True, slots=True)
class Bin:
    """The steps with scores in [low, high)."""

    low: float
    high: float
    steps: int  # the number of them
    score: float  # their mean score
    right: float  # share of them that is right


def reliability(scores: Floats, right: Bools, bins: int = 10) -> tuple[Bin, ...]:
    """The steps by score, in bins of equal width; empty ones are left out, 1 is in the last."""
    place = np.minimum((scores * bins).astype(np.intp), bins - 1)
    return tuple(
        Bin(
            k / bins,
            (k + 1) / bins,
            int(np.sum(place == k)),
            float(np.mean(scores[place == k])),
            float(np.mean(right[place == k])),
        )
        for k in np.unique(place).tolist()
    )


def calibration_error(bins: Sequence[Bin]) -> float | None:
    """Expected calibration error: mean over the steps of |mean score - share right| of their bin.

    Naeini, Cooper and Hauskrecht 2015 (AAAI), "Obtaining well calibrated probabilities using
    Bayesian binning". None without a step.
    """
    steps = sum(b.steps for b in bins)
    return sum(b.steps * abs(b.score - b.right) for b in bins) / steps if steps else None
