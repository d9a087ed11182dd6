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
from pfsolve.lab.training.train import train
from tests.lab.training.test_material import ORIGIN

N_EMBD = 6


def rollouts(
    n: int, *, signal: float, seed: int = 1, p: float = 0.5, n_embd: int = N_EMBD
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
                states = rng.normal(size=(1, n_embd))
                states[:, 0] += signal * right
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
        items.append(Item(replace(ORIGIN, problem=f"q{seed}/{number}"), tuple(solutions)))
    return items


def test_what_tells_right_from_wrong_is_found_and_measured_on_unseen_problems() -> None:
    heard: list[Event] = []
    trained = train(rollouts(60, signal=4.0), seed=0, listen=heard.append)
    assert trained.outcome_auc > 0.9
    assert trained.outcome_auc_within > 0.9
    assert (trained.problems, trained.solutions, trained.prefixes) == (60, 240, 720)
    assert all(isinstance(event, Fitting) for event in heard)


def test_the_same_seed_gives_the_same_head_and_report() -> None:
    one, other = (train(rollouts(30, signal=2.0), seed=3) for _ in range(2))
    assert one.to_json() == other.to_json()
    assert np.array_equal(one.head.layers[0][0], other.head.layers[0][0])
    assert json.loads(json.dumps(one.to_json()))["outcome_auc"] > 0


def test_too_little_is_refused_in_one_line() -> None:
    with pytest.raises(UsageError, match="nothing to learn from"):
        train([], seed=0)
    with pytest.raises(UsageError, match="4 problems"):
        train(rollouts(4, signal=1.0), seed=0)
    with pytest.raises(UsageError, match="100%"):
        train(rollouts(60, signal=1.0, p=1.0), seed=0)
