"""Collecting from a real small policy: what is read equals what was written, and nothing is done twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pfsolve.errors import Interrupted
from pfsolve.events import Event
from pfsolve.events.work import Collecting
from pfsolve.lab.evaluation.labelled import Labelled
from pfsolve.lab.training.collect import INDEPENDENT, Collector
from pfsolve.lab.training.material import Folder
from pfsolve.lab.training.recorder import Recorder
from pfsolve.problems import Problem
from pfsolve.settings import merge
from pfsolve.solver.solver import Solver
from tests.conftest import SMALL, THREADS

PROBLEMS = [
    Problem("a", 1, "What is 2 + 3?", "5"),
    Problem("b", 2, "What is 7 - 4?", "3"),
    Problem("c", 3, "What is 2 + 3?", "5"),
]


@pytest.fixture(scope="module")
def solver(small_path: Path) -> Iterator[Solver]:
    layer = {"policy": SMALL, "threads": THREADS, "particles": 3, "context": 512}
    layer |= {"max_steps": 3, "max_step_tokens": 40}
    with Solver(merge(layer, INDEPENDENT), problems=2, reward=Recorder()) as solver:
        yield solver


def collector(
    solver: Solver, folder: Folder, heard: list[Event], *, after: int | None = None
) -> Collector:
    """One that is told to stop at the question number `after`."""
    asked = iter(range(10**9))
    return Collector(
        solver,
        solver.reward,
        "f00",
        folder,
        (lambda: False) if after is None else (lambda: next(asked) >= after),
        heard.append,
    )


def test_rollouts_are_independent_and_marked_by_their_answers(
    solver: Solver, tmp_path: Path
) -> None:
    folder, heard = Folder(tmp_path), list[Event]()
    keys = collector(solver, folder, heard).rollouts("p.jsonl", PROBLEMS, seed=4)
    assert len(keys) == len(set(keys)) == 2, "the third problem is the first one again"
    items = list(folder.read(keys))
    assert [item.problem for item in items] == ["What is 2 + 3?", "What is 7 - 4?"]
    solutions = items[0].solutions
    assert len(solutions) == 3
    assert len({solution.vectors[0].tobytes() for solution in solutions}) == 3, "nothing resampled"
    assert all(solution.mark in (0, 1) for solution in solutions)
    assert all(1 <= len(solution.vectors) <= 3 for solution in solutions)
    assert isinstance(heard[-1], Collecting)
    assert (heard[-1].done, heard[-1].total) == (2, 2)
    assert heard[-1].tokens > 0


def test_what_is_there_is_not_made_again(solver: Solver, tmp_path: Path) -> None:
    folder, heard = Folder(tmp_path), list[Event]()
    first = collector(solver, folder, []).rollouts("p.jsonl", PROBLEMS[:1], seed=4)
    keys = collector(solver, folder, heard).rollouts("p.jsonl", PROBLEMS, seed=4)
    assert keys[0] == first[0]
    assert isinstance(heard[0], Collecting)
    assert (heard[0].done, heard[0].worked) == (1, 0)
    other = collector(solver, folder, []).rollouts("p.jsonl", PROBLEMS[:1], seed=5)
    assert other != first, "another seed writes other solutions"


def test_labelled_solutions_are_read_step_by_step(solver: Solver, tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    steps = ("Two and three are five.", "So it is six.", "The answer is \\boxed{6}.")
    rows = [Labelled(PROBLEMS[0], steps, 1), Labelled(PROBLEMS[0], steps[:1] * 400, -1)]
    keys = collector(solver, folder, []).labelled("l.jsonl", rows)
    assert [folder.has(key) for key in keys] == [True, False], "the second does not fit"
    (item,) = folder.read(keys)
    (solution,) = item.solutions
    assert (solution.mark, solution.vectors.shape[0]) == (1, 3)
    shorter = collector(solver, folder, []).labelled(
        "l.jsonl", [Labelled(PROBLEMS[0], steps[:2], 1)]
    )
    (prefix,) = folder.read(shorter)
    one, other = solution.vectors[0], prefix.solutions[0].vectors[0]
    assert np.corrcoef(one, other)[0, 1] > 0.999, "features do not depend on what follows"


def test_an_interruption_loses_nothing_that_was_finished(solver: Solver, tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    rows = [Labelled(PROBLEMS[0], (f"Step {n}.",), -1) for n in range(4)]
    with pytest.raises(Interrupted):
        collector(solver, folder, [], after=2).labelled("l.jsonl", rows)
    heard: list[Event] = []
    collector(solver, folder, heard).labelled("l.jsonl", rows)
    assert isinstance(heard[0], Collecting)
    assert heard[0].done == 2
    with pytest.raises(Interrupted):
        collector(solver, folder, [], after=3).rollouts("p.jsonl", PROBLEMS, seed=9)
    assert list(folder.read(collector(solver, folder, []).rollouts("p.jsonl", PROBLEMS, seed=9)))


def test_a_reward_of_the_config_file_has_no_say() -> None:
    """The recorder takes its place, and the best of all solutions is not asked for."""
    assert merge({"reward": "none"}, INDEPENDENT | {"particles": 8}).method == "bon"
