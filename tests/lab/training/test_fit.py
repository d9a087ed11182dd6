"""Fitting finds what is there within problems, and never measures itself on what it has learnt from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pfsolve.lab.training.fit import (
    FOLDS,
    HeadChoice,
    HeldOut,
    Targets,
    calibration,
    fit,
    folds,
    held_out,
    minimise,
    targets_of,
)
from pfsolve.lab.training.sets import LAST, Prefixes
from pfsolve.rewards.probe.features import NUMBERS

N_EMBD = 6
WIDTH = 2 * N_EMBD + NUMBERS
CHOICE = HeadChoice((0, 1), 12, 0.1)


def prefixes(problems: int, *, within: float, between: float = 0.0, seed: int = 0) -> Prefixes:
    """Four solutions a problem, of one step each, whose chance to be right depends on the states.

    On the first state's sum by `within` where solutions of a problem differ in it, and by `between`
    where all of a problem share it.
    """
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(problems, 4, WIDTH))
    shared = 3 * rng.normal(size=(problems, 1, WIDTH))
    log_odds = (within * vectors + between * shared)[..., :N_EMBD].sum(axis=-1) / np.sqrt(N_EMBD)
    right = rng.random((problems, 4)) < 1 / (1 + np.exp(-log_odds))
    mixed = np.flatnonzero(right.any(axis=1) & ~right.all(axis=1))
    rows = np.arange(4 * problems).reshape(problems, 4)[np.repeat(mixed, 2)].ravel()
    return Prefixes(
        vectors=(vectors + shared).reshape(-1, WIDTH).astype(np.float32),
        n_embd=N_EMBD,
        baselines=np.zeros((4 * problems, 4)),
        problem=np.repeat(np.arange(problems), 4),
        rows=rows,
        right=right.ravel()[rows],
        set_of=np.repeat(np.arange(2 * mixed.size), 4),
        step=np.tile([1, LAST], mixed.size),
        set_problem=np.repeat(mixed, 2),
    )


def small() -> Prefixes:
    """Two problems: one with sets after one step and two and at the end, one with one step."""
    rng = np.random.default_rng(3)
    return Prefixes(
        vectors=rng.normal(size=(7, WIDTH)).astype(np.float32),
        n_embd=N_EMBD,
        baselines=np.zeros((7, 4)),
        problem=np.array([0, 0, 0, 0, 1, 1, 1]),
        rows=np.array([0, 1, 2, 0, 3, 1, 3, 2, 4, 5, 6, 4, 5, 6]),
        right=np.array([1, 0, 0, 1, 0, 1, 0, 0, 1, 1, 0, 1, 1, 0], bool),
        set_of=np.array([0, 0, 0, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]),
        step=np.array([1, 2, LAST, 1, LAST]),
        set_problem=np.array([0, 0, 0, 1, 1]),
    )


def test_the_loss_is_what_the_formulas_say() -> None:
    """Less a constant, the entropy of each target: of the second problem's two right ones log 2."""
    s = np.random.default_rng(1).normal(size=7)

    def twist(right: list[int], all_of: list[int]) -> float:
        return float(-np.mean(s[right]) + np.log(np.mean(np.exp(s[all_of]))) + np.log(len(all_of)))

    def pair(i: int, j: int) -> float:
        return float(np.log1p(np.exp(s[j] - s[i])))

    first = (twist([0], [0, 1, 2]) + twist([0], [0, 3])) / 2 + (pair(1, 3) + pair(1, 2)) / 2
    second = twist([4, 5], [4, 5, 6]) + (pair(4, 6) + pair(5, 6)) / 2
    loss, _, _ = targets_of(small()).loss(s[:, None], np.ones(1))
    assert loss == pytest.approx((first + second) / 2)


