"""Accuracy with N of M rollouts agrees with choosing among every subset of N, one by one."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pfsolve.lab.evaluation import votes
from pfsolve.lab.evaluation.votes import best_of_n, oracle, vote
from pfsolve.search.selection import Voters, select

SCORES = st.sampled_from([-np.inf, -1000.0, -2.0, 0.0, 0.3, 1.0, 1.5])
ROLLOUTS = st.lists(st.tuples(SCORES, st.integers(-1, 3)), min_size=1, max_size=7)


def arrays(rollouts: list) -> tuple[np.ndarray, np.ndarray]:
    scores, classes = zip(*rollouts, strict=True)
    return np.array(scores, float), np.array(classes, np.intp)


def over_all_subsets(m: int, right: Callable[[tuple[int, ...]], float]) -> list[float]:
    return [
        float(np.mean([right(subset) for subset in itertools.combinations(range(m), n)]))
        for n in range(1, m + 1)
    ]


@given(ROLLOUTS)
def test_best_of_n_is_the_mean_over_all_subsets(rollouts: list) -> None:
    scores, classes = arrays(rollouts)

    def right(subset: tuple[int, ...]) -> float:
        answered = [i for i in subset if classes[i] >= 0]
        if not answered:
            return 0.0
        top = max(scores[i] for i in answered)
        return float(np.mean([classes[i] == 0 for i in answered if scores[i] == top]))

    assert best_of_n(scores, classes) == pytest.approx(over_all_subsets(len(classes), right))


@given(ROLLOUTS)
def test_the_oracle_is_right_where_any_rollout_is(rollouts: list) -> None:
    _, classes = arrays(rollouts)
    expected = over_all_subsets(len(classes), lambda s: float(any(classes[i] == 0 for i in s)))
    assert oracle(classes) == pytest.approx(expected)


@given(ROLLOUTS)
def test_a_vote_is_the_mean_over_all_subsets(rollouts: list) -> None:
    """Masses as exact multiples: the brute force works with the logarithms it is given."""
    scores, classes = arrays(rollouts)

    def right(subset: tuple[int, ...]) -> float:
        answered = [i for i in subset if classes[i] >= 0]
        if not answered:
            return 0.0
        top = max(scores[i] for i in answered)
        weight = {i: 0.0 if np.isneginf(scores[i]) else np.exp(scores[i] - top) for i in answered}
        mass = {k: sum(weight[i] for i in answered if classes[i] == k) for k in set(classes)}
        present = {classes[i] for i in answered}
        most = max(mass[k] for k in present)
        first = [k for k in present if mass[k] >= most * (1 - 1e-12)]
        return float(0 in first) / len(first)

    assert vote(scores, classes) == pytest.approx(over_all_subsets(len(classes), right))


@given(ROLLOUTS)
def test_with_all_rollouts_the_winner_is_the_one_that_solving_selects(rollouts: list) -> None:
    """The weighted vote is `pfsolve.search.selection`'s, and best-of-N its argmax, but for ties."""
    scores, classes = arrays(rollouts)
    scores = scores + 1e-3 * np.arange(len(scores))  # no ties
    top = scores.max()
    if np.isneginf(top):
        return
    weights = np.exp(scores - top) / np.exp(scores - top).sum()
    answers = [None if c < 0 else str(c) for c in classes]
    groups = [None if c < 0 else int(c) for c in classes]
    for how, measured in (("weighted-vote", vote), ("argmax", best_of_n)):
        choice = select(how, Voters(answers, groups, scores, weights))
        if len({c.share for c in choice.candidates}) < len(choice.candidates):
            continue
        assert measured(scores, classes)[-1] == float(choice.answer == "0")


@given(st.lists(st.integers(-1, 2), min_size=1, max_size=7))
def test_equal_weights_are_a_majority_vote(classes: list[int]) -> None:
    of = np.array(classes)
    assert (vote(np.zeros(len(of)), of) == vote(np.full(len(of), -3.7), of)).all()


@given(ROLLOUTS)
def test_one_rollout_is_right_as_often_as_rollouts_are(rollouts: list) -> None:
    scores, classes = arrays(rollouts)
    share = pytest.approx(np.mean(classes == 0))
    assert best_of_n(scores, classes)[0] == share
    assert vote(scores, classes)[0] == share
    assert oracle(classes)[0] == share


@settings(max_examples=5)
@given(st.integers(0, 100))
def test_of_many_rollouts_random_subsets_come_close(seed: int) -> None:
    """13 rollouts: the seeded subsets against all 8191."""
    rng = np.random.default_rng(seed)
    scores, classes = rng.normal(size=13), rng.integers(-1, 3, size=13)
    sampled = vote(scores, classes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(votes, "EXACT", 13)
        votes._subsets.cache_clear()
        exact = vote(scores, classes)
    votes._subsets.cache_clear()
    assert sampled == pytest.approx(exact, abs=0.1)
    assert sampled[[0, 11, 12]] == pytest.approx(exact[[0, 11, 12]]), "each is left out as often"


def test_as_many_particles_as_there_can_be() -> None:
    scores, classes = np.linspace(-3, 3, 256), np.arange(256) % 2
    assert best_of_n(scores, classes).shape == (256,)
    accuracy = vote(scores, classes)
    assert accuracy[0] == 0.5
    assert ((accuracy >= 0) & (accuracy <= 1)).all()


def test_best_of_n_agrees_with_draws() -> None:
    rng = np.random.default_rng(0)
    scores, classes = rng.normal(size=40), rng.integers(0, 3, size=40)
    picks = [rng.choice(40, size=8, replace=False) for _ in range(4000)]
    drawn = np.mean([classes[pick[np.argmax(scores[pick])]] == 0 for pick in picks])
    assert best_of_n(scores, classes)[7] == pytest.approx(drawn, abs=0.03)
