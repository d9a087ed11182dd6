"""ProcessBench: finding the first wrong step, and the score below which a step is wrong.

Zheng et al. 2024, arXiv:2412.06559. A step is called wrong where its score is below a threshold; a
solution counts as judged rightly if the first step called wrong is the first wrong one, or if none
is called wrong in one without an error. F1 is the harmonic mean of the two shares.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pfsolve.lab.evaluation.metrics import Bools, LabelledSteps
from pfsolve.search.log_odds import Floats

FOLDS = 10


@dataclass(frozen=True, slots=True)
class Detection:
    """All that matters of n solutions.

    An error is found, or an absent one not seen, exactly for thresholds t with at < t <= before
    (t = -inf, which calls nothing wrong, included where there is no error).
    """

    wrong: Bools  # (n,) it has a wrong step
    # (n,) lowest log-odds before that step, inf if it is the first; of all steps if there is none.
    before: Floats
    at: Floats  # (n,) log-odds of the first wrong step, -inf without one
    group: NDArray[np.intp]  # (n,) number of the problem

    @classmethod
    def of(cls, solutions: Sequence[LabelledSteps]) -> Detection:
        wrong = np.array([s.first_error >= 0 for s in solutions], bool)
        before = [
            np.min(
                s.log_odds[: s.first_error] if s.first_error >= 0 else s.log_odds,
                initial=np.inf,
            )
            for s in solutions
        ]
        at = [s.log_odds[s.first_error] if s.first_error >= 0 else -np.inf for s in solutions]
        group = np.array([s.group for s in solutions], np.intp)
        return cls(wrong, np.array(before, float), np.array(at, float), group)

    def part(self, chosen: Bools) -> Detection:
        return Detection(
            self.wrong[chosen], self.before[chosen], self.at[chosen], self.group[chosen]
        )

    @property
    def has_both(self) -> bool:
        """Whether there are solutions with an error and some without."""
        return bool(self.wrong.any() and not self.wrong.all())

    def judged_rightly(self, threshold: float | Floats) -> Bools:
        """(n,), for one threshold on the log-odds or one for each solution."""
        return np.asarray((~self.wrong | (self.at < threshold)) & (threshold <= self.before))


@dataclass(frozen=True, slots=True)
class F1:
    """Shares judged rightly of the solutions with an error and of those without, and their F1.

    None where there are no solutions of the kind.
    """

    f1: float | None
    accuracy_wrong: float | None
    accuracy_right: float | None


def f1(rightly: Bools, wrong: Bools, weights: Floats | None = None) -> F1:
    """F1 of solutions judged rightly or not (n,), with an error or not (n,); weights (n,)."""
    weights = np.ones(len(wrong)) if weights is None else weights
    hits = weights * rightly
    shares = [
        float(np.sum(hits[kind]) / np.sum(weights[kind])) if np.sum(weights[kind]) > 0 else None
        for kind in (wrong, ~wrong)
    ]
    on_wrong, on_right = shares
    if on_wrong is None or on_right is None:
        return F1(None, on_wrong, on_right)
    both = on_wrong + on_right
    return F1(2 * on_wrong * on_right / both if both else 0.0, on_wrong, on_right)


def choose_threshold(detection: Detection) -> float | None:
    """The threshold on the log-odds with the highest F1 on these solutions; of several the lowest.

    It lies half-way between two neighbouring scores, or is the upper one where nothing lies between.
    None unless there are solutions with an error and some without.
    """
    if not detection.has_both:
        return None
    wrong, before, at = detection.wrong, detection.before, detection.at
    values = np.unique(np.concatenate([before, at[wrong]]))
    values = values[np.isfinite(values)]
    if not len(values):
        return -np.inf
    low, high = values[:-1], values[1:]
    middle = low + (high - low) / 2
    candidates = np.concatenate([values[:1], np.where(middle > low, middle, high)])

    def share_below(scores: Floats) -> Floats:
        return np.searchsorted(np.sort(scores), candidates, "left") / len(scores)

    # at < t <= before is at < t without before < t, where at < before; never where it is not.
    possible = wrong & (at < before)
    on_right = 1.0 - share_below(before[~wrong])
    on_wrong = np.zeros(len(candidates))
    if possible.any():
        on_wrong = share_below(at[possible]) - share_below(before[possible])
        on_wrong *= np.sum(possible) / np.sum(wrong)
    both = on_wrong + on_right
    scores = np.divide(2 * on_wrong * on_right, both, out=np.zeros_like(both), where=both > 0)
    return float(candidates[np.argmax(scores)])


def cross_fitted(detection: Detection, *, seed: int = 0, folds: int = FOLDS) -> Floats | None:
    """A threshold for each solution (n,), chosen on other problems than its own.

    The F1 at the threshold that is best on the same solutions flatters: by 4 points with 100 of
    them and 2 with 400, in a simulation with scores of normal distribution. So the problems are dealt
    into `folds` parts, those with an error evenly, and each part is judged with the threshold that
    is best on the others. In the simulation that F1 is right on average with ten parts, and half a
    point low with two, whose thresholds are chosen on fewer solutions than the user's would be.

    None where there are too few problems: some threshold would have to be chosen without solutions
    of both kinds.
    """
    groups = np.unique(detection.group)
    shuffled = np.random.default_rng(seed).permutation(groups)
    has_error = np.isin(shuffled, detection.group[detection.wrong])
    dealt = shuffled[np.argsort(has_error, kind="stable")]
    part = np.empty(int(groups.max(initial=-1)) + 1, np.intp)
    part[dealt] = np.arange(len(dealt)) % folds
    parts = part[detection.group]

    thresholds = np.empty(len(parts))
    for k in np.unique(parts):
        threshold = choose_threshold(detection.part(parts != k))
        if threshold is None:
            return None
        thresholds[parts == k] = threshold
    return thresholds if len(thresholds) else None
