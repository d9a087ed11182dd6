"""Other settings on models that are loaded already."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pfsolve.errors import UsageError
from pfsolve.settings import Settings
from pfsolve.solver.solver import Solver
from tests.conftest import SMALL, THREADS

ASKED = Settings(
    policy=SMALL,
    threads=THREADS,
    particles=4,
    context=256,
    reward="confidence",
    max_steps=2,
    max_step_tokens=4,
    programs=0.0,
    seed=1,
    early_stop=False,
)


@pytest.fixture(scope="module")
def solver(small_path: Path) -> Iterator[Solver]:
    with Solver(ASKED, problems=1) as loaded:
        yield loaded


@pytest.mark.parametrize(
    ("other", "names"),
    [
        ({}, []),
        ({"particles": 2, "method": "bon", "final": "argmax", "temperature": 0.1}, []),
        ({"max_steps": 9, "max_step_tokens": None, "thinking_tokens": 5, "history": False}, []),
        ({"particles": 5}, ["particles"]),
        ({"programs": 0.5}, ["programs"]),
        (
            {"policy": "other", "reward": "probe", "context": 512},
            ["reward", "policy", "context"],
        ),
        ({"method": "sc", "reward": "none"}, []),
        (
            {"threads": 7, "gpu_layers": 0, "aggregate": "min"},
            ["aggregate", "threads", "gpu_layers"],
        ),
    ],
    ids=str,
)
def test_what_depends_on_what_is_loaded_is_named(
    solver: Solver, other: dict[str, Any], names: list[str]
) -> None:
    wanted = replace(ASKED, **other)
    assert solver.reloads(wanted) == names
    if names:
        with pytest.raises(UsageError, match=names[0]):
            solver.using(wanted)
    else:
        assert solver.using(wanted).settings.particles == wanted.particles


def test_a_search_with_other_settings_is_what_a_solver_made_for_them_does(solver: Solver) -> None:
    other = replace(
        ASKED, particles=2, temperature=0.2, max_steps=1, max_step_tokens=6, method="sc"
    )
    here = solver.using(other).solve("What is 2 + 2?")
    unscored = solver.using(replace(other, reward="none"))
    assert unscored.reward.name == "none"
    assert unscored.using(other).reward is solver.reward, "which is loaded still"
    again = solver.solve("What is 2 + 2?")
    with Solver(other, problems=1) as made:
        there = made.solve("What is 2 + 2?")
    assert here.settings == there.settings
    assert [p.text for p in here.particles] == [p.text for p in there.particles]
    assert len(again.particles) == 4, "the first one is as it was"
    assert again.settings.temperature != 0.2


def test_what_goes_by_scores_needs_a_reward(small_path: Path) -> None:
    asked = replace(ASKED, reward=None)
    with Solver(asked, problems=1) as plain, pytest.raises(UsageError, match="goes by scores"):
        plain.using(replace(asked, method="bon", final="argmax"))
