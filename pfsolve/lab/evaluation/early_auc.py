"""How early a reward tells a problem's right rollouts from its wrong ones: what resampling lives on.

A filter resamples after each round of steps, among particles of one problem. Scores that differ
between problems, or that tell only at the end, do not help it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pfsolve.lab.evaluation.curves import ScoredRollouts
from pfsolve.lab.evaluation.intervals import Interval, draws, interval
from pfsolve.lab.evaluation.metrics import auc
from pfsolve.search.log_odds import Floats


@dataclass(frozen=True, slots=True)
class EarlyAuc:
    """What the scores after a round of steps say of how rollouts will end."""

    step: int | None  # the round, from 1; None for all rollouts at their end
    # The probability that a right rollout scores higher than a wrong one of the same problem, ties
    # counting half; mean over the rows.
    auc: float
    interval: Interval | None  # 95 %
    written: float  # share of the rollouts that have written this step


def measure_early_auc(rows: Sequence[ScoredRollouts], *, seed: int = 0) -> tuple[EarlyAuc, ...]:
    """AUC after each step that half of the rollouts have written, and at the end.

    Only rows with both right and wrong rollouts count; without one there is nothing to measure. A
    rollout that ended earlier keeps its last score, as a finished particle does.

    Args:
        seed: of the bootstrap.
    """
    mixed = [row for row in rows if 0 < np.sum(row.classes == 0) < len(row.classes)]
    if not mixed:
        return ()
    _, group = np.unique([row.group for row in mixed], return_inverse=True)
    weights = draws(int(group.max()) + 1, seed=seed)
    lengths = np.concatenate([[len(of) for of in row.by_step] for row in mixed])
    common = int(np.quantile(lengths, 0.5, method="lower"))
    found = []
    for step in (*range(1, common + 1), None):
        values = np.array([_auc(row, step) for row in mixed])

        def mean(drawn: Floats, values: Floats = values) -> float:
            return float(np.average(values, weights=drawn[group]))

        written = 1.0 if step is None else float(np.mean(lengths >= step))
        found.append(EarlyAuc(step, float(np.mean(values)), interval(mean, weights), written))
    return tuple(found)


def _auc(row: ScoredRollouts, step: int | None) -> float:
    value = auc(row.after(step), row.classes == 0)
    assert value is not None  # it has both kinds
    return value
