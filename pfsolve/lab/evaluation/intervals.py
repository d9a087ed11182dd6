"""How far a figure may be off: bootstrap intervals, drawing whole problems.

Efron 1979. Solutions of the same problem are not independent, so problems are what is drawn anew.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pfsolve.search.log_odds import Floats

Interval = tuple[float, float]

REPLICATES = 1000


def draws(problems: int, *, seed: int = 0, replicates: int = REPLICATES) -> Floats:
    """How often each problem is drawn in each replicate, (replicates, problems).

    Every row sums to `problems`.
    """
    if not problems:
        return np.empty((replicates, 0))
    shares = np.full(problems, 1.0 / problems)
    drawn = np.random.default_rng(seed).multinomial(problems, shares, size=replicates)
    return drawn.astype(np.float64)


def interval(
    statistic: Callable[[Floats], float | None], weights: Floats, level: float = 0.95
) -> Interval | None:
    """Percentile interval of a statistic of problem weights.

    None for fewer than two problems, or if most replicates have no figure.

    Args:
        statistic: from the weight of each problem (problems,) to the figure, or to None.
        weights: (replicates, problems), of `draws`.
    """
    if weights.shape[1] < 2:
        return None
    values = [value for row in weights if (value := statistic(row)) is not None]
    if 2 * len(values) < len(weights):
        return None
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
