"""Ranking and calibration agree with counting by hand, ties and infinities included."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pfsolve.lab.evaluation.metrics import (
    LabelledSteps,
    auc,
    brier,
    calibration_error,
    pooled_steps,
    reliability,
    step_auc,
)
from pfsolve.search.log_odds import sigmoid

SCORES = st.sampled_from([-np.inf, -3.0, -1.0, -0.5, 0.0, 0.25, 2.0, 7.0])  # few: many ties
STEPS = st.lists(st.tuples(SCORES, st.booleans(), st.integers(0, 3)), min_size=1, max_size=25)


def arrays(steps: list) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    scores, right, weights = zip(*steps, strict=True)
    return np.array(scores), np.array(right, bool), np.array(weights, float)


def by_all_pairs(scores: np.ndarray, right: np.ndarray, weights: np.ndarray) -> float | None:
    won = total = 0.0
    for i, j in itertools.product(np.flatnonzero(right), np.flatnonzero(~right)):
        pair = weights[i] * weights[j]
        total += pair
        won += pair * (1.0 if scores[i] > scores[j] else 0.5 if scores[i] == scores[j] else 0.0)
    return won / total if total else None


@given(STEPS)
def test_auc_is_the_share_of_pairs_won_with_and_without_weights(steps: list) -> None:
    scores, right, weights = arrays(steps)
    for given_weights in (weights, np.ones(len(right))):
        expected = by_all_pairs(scores, right, given_weights)
        found = auc(scores, right, given_weights)
        assert found == (expected if expected is None else pytest.approx(expected))
    assert auc(scores, right) == auc(scores, right, np.ones(len(right)))


@given(STEPS)
def test_auc_depends_on_the_order_alone(steps: list) -> None:
    scores, right, _ = arrays(steps)
    value = auc(scores, right)
    assert auc(sigmoid(scores), right) == value
    assert auc(np.exp(scores / 2) * 3 - 1, right) == value
    if value is not None:
        assert auc(-scores, right) == pytest.approx(1 - value)


def test_steps_before_the_first_error_are_right_and_those_after_it_are_left_out() -> None:
    steps = pooled_steps(
        [
            LabelledSteps(np.array([3.0, 1.0, -2.0, 9.0]), 2, 0),
            LabelledSteps(np.array([0.5, 4.0]), -1, 1),
            LabelledSteps(np.array([-7.0, 8.0]), 0, 2),
        ]
    )
    assert steps.log_odds.tolist() == [3.0, 1.0, -2.0, 0.5, 4.0, -7.0]
    assert steps.right.tolist() == [True, True, False, True, True, False]
    assert steps.group.tolist() == [0, 0, 0, 1, 1, 2]


def test_step_auc_by_hand() -> None:
    """Right 3, 1, 0 against wrong 1, -2: five pairs won, one tied... of six."""
    solutions = [
        LabelledSteps(np.array([3.0, 1.0, 1.0]), 2, 0),
        LabelledSteps(np.array([0.0, -2.0]), 1, 1),
    ]
    # against 1: won by 3, tied by 1, lost by 0; against -2: won by all
    assert step_auc(solutions) == pytest.approx((1 + 0.5 + 0 + 3) / 6)


def test_without_right_or_without_wrong_steps_there_is_no_auc() -> None:
    assert step_auc([]) is None
    assert step_auc([LabelledSteps(np.array([1.0, 2.0]), -1, 0)]) is None
    assert step_auc([LabelledSteps(np.array([1.0]), 0, 0)]) is None


def test_calibration_by_hand() -> None:
    scores = np.array([0.05, 0.15, 0.19, 0.95, 1.0, 0.0])
    right = np.array([False, True, False, True, True, False])
    assert brier(scores, right) == pytest.approx(
        (0.05**2 + 0.85**2 + 0.19**2 + 0.05**2 + 0 + 0) / 6
    )
    low, second, high = reliability(scores, right)
    assert (low.low, low.high, low.steps, low.right) == (0.0, 0.1, 2, 0.0)
    assert (second.steps, second.score, second.right) == (2, pytest.approx(0.17), 0.5)
    assert (high.low, high.steps, high.right) == (0.9, 2, 1.0), "a score of 1 is in the last bin"
    assert calibration_error([low, second, high]) == pytest.approx(
        (2 * 0.025 + 2 * 0.33 + 2 * 0.025) / 6
    )
    assert calibration_error([]) is None
    assert brier(np.empty(0), np.empty(0, bool)) is None


@given(STEPS)
def test_bins_hold_every_step_once(steps: list) -> None:
    scores, right, _ = arrays(steps)
    bins = reliability(sigmoid(scores), right)
    assert sum(b.steps for b in bins) == len(right)
    assert sum(b.steps * b.right for b in bins) == pytest.approx(right.sum())
    assert all(b.low <= b.score <= b.high for b in bins)
    error = calibration_error(bins)
    assert error is not None
    assert 0.0 <= error <= 1.0


def test_scores_drawn_as_they_say_are_calibrated() -> None:
    rng = np.random.default_rng(0)
    scores = rng.random(20_000)
    right = rng.random(20_000) < scores
    error, loss = calibration_error(reliability(scores, right)), brier(scores, right)
    assert error is not None
    assert error < 0.02
    assert loss == pytest.approx(1 / 6, abs=0.01), "the mean of p (1 - p) for uniform p"
