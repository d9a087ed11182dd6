"""The early_auc is of pairs within a problem, after each round, as a filter compares its particles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pfsolve.lab.evaluation.curves import ScoredRollouts
from pfsolve.lab.evaluation.early_auc import measure_early_auc


def scored_rollouts(
    by_step: list[list[float]], classes: list[int], group: int = 0
) -> ScoredRollouts:
    return ScoredRollouts(tuple(np.array(of, float) for of in by_step), np.array(classes), group)


def test_by_hand_with_one_that_ended_early_and_one_without_a_step() -> None:
    row = scored_rollouts([[1, 5], [2, 4], [3], []], [0, 0, 1, -1])
    found = measure_early_auc([row])
    assert [(of.step, of.written) for of in found] == [(1, 3 / 4), (None, 1.0)]
    # After step 1 both right ones are below 3 and above -inf; at the end above both.
    assert [of.auc for of in found] == [0.5, 1.0]
    assert found[0].interval is None, "one problem has no interval"


def test_what_differs_between_problems_does_not_count() -> None:
    easy = scored_rollouts([[9], [9], [9]], [0, 0, 1], 0)
    hard = scored_rollouts([[-9], [-9], [-9]], [0, 1, 1], 1)
    assert [of.auc for of in measure_early_auc([easy, hard])] == [0.5, 0.5]
    assert measure_early_auc([easy, hard])[0].interval == (0.5, 0.5)


def test_problems_of_one_kind_say_nothing() -> None:
    right, wrong = scored_rollouts([[1], [2]], [0, 0], 0), scored_rollouts([[1], [2]], [1, -1], 1)
    mixed = scored_rollouts([[2], [1]], [0, 1], 2)
    assert measure_early_auc([]) == measure_early_auc([right, wrong]) == ()
    assert measure_early_auc([right, mixed, wrong])[0].auc == 1.0


@given(
    st.lists(
        st.tuples(st.lists(st.integers(-3, 3) | st.just(-np.inf), max_size=4), st.integers(-1, 2)),
        min_size=1,
        max_size=8,
    )
)
def test_it_is_the_share_of_pairs(rollouts: list[tuple[list[float], int]]) -> None:
    row = scored_rollouts([scores for scores, _ in rollouts], [kind for _, kind in rollouts])
    lengths = [len(scores) for scores, _ in rollouts]
    for of in measure_early_auc([row]):
        last = [scores[: of.step][-1] if scores else -np.inf for scores, _ in rollouts]
        pairs = [
            (a > b) + 0.5 * (a == b)
            for a, (_, i) in zip(last, rollouts, strict=True)
            for b, (_, j) in zip(last, rollouts, strict=True)
            if i == 0 and j != 0
        ]
        assert of.auc == pytest.approx(np.mean(pairs))
        assert of.step is None or 2 * sum(n >= of.step for n in lengths) >= len(lengths)
