"""A line of a comparison holds the whole population, scored or not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pfsolve.lab.bench.run import _extra
from pfsolve.particle import Finish, Kind, Particle, Step
from pfsolve.programs.base import ProgramResult
from tests.results.conftest import BAD, PROBLEMS, solution


def particle(answer: str, log_odds: float | None) -> Particle:
    step = Step((1, 2), f"\\boxed{{{answer}}}".encode(), 0, log_odds=log_odds)
    return Particle((step,), Finish.BOXED)


def program(answer: str, log_odds: float | None) -> Particle:
    result = ProgramResult(f"{answer}\n", (answer,))
    step = Step((1, 2), f"print({answer})".encode(), 0, log_odds, result)
    return Particle((step,), Finish.END, Kind.PROGRAM)


@pytest.mark.parametrize(
    ("given", "kept"), [(None, 0.0), (1.5, 1.5), (float("-inf"), None), (0.0, 0.0)]
)
def test_classes_scores_and_tokens_of_every_particle(
    given: float | None, kept: float | None
) -> None:
    """Without a reward all scores are equal, and none of the particles counts as dead."""
    problem = PROBLEMS[0]
    solved = replace(
        solution(problem, "2"),
        particles=(particle("2", given), program("3", given)),
        weights=(0.5, 0.5),
    )
    line = _extra("pf", problem, solved)
    assert line["bench"] == "pf"
    assert line["pool"] == {
        "classes": [0, 1],
        "log_odds": [kept, kept],
        "weights": [0.5, 0.5],
        "tokens": [2, 2],
        "kinds": ["text", "program"],
    }


def test_a_row_without_a_solution_has_no_population() -> None:
    assert _extra("pf", BAD, None) == {"bench": "pf"}
