"""Training tells a problem's steps from those it has learnt from, and reports what it found."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pfsolve.errors import UsageError
from pfsolve.events import Event
from pfsolve.events.work import Fitting
from pfsolve.lab.training.material import LABELLED, ROLLOUTS, Item, MarkedSolution
from pfsolve.lab.training.train import assemble, train
from pfsolve.rewards.probe.features import NUMBERS
from pfsolve.search.log_odds import sigmoid

N_EMBD = 6
WIDTH = N_EMBD + NUMBERS


def labelled(n: int, *, signal: float, seed: int = 0) -> list[Item]:
    """Solutions of four steps; from the first error on, the first state is shifted by `signal`."""
    rng = np.random.default_rng(seed)
    items = []
    for number in range(n):
        first_error = int(rng.integers(0, 4)) if number % 2 else -1
        vectors = rng.normal(size=(4, WIDTH)).astype(np.float32)
        if first_error >= 0:
            vectors[first_error:, 0] -= signal
        items.append(
            Item(f"p{seed}/{number}", LABELLED, "a.jsonl", (MarkedSolution(vectors, first_error),))
        )
    return items


def rollouts(n: int, *, signal: float, seed: int = 1) -> list[Item]:
    """Four solutions a problem, the states of right ones shifted."""
    rng = np.random.default_rng(seed)
    items = []
    for number in range(n):
        solutions = []
        for _ in range(4):
            right = int(rng.random() < 0.5)
            vectors = rng.normal(size=(3, WIDTH)).astype(np.float32)
            vectors[:, 0] += signal * right
            solutions.append(MarkedSolution(vectors, right))
        items.append(Item(f"q{seed}/{number}", ROLLOUTS, "b.jsonl", tuple(solutions)))
    return items


def test_what_tells_right_from_wrong_is_found_and_measured_on_unseen_problems() -> None:
    heard: list[Event] = []
    items = labelled(100, signal=4.0) + rollouts(40, signal=4.0)
    trained = train(items, seed=0, listen=heard.append)
    assert trained.steps["a.jsonl"].f1 > 0.6
    assert trained.steps["a.jsonl"].step_auc > 0.9
    assert trained.outcome_auc > 0.9
    assert trained.outcome_auc_within > 0.9
    assert (trained.problems, trained.solutions, trained.prefixes) == (140, 260, 880)
    assert all(isinstance(event, Fitting) for event in heard)
    fresh = rollouts(200, signal=4.0, seed=7)
    vectors = np.concatenate([s.vectors[-1:] for item in fresh for s in item.solutions])
    right = np.array([s.mark for item in fresh for s in item.solutions])
    scores = sigmoid(trained.head.log_odds(vectors))
    assert np.mean((scores > 0.5) == right) > 0.9
    assert scores.mean() == pytest.approx(right.mean(), abs=0.1), "calibrated"


def test_where_there_is_nothing_to_find_nothing_is_claimed() -> None:
    trained = train(labelled(200, signal=0.0), seed=0)
    assert 0.4 < trained.steps["a.jsonl"].step_auc < 0.6
    assert trained.outcome_auc is None


def test_the_same_seed_gives_the_same_head_and_report() -> None:
    one, other = (train(labelled(60, signal=2.0), seed=3) for _ in range(2))
    assert one.to_json() == other.to_json()
    assert np.array_equal(one.head.layers[0][0], other.head.layers[0][0])
    assert json.loads(json.dumps(one.to_json()))["steps"]["a.jsonl"]["f1"] > 0


def test_a_problem_of_two_files_is_one_group() -> None:
    """Else what was learnt from one file would be asked of the other."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(2, WIDTH)).astype(np.float32)
    items = [
        Item(text, LABELLED, file, (MarkedSolution(vectors, -1),))
        for text, file in (("p", "a"), (" p ", "b"), ("q", "b"))
    ]
    examples, solutions = assemble(items)
    assert examples.groups.tolist() == [0, 0, 0, 0, 1, 1]
    assert [each.file for each in solutions] == ["a", "b", "b"]


def test_too_little_is_refused_in_one_line() -> None:
    with pytest.raises(UsageError, match="nothing to learn from"):
        train([], seed=0)
    with pytest.raises(UsageError, match="4 problems"):
        train(labelled(4, signal=1.0), seed=0)
    right = [item for item in labelled(60, signal=1.0) if item.solutions[0].mark < 0]
    with pytest.raises(UsageError, match="100%"):
        train(right, seed=0)
