"""All that rollouts say of a reward: accuracy with N of them, however the answer is chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pfsolve.lab.evaluation.intervals import Interval, draws, interval
from pfsolve.lab.evaluation.votes import best_of_n, oracle, vote
from pfsolve.search.log_odds import Floats, log_sigmoid

MAJORITY = "majority_vote"

# Ways to choose: from log-odds of whole solutions (M,) and classes of answers (M,) to accuracy with
# N = 1..M rollouts.
CHOICES: dict[str, Callable[[Floats, NDArray[np.intp]], Floats]] = {
    "best_of_n": best_of_n,
    "weighted_vote": vote,  # as `--final weighted-vote` weighs them, by exp(log-odds)
    "weighted_best_of_n": lambda scores, classes: vote(log_sigmoid(scores), classes),
    MAJORITY: lambda scores, classes: vote(np.zeros(len(scores)), classes),
    "oracle": lambda scores, classes: oracle(classes),
}


@dataclass(frozen=True, slots=True)
class ScoredRollouts:
    """The M scored rollouts of one row."""

    by_step: tuple[Floats, ...]  # of each rollout the log-odds of its prefixes, one a step
    classes: NDArray[np.intp]  # (M,) as in `pfsolve.lab.evaluation.votes`
    group: int  # number of the problem, 0 and up

    def after(self, step: int | None) -> Floats:
        """Log-odds (M,) after a number of steps, from 1, or at the end.

        A rollout that ended before keeps its last; one without a step has -inf.
        """
        return np.array([of[:step][-1] if len(of) else -np.inf for of in self.by_step])


@dataclass(frozen=True, slots=True)
class Curve:
    """Mean accuracy over the problems with N = 1 to M rollouts."""

    accuracy: tuple[float, ...]  # (M,)
    intervals: tuple[Interval | None, ...]  # (M,) 95 %
    gain: float  # over the majority vote of all M
    gain_interval: Interval | None  # 95 %


def measure_choice(rows: Sequence[ScoredRollouts], *, seed: int = 0) -> dict[str, Curve]:
    """A curve for each of `CHOICES`, or none without rows.

    M is the smallest number of rollouts of a row, so that every N is of the same problems.

    Args:
        seed: of the bootstrap.
    """
    if not rows:
        return {}
    n_max = min(len(row.classes) for row in rows)
    group = np.array([row.group for row in rows])
    weights = draws(int(group.max()) + 1, seed=seed)
    values = {
        name: np.array([choice(row.after(None), row.classes)[:n_max] for row in rows])
        for name, choice in CHOICES.items()
    }  # (rows, n_max) each

    def mean_interval(of: Floats) -> Interval | None:
        return interval(lambda w: float(np.average(of, weights=w[group])), weights)

    curves = {}
    for name, of in values.items():
        gain = of[:, -1] - values[MAJORITY][:, -1]
        curves[name] = Curve(
            tuple(np.mean(of, axis=0).tolist()),
            tuple(mean_interval(of[:, n]) for n in range(n_max)),
            float(np.mean(gain)),
            mean_interval(gain),
        )
    return curves
