"""Training tells a problem's steps from those it has learnt from, and reports what it found."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from pfsolve.errors import UsageError
from pfsolve.events import Event
from pfsolve.events.work import Fitting
from pfsolve.lab.training.material import Item, Rollout, SeenStep
from pfsolve.lab.training.sets import BASELINES, prefixes_of
from pfsolve.lab.training.train import train
from pfsolve.particle import Kind
from tests.lab.training.test_material import ORIGIN

N_EMBD = 6


def rollouts(
    n: int,
    *,
    signal: float,
    seed: int = 1,
    p: float = 0.5,
    n_embd: int = N_EMBD,
    depths: tuple[float, ...] = (),
) -> list[Item]:
    """Four solutions a problem, the states of right ones shifted."""
    rng = np.random.default_rng(seed)
    items = []
    for number in range(n):
        solutions = []
        for _ in range(4):
            right = bool(rng.random() < p)
            steps = []
            for _ in range(3):
                states = rng.normal(size=(len(depths) + 1, n_embd))
                states[-1, 0] += signal * right
                steps.append(
                    SeenStep(
                        np.arange(5, dtype=np.int32),
                        b"",
                        rng.normal(size=(5, 3)).astype(np.float32),
                        rng.random(5) < 0.5,
                        states.astype(np.float16),
                    )
                )
            solutions.append(Rollout("text", tuple(steps), "1", right, "end"))
        items.append(
            Item(replace(ORIGIN, problem=f"q{seed}/{number}", depths=depths), tuple(solutions))
        )
    return items


def test_what_tells_right_from_wrong_is_found_and_measured_on_unseen_problems() -> None:
    heard: list[Event] = []
    trained = train(rollouts(60, signal=4.0), seed=0, listen=heard.append)
    assert list(trained.reports) == [Kind.TEXT], "no program taught anything"
    assert trained.calibrated
    assert all(isinstance(event, Fitting) for event in heard)
    report = trained.reports[Kind.TEXT]
    assert [each.step for each in report.steps] == [1, 2, 3, None]
    for each in report.steps:
        assert each.interval is not None
        assert 0.5 < each.interval[0] <= each.auc <= each.interval[1]
        assert set(each.baselines) == set(BASELINES)
        assert abs(each.baselines["log_prob"] - 0.5) < 0.2
    data = prefixes_of(rollouts(100, signal=4.0, seed=9), Kind.TEXT)
    assert data.auc(trained.head.log_odds(Kind.TEXT, data.vectors)).mean() > 0.9


def test_where_there_is_nothing_to_find_nothing_is_claimed() -> None:
    trained = train(rollouts(60, signal=0.0), seed=0)
    assert not trained.calibrated
    assert all(0.3 < each.auc < 0.7 for each in trained.reports[Kind.TEXT].steps)


def test_the_same_seed_gives_the_same_head_and_report() -> None:
    one, other = (train(rollouts(30, signal=2.0), seed=3) for _ in range(2))
    assert one.to_json() == other.to_json()
    assert np.array_equal(one.head.weights[Kind.TEXT], other.head.weights[Kind.TEXT])
    assert json.loads(json.dumps(one.to_json()))["measured"]["text"]["problems"] > 20


def test_too_little_is_refused_in_one_line() -> None:
    with pytest.raises(UsageError, match="right and wrong solutions, and a probe needs 10"):
        train(rollouts(4, signal=1.0), seed=0)
    with pytest.raises(UsageError, match="of 60 problems 0 have"):
        train(rollouts(60, signal=1.0, p=1.0), seed=0)


def test_a_head_looks_at_the_states_that_tell() -> None:
    """Of two states, only the first of which tells anything; the other is left out of the head."""
    items = []
    for item in rollouts(40, signal=4.0):
        told = []
        for rollout in item.rollouts:
            noise = np.random.default_rng(len(told)).normal(size=(1, N_EMBD)).astype(np.float16)
            steps = tuple(
                replace(step, states=np.concatenate([step.states, noise])) for step in rollout.steps
            )
            told.append(replace(rollout, steps=steps))
        items.append(Item(replace(item.origin, depths=(0.5,)), tuple(told)))
    head = train(items, seed=0).head
    assert 0.5 in head.depths
    assert head.n_embd == N_EMBD
