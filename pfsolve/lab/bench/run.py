"""Carries out a plan: every run over every problem, each result written as it comes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pfsolve.answers import group_equivalent
from pfsolve.errors import Interrupted
from pfsolve.events import Listener
from pfsolve.files import json_safe
from pfsolve.lab.bench.plan import BenchRun
from pfsolve.problems import BadRow, Problem
from pfsolve.results.file import ResultsFile
from pfsolve.results.line import Origin, PoolLine, ResultLine
from pfsolve.results.run_record import RunRecords
from pfsolve.solution import Solution
from pfsolve.solver.many import solve_many

if TYPE_CHECKING:
    from pfsolve.solver.solver import Solver


@dataclass(frozen=True, slots=True)
class Session:
    """A solver under a run's settings, and who watches it."""

    solver: Solver
    stopping: Callable[[], bool]  # whether the user wants it to stop
    listen: Listener
    records: RunRecords | None = None  # where full records of its problems go, if they are wanted


def run_all(
    runs: Sequence[BenchRun],
    problems: Sequence[Problem],
    open_session: Callable[[BenchRun], AbstractContextManager[Session]],
    output: ResultsFile,
) -> list[str]:
    """Carry out the runs, and return the settings' hash of each, by which its results are found.

    Problems that the output has finished under a run's settings are not solved again.

    Raises:
        Interrupted: the user stopped it.
        EngineError, UsageError, OSError: as in `solve_many`.
    """
    hashes = []
    for number, run in enumerate(runs):
        with open_session(run) as session:
            solver = session.solver
            extra = partial(_extra, run.label)
            origin = Origin(solver.settings, solver.versions, len(problems), extra=extra)
            hashes.append(origin.settings_hash)
            tally = solve_many(
                solver,
                problems,
                origin,
                output=output,
                records=session.records,
                listen=session.listen,
                stopping=session.stopping,
            )
        if tally.interrupted:
            raise Interrupted(
                f"interrupted in run {number + 1} of {len(runs)}", "the same command resumes it"
            )
    return hashes


def _extra(label: str, row: Problem | BadRow, solution: Solution | None) -> ResultLine:
    """What a line of a comparison holds beside a result: its method, and the whole population."""
    extra: ResultLine = {"bench": label}
    if isinstance(row, Problem) and solution is not None:
        extra["pool"] = _pool(row, solution)
    return extra


def _pool(problem: Problem, solution: Solution) -> PoolLine:
    answers = [particle.answer for particle in solution.particles]
    classes = group_equivalent([problem.answer, *answers])[1:]
    return {
        "classes": [-1 if number is None else number for number in classes],
        "log_odds": json_safe([p.steps[-1].log_odds or 0.0 for p in solution.particles]),
        "weights": [round(weight, 6) for weight in solution.weights],
        "tokens": [particle.n_tokens for particle in solution.particles],
        "kinds": [str(particle.kind) for particle in solution.particles],
    }
