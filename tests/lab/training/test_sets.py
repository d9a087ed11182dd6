"""Which prefixes a search would have had to choose among."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pfsolve.lab.evaluation.metrics import auc
from pfsolve.lab.training.material import Item, Rollout
from pfsolve.lab.training.sets import LAST, Prefixes, prefixes_of
from tests.lab.training.test_material import ORIGIN, step

RNG = np.random.default_rng(0)


def rollout(steps: int, right: bool, *, kind: str = "text", finish: str = "end") -> Rollout:
    return Rollout(kind, tuple(step(RNG, 3) for _ in range(steps)), None, right, finish)


def sets_of(prefixes: Prefixes) -> dict[int, list[tuple[int, bool]]]:
    """By number of steps the rows of the only problem's set, and whether each is right."""
    found: dict[int, list[tuple[int, bool]]] = {}
    for row, right, of in zip(prefixes.rows, prefixes.right, prefixes.set_of, strict=True):
        found.setdefault(int(prefixes.step[of]), []).append((int(row), bool(right)))
    return found


def test_a_finished_solution_keeps_its_last_prefix_and_a_dead_one_leaves() -> None:
    """Rows 0, 1 are of the first, 2 of the second, which ends early, 3 of the dead one."""
    rollouts = (
        rollout(2, True),
        rollout(1, False),
        rollout(1, False, finish="loop"),
        rollout(5, False, kind="program"),
    )
    prefixes = prefixes_of([Item(ORIGIN, rollouts)], "text")
    assert sets_of(prefixes) == {
        1: [(0, True), (2, False), (3, False)],
        2: [(1, True), (2, False)],
        LAST: [(1, True), (2, False)],
    }
    assert prefixes.vectors.shape[0] == 4
    assert prefixes.states == 2


def test_a_problem_that_is_all_right_or_all_wrong_has_no_set() -> None:
    items = [
        Item(replace(ORIGIN, problem="p"), (rollout(2, True), rollout(1, True))),
        Item(replace(ORIGIN, problem="q"), ()),
        Item(replace(ORIGIN, problem=" r"), (rollout(1, True), rollout(1, False))),
        Item(replace(ORIGIN, problem="r "), (rollout(1, False), rollout(1, True))),
    ]
    prefixes = prefixes_of(items, "text")
    assert prefixes.set_problem.tolist() == [2, 2, 2, 2], "the same problem twice is one"
    assert prefixes.step.tolist() == [1, LAST, 1, LAST]
    assert not prefixes_of(items, "program").step.size


def test_baselines_are_of_the_whole_prefix() -> None:
    one = rollout(2, True)
    (_, second) = prefixes_of([Item(ORIGIN, (one, rollout(1, False)))], "text").baselines[:2]
    seen = np.concatenate([each.sureness for each in one.steps])
    assert second == pytest.approx(
        [seen[:, 0].sum(), seen[:, 0].mean(), -seen[:, 1].mean(), -6.0], rel=1e-5
    )


def test_auc_of_each_set_is_that_of_its_members_alone() -> None:
    items = [
        Item(
            replace(ORIGIN, problem=str(n)),
            tuple(rollout(int(RNG.integers(1, 4)), bool(RNG.random() < 0.5)) for _ in range(5)),
        )
        for n in range(12)
    ]
    prefixes = prefixes_of(items, "text")
    scores = RNG.integers(0, 3, len(prefixes.problem)).astype(float)  # with ties
    for number, value in enumerate(prefixes.auc(scores)):
        members = prefixes.set_of == number
        assert value == pytest.approx(auc(scores[prefixes.rows[members]], prefixes.right[members]))
    assert len(prefixes.step) > 20
    some = prefixes.set_problem < 6
    assert np.array_equal(prefixes.of(some).auc(scores), prefixes.auc(scores)[some])
