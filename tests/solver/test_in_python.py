"""A search as an iterator of its events, and texts as problems."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pfsolve.errors import ProblemTooLong, UsageError
from pfsolve.events.search import Began, Ended, Progressed, SearchEvent
from pfsolve.settings import Settings
from pfsolve.solution import Solution
from pfsolve.solver.solver import Solver
from tests.conftest import SMALL, THREADS

PROBLEM = "What is 2 + 2?"


@pytest.fixture(scope="module")
def solver(small_path: Path) -> Iterator[Solver]:
    settings = Settings(
        policy=SMALL,
        threads=THREADS,
        particles=2,
        context=256,
        reward="none",
        max_steps=2,
        max_step_tokens=4,
        programs=0.0,
        seed=1,
    )
    with Solver(settings, problems=2) as loaded:
        yield loaded


def test_events_are_those_a_listener_hears_and_the_solution_is_the_last(solver: Solver) -> None:
    heard: list[SearchEvent] = []
    solution = solver.solve(PROBLEM, listen=heard.append)
    *events, last = solver.events(PROBLEM)
    # How often it has progressed depends on the time.
    kinds = [
        [type(event) for event in each if not isinstance(event, Progressed)]
        for each in (events, heard)
    ]
    assert kinds[0] == kinds[1]
    assert isinstance(events[0], Began)
    assert isinstance(events[-1], Ended)
    assert isinstance(last, Solution)
    assert [each.text for each in last.particles] == [each.text for each in solution.particles]
    assert solution.prompt_tokens == last.prompt_tokens > last.prompt_tokens_saved > 10
    assert solution.rows_saved == last.rows_saved <= last.tokens
    assert repr(solver) == (
        "Solver(policy='smollm2-135m-instruct', reward='none', method='pf', particles=2)"
    )


def test_a_search_ends_when_its_events_are_closed(solver: Solver) -> None:
    events = solver.events(PROBLEM)
    for event in events:
        assert isinstance(event, Began)
        assert solver.policy.cache.sequences
        break
    events.close()
    assert solver.policy.cache.sequences == 0
    assert len(solver.solve(PROBLEM).particles) == 2


def test_an_error_is_raised_where_the_events_are_read(solver: Solver) -> None:
    with pytest.raises(UsageError, match="empty"):
        next(solver.events("  "))
    with pytest.raises(ProblemTooLong):
        list(solver.events("x " * 400))


def test_texts_are_solved_as_lines_of_a_file_are(solver: Solver) -> None:
    ends = {problem.id: (problem, end) for problem, end in solver.solve_all([PROBLEM, "", "3?"])}
    assert sorted(ends) == ["1", "2", "3"]
    assert isinstance(ends["2"][1], UsageError)
    problem, end = ends["1"]
    assert (problem.text, problem.line) == (PROBLEM, 1)
    assert isinstance(end, Solution)
    assert end.seed == problem.seed(1)
    with pytest.raises(UsageError, match="a single text"):
        solver.solve_all(PROBLEM)
