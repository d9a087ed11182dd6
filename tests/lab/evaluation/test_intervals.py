"""Intervals hold what they promise, and hold for problems and not for single solutions."""

from __future__ import annotations

import numpy as np
import pytest

from pfsolve.lab.evaluation.intervals import draws, interval


def test_problems_are_drawn_with_replacement_and_the_same_ones_for_a_seed() -> None:
    weights = draws(20, seed=3)
    assert (weights.sum(axis=1) == 20).all()
    assert weights.max() > 1
    assert (weights == draws(20, seed=3)).all()
    assert (weights != draws(20, seed=4)).any()


def test_the_interval_of_a_mean_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for seed in range(200):
        sample = rng.normal(size=60)
        found = interval(
            lambda w, x=sample: float(np.average(x, weights=w)),
            draws(60, seed=seed, replicates=400),
        )
        assert found is not None
        covered += found[0] <= 0 <= found[1]
    assert 176 <= covered <= 199, "95 % of 200, give or take"


def test_copies_of_a_problem_do_not_narrow_the_interval() -> None:
    rng = np.random.default_rng(1)
    once = rng.normal(size=30)
    group, values = np.tile(np.arange(30), 5), np.tile(once, 5)
    weights = draws(30)
    one = interval(lambda w: float(np.average(once, weights=w)), weights)
    five = interval(lambda w: float(np.average(values, weights=w[group])), weights)
    assert one == pytest.approx(five)


def test_too_few_problems_have_no_interval() -> None:
    assert interval(lambda w: 1.0, draws(0)) is None
    assert interval(lambda w: 1.0, draws(1)) is None
    assert interval(lambda w: None, draws(5)) is None
    assert interval(lambda w: 1.0, draws(2)) == (1.0, 1.0)
