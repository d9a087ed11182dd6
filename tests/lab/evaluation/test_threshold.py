"""ProcessBench's F1, and thresholds that are the best and are not chosen on what they judge."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pfsolve.lab.evaluation.metrics import LabelledSteps
from pfsolve.lab.evaluation.threshold import Detection, choose_threshold, cross_fitted, f1

VALUES = st.sampled_from([-np.inf, -2.0, -1.0, 0.0, 0.5, 3.0])


@st.composite
def solutions(draw: st.DrawFn) -> list[LabelledSteps]:
    found = []
    for group in range(draw(st.integers(1, 8))):
        scores = draw(st.lists(VALUES, min_size=1, max_size=5))
        error = draw(st.integers(-1, len(scores) - 1))
        found.append(LabelledSteps(np.array(scores), error, group))
    return found


def predicted(scores: np.ndarray, threshold: float) -> int:
    """The definition: the first step that is called wrong."""
    return next((i for i, score in enumerate(scores) if score < threshold), -1)


@given(solutions(), st.one_of(VALUES, st.floats(-3, 4), st.just(np.inf)))
def test_judging_is_finding_the_first_error(found: list[LabelledSteps], threshold: float) -> None:
    rightly = Detection.of(found).judged_rightly(threshold)
    assert rightly.tolist() == [predicted(s.log_odds, threshold) == s.first_error for s in found]


def test_f1_by_hand() -> None:
    found = [
        LabelledSteps(np.array([2.0, -1.0, 0.0]), 1, 0),  # found
        LabelledSteps(np.array([-3.0, -1.0]), 1, 1),  # a step too early
        LabelledSteps(np.array([2.0, 2.0]), 0, 2),  # missed
        LabelledSteps(np.array([1.0, 2.0]), -1, 3),  # right, and nothing seen
        LabelledSteps(np.array([1.0, -2.0]), -1, 4),  # right, and something seen
    ]
    detection = Detection.of(found)
    result = f1(detection.judged_rightly(0.5), detection.wrong)
    assert (result.accuracy_wrong, result.accuracy_right) == (pytest.approx(1 / 3), 0.5)
    assert result.f1 == pytest.approx(2 * (1 / 3) * (1 / 2) / (1 / 3 + 1 / 2))


def test_f1_of_nothing_right_is_zero_and_of_one_kind_alone_is_none() -> None:
    both = np.array([True, False])
    assert f1(np.array([False, False]), both).f1 == 0.0
    only = f1(np.array([True, False]), np.array([False, False]))
    assert (only.f1, only.accuracy_wrong, only.accuracy_right) == (None, None, 0.5)


def test_a_weight_counts_a_solution_as_often() -> None:
    rightly, wrong = np.array([True, False, True, False]), np.array([True, True, False, False])
    weighted = f1(rightly, wrong, np.array([3.0, 1.0, 1.0, 0.0]))
    assert (weighted.accuracy_wrong, weighted.accuracy_right) == (0.75, 1.0)


@given(solutions())
def test_no_threshold_is_better_than_the_chosen_one(found: list[LabelledSteps]) -> None:
    detection = Detection.of(found)
    chosen = choose_threshold(detection)
    if not detection.has_both:
        assert chosen is None
        return
    assert chosen is not None

    def at(threshold: float) -> float:
        value = f1(detection.judged_rightly(threshold), detection.wrong).f1
        assert value is not None
        return value

    tried = [-np.inf, -3.0, -2.0, -1.5, -1.0, -0.5, 0.0, 0.25, 0.5, 1.0, 3.0, 4.0, np.inf]
    assert at(chosen) == pytest.approx(max(map(at, tried)))


def test_the_threshold_lies_half_way_between_two_scores() -> None:
    found = [LabelledSteps(np.array([4.0, 1.0]), 1, 0), LabelledSteps(np.array([3.0, 3.0]), -1, 1)]
    assert choose_threshold(Detection.of(found)) == 2.0


def test_scores_that_are_next_to_each_other_are_still_told_apart() -> None:
    low = 1.0
    high = float(np.nextafter(low, 2.0))
    found = [LabelledSteps(np.array([low]), 0, 0), LabelledSteps(np.array([high]), -1, 1)]
    detection = Detection.of(found)
    chosen = choose_threshold(detection)
    assert chosen is not None
    assert f1(detection.judged_rightly(chosen), detection.wrong).f1 == 1.0


@given(solutions(), st.integers(0, 5))
def test_a_problems_threshold_does_not_depend_on_its_own_solutions(
    found: list[LabelledSteps], seed: int
) -> None:
    """Changing the scores of one problem leaves the thresholds it is judged with as they are."""
    fitted = cross_fitted(Detection.of(found), seed=seed)
    if fitted is None:
        return
    for index, solution in enumerate(found):
        other = [*found]
        other[index] = LabelledSteps(
            np.where(np.isneginf(solution.log_odds), 1.0, -solution.log_odds + 0.7),
            solution.first_error,
            solution.group,
        )
        again = cross_fitted(Detection.of(other), seed=seed)
        assert again is not None
        assert again[index] == fitted[index]


def test_solutions_of_one_problem_are_judged_with_one_threshold() -> None:
    rng = np.random.default_rng(0)
    found = [
        LabelledSteps(rng.normal(size=4), int(rng.integers(-1, 4)), group)
        for group in [*range(30)] * 3
    ]
    fitted = cross_fitted(Detection.of(found))
    assert fitted is not None
    assert (fitted.reshape(3, 30) == fitted[:30]).all()


def test_two_problems_of_each_kind_are_enough_and_one_is_not() -> None:
    right = [LabelledSteps(np.array([2.0, 3.0]), -1, g) for g in (0, 1)]
    wrong = [LabelledSteps(np.array([2.0, -3.0]), 1, g) for g in (2, 3)]
    for seed in range(20):
        fitted = cross_fitted(Detection.of([*right, *wrong]), seed=seed)
        assert fitted is not None
        assert Detection.of([*right, *wrong]).judged_rightly(fitted).all()
    assert cross_fitted(Detection.of([*right, wrong[0]])) is None
    assert cross_fitted(Detection.of([])) is None


def test_cross_fitting_does_not_flatter() -> None:
    """Scores that say nothing: the best threshold on the same rows looks better than it is."""
    flattered, honest, true = [], [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        found = [
            LabelledSteps(rng.normal(size=3), int(rng.integers(0, 3)) if g % 2 else -1, g)
            for g in range(60)
        ]
        fresh = [
            LabelledSteps(rng.normal(size=3), int(rng.integers(0, 3)) if g % 2 else -1, g)
            for g in range(600)
        ]
        here, there = Detection.of(found), Detection.of(fresh)
        best, fitted = choose_threshold(here), cross_fitted(here, seed=seed)
        assert best is not None
        assert fitted is not None
        flattered.append(f1(here.judged_rightly(best), here.wrong).f1)
        honest.append(f1(here.judged_rightly(fitted), here.wrong).f1)
        true.append(f1(there.judged_rightly(best), there.wrong).f1)
    assert np.mean(flattered) > np.mean(true) + 0.03
    assert np.mean(honest) < np.mean(true) + 0.02