def test_gradient_and_hessian_are_those_of_the_loss() -> None:
    rng = np.random.default_rng(2)
    targets, inputs, slope = targets_of(small()), rng.normal(size=(7, 3)), rng.normal(size=3)
    _, gradient, hessian = targets.loss(inputs, slope)
    for i, step in enumerate(1e-5 * np.eye(3)):
        above, below = (targets.loss(inputs, slope + sign * step) for sign in (1, -1))
        assert gradient[i] == pytest.approx((above[0] - below[0]) / 2e-5, abs=1e-8)
        assert hessian[i] == pytest.approx((above[1] - below[1]) / 2e-5, abs=1e-6)


def test_the_minimum_is_where_the_penalised_gradient_is_zero() -> None:
    data = prefixes(60, within=2.0)
    targets, inputs = targets_of(data), data.vectors[:, :5].astype(float)
    for ridge in (0.01, 1.0):
        slope = minimise(targets, inputs, ridge)
        assert targets.loss(inputs, slope)[1] + ridge * slope == pytest.approx(
            np.zeros(5), abs=1e-4
        )


def test_one_set_alone_does_not_overflow() -> None:
    targets = Targets(np.array([0, 1]), np.array([1.0, 0.0]), np.array([0]), np.ones(1))
    loss, gradient, _ = targets.loss(np.array([[0.0], [1000.0]]), np.ones(1))
    assert (loss, gradient[0]) == (pytest.approx(1000.0), pytest.approx(1000.0))


def test_what_tells_within_problems_is_learnt() -> None:
    data, fresh = prefixes(300, within=2.0), prefixes(300, within=2.0, seed=1)
    weights = fit(data, CHOICE, np.random.default_rng(0))
    assert fresh.auc(fresh.vectors @ weights).mean() > 0.8
    told = held_out(data, [CHOICE], np.random.default_rng(0))
    assert data.auc(told.unbiased()).mean() > 0.75
    blind = replace(CHOICE, states=(1,))
    assert not fit(data, blind, np.random.default_rng(0))[:N_EMBD].any()


def test_what_tells_only_between_problems_is_not() -> None:
    """A pointwise fit would be sure of it; and without any signal a fit to itself looks good too."""
    data = prefixes(300, within=0.0, between=2.0)
    told = held_out(data, [CHOICE], np.random.default_rng(0))
    assert 0.42 < data.auc(told.unbiased()).mean() < 0.58
    assert data.auc(data.vectors @ fit(data, CHOICE, np.random.default_rng(0))).mean() > 0.6
    slope, _ = calibration(data, told.unbiased())
    assert slope < 0.4


def test_choosing_does_not_flatter() -> None:
    """Each of 20 choices is wild guesses: the best of them looks good on what it was chosen by."""
    rng = np.random.default_rng(0)
    data = prefixes(150, within=0.0)
    wild = {HeadChoice((0,), n, 1.0): rng.normal(size=600) for n in range(20)}
    told = HeldOut(data, folds(data, rng)[data.problem], wild)
    chosen = data.auc(wild[told.best()]).mean()
    assert chosen > 0.55 > 0.53 > data.auc(told.unbiased()).mean()


def test_scores_are_brought_to_the_scale_of_log_odds_and_never_turned_around() -> None:
    """Scores thrice too large are divided by three; the mean at the end is that of the share right."""
    data = prefixes(4000, within=1.0)
    true = data.vectors[:, :N_EMBD].sum(axis=1) / np.sqrt(N_EMBD)
    slope, offset = calibration(data, 3 * true)
    assert slope == pytest.approx(1 / 3, rel=0.1)
    ends = data.rows[data.step[data.set_of] == LAST]
    chance = data.right[data.step[data.set_of] == LAST].mean()
    assert np.mean(slope * 3 * true[ends] + offset) == pytest.approx(np.log(chance / (1 - chance)))
    assert calibration(data, -true)[0] == 0


def test_a_problem_is_never_split_over_folds() -> None:
    data = prefixes(37, within=1.0)
    fold = folds(data, np.random.default_rng(1))
    assert fold.shape == (37,)
    counts = np.bincount(fold[np.unique(data.set_problem)], minlength=FOLDS)
    assert counts.max() - counts.min() <= 1, "those that teach are spread evenly"
