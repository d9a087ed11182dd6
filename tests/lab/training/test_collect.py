"""Collecting from a real small policy: what was written is kept, and nothing is done twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pfsolve.errors import Interrupted
from pfsolve.events import Event
from pfsolve.events.work import Collecting
from pfsolve.lab.training.collect import INDEPENDENT, collect
from pfsolve.lab.training.files import TrainingFile
from pfsolve.lab.training.material import Folder, Item
from pfsolve.lab.training.recorder import DEPTHS, Recorder
from pfsolve.problems import Problem
from pfsolve.settings import merge
from pfsolve.solver.solver import Solver
from tests.conftest import SMALL, THREADS

PROBLEMS = (
    Problem("a", 1, "What is 2 + 3?", "5"),
    Problem("b", 2, "What is 7 - 4?", "3"),
    Problem("c", 3, "What is 2 + 3?", "5"),
)
SETTINGS = {"policy": SMALL, "threads": THREADS, "context": 512, "max_steps": 2}
SETTINGS |= {"max_step_tokens": 16}


@pytest.fixture(scope="module")
def solver(small_path: Path) -> Iterator[Solver]:
    layer = SETTINGS | {"particles": 3}
    with Solver(merge(layer, INDEPENDENT), problems=2, reward=Recorder()) as solver:
        yield solver


def collected(
    solver: Solver,
    folder: Folder,
    *,
    problems: tuple[Problem, ...] = PROBLEMS,
    seed: int = 4,
    after: int = 10**9,
) -> list[Event]:
    """What is heard while it collects; it is told to stop at the question number `after`."""
    asked, heard = iter(range(10**9)), list[Event]()
    assert isinstance(solver.reward, Recorder)
    file = TrainingFile("p.jsonl", problems, "abc", 0)
    collect(
        solver, solver.reward, "f00", file, folder, seed, lambda: next(asked) >= after, heard.append
    )
    return heard


def items_of(folder: Folder) -> dict[str, Item]:
    return {item.origin.problem: item for item in folder.read(SMALL)}


def test_rollouts_are_independent_and_hold_what_the_policy_computed(
    solver: Solver, tmp_path: Path
) -> None:
    folder = Folder(tmp_path)
    heard = collected(solver, folder)
    items = items_of(folder)
    assert sorted(items) == ["What is 2 + 3?", "What is 7 - 4?"], "the third is the first again"
    item = items["What is 2 + 3?"]
    assert (item.origin.gold, item.origin.file, item.origin.policy_sha256) == (
        "5",
        "p.jsonl",
        "f00",
    )
    assert item.origin.settings["max_steps"] == 2
    assert len(item.rollouts) == 3
    assert len({rollout.steps[0].data for rollout in item.rollouts}) == 3, "nothing resampled"
    for rollout in item.rollouts:
        assert rollout.kind == "text"
        for step in rollout.steps:
            assert b"".join(map(solver.policy.model.piece, step.tokens.tolist())) == step.data
            assert (
                len(step.sureness) == len(step.digits) in (len(step.tokens), len(step.tokens) + 1)
            )
            assert (step.sureness[:, 0] <= 0).all()
            if step.states is not None:
                assert step.states.shape == (len(DEPTHS) + 1, solver.policy.model.n_embd)
                assert np.isfinite(step.states).all()
    last = heard[-1]
    assert isinstance(last, Collecting)
    assert (last.done, last.total) == (2, 2)
    assert last.tokens > 0


def test_what_is_there_is_not_made_again_and_an_interruption_loses_nothing_else(
    solver: Solver, tmp_path: Path
) -> None:
    folder = Folder(tmp_path)
    collected(solver, folder, problems=PROBLEMS[:1])
    first = items_of(folder)["What is 2 + 3?"]
    with pytest.raises(Interrupted):
        collected(solver, folder, after=3)
    heard = collected(solver, folder)
    assert isinstance(heard[0], Collecting)
    assert (heard[0].done, heard[0].worked) == (1, 0)
    again = items_of(folder)["What is 2 + 3?"]
    assert [r.steps[0].data for r in again.rollouts] == [r.steps[0].data for r in first.rollouts]
    collected(solver, folder, problems=PROBLEMS[:1], seed=5)
    assert len(list(tmp_path.glob("*.npz"))) == 3, "another seed writes other solutions"


def test_programs_are_kept_and_those_that_died_tell_why(small_path: Path, tmp_path: Path) -> None:
    layer = SETTINGS | {"particles": 2, "programs": 1.0}
    with Solver(merge(layer, INDEPENDENT), reward=Recorder()) as solver:
        folder = Folder(tmp_path)
        collected(solver, folder, problems=PROBLEMS[:1])
    (item,) = folder.read(SMALL)
    assert all(rollout.kind == "program" for rollout in item.rollouts)
    for rollout in item.rollouts:
        assert rollout.finish in ("end", "failed", "loop", "max_steps", "truncated")
        assert (rollout.error is not None) == (rollout.finish == "failed")


def test_a_reward_of_the_config_file_has_no_say() -> None:
    """The recorder takes its place, and the best of all solutions is not asked for."""
    assert merge({"reward": "none"}, INDEPENDENT | {"particles": 8}).method == "bon"
