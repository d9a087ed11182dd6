"""A file of problems from end to end: what is done already, what is solved now, where it all goes.

Nothing that has been finished is lost: a result is written as soon as its problem has one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pfsolve.events import (
    Event,
    InProblem,
    Listener,
    ManyBegan,
    ManyEnded,
    ProblemEnded,
)
from pfsolve.problems import BadRow, Problem
from pfsolve.results.file import ResultsFile
from pfsolve.results.line import Origin, ResultLine, brief
from pfsolve.results.run_record import RunRecords
from pfsolve.solution import Solution
from pfsolve.solver.solver import Solver

Sink = Callable[[int, ResultLine], None]


@dataclass(slots=True)
class Tally:
    """What has come of the rows so far, those of an earlier run included.

    failed: rows without an answer. graded: rows with a known answer, right: as many of them.
    interrupted: not all rows were settled, or not to their end.
    """

    done: int = 0
    failed: int = 0
    graded: int = 0
    right: int = 0
    interrupted: bool = False

    def add(self, record: ResultLine) -> None:
        self.done += 1
        self.failed += record["answer"] is None
        self.graded += record["correct"] is not None
        self.right += record["correct"] is True


def solve_many(
    solver: Solver,
    rows: Sequence[Problem | BadRow],
    origin: Origin,
    *,
    output: ResultsFile | None = None,
    records: RunRecords | None = None,
    show: Sink | None = None,
    listen: Listener | None = None,
    stopping: Callable[[], bool] = lambda: False,
) -> Tally:
    """Settle every row that has no finished result yet.

    Args:
        output: results file; what it has finished under the same settings is not done again.
        records: gets a run record of each problem.
        show: gets the position among `rows` and the result, with its particles, of each row that is
            settled now.
        listen: receives the events of the batch and of its searches.
        stopping: asked now and then; once true, the problems under way finish the step they are at,
            and those that have an answer by then are written, marked as interrupted.

    Raises:
        UsageError: the output holds results for other problems.
        EngineError: llama.cpp fails.
        OSError: a result cannot be written.
    """
    started = time.monotonic()
    finished = output.resume(origin.settings_hash, rows) if output is not None else {}
    positions = {row.id: position for position, row in enumerate(rows)}
    tally = Tally()
    for record in finished.values():
        tally.add(record)

    def hear(event: Event) -> None:
        if records is not None and isinstance(event, InProblem):
            records.hear(event.id, event.event)
        if listen is not None:
            listen(event)

    def settle(row: Problem | BadRow, record: ResultLine) -> None:
        if output is not None:
            output.write(brief(record))
        tally.add(record)
        hear(_ended(record))
        if show is not None:
            show(positions[row.id], record)

    hear(ManyBegan(len(rows), tally.done, tally.failed, tally.right, tally.graded))
    for row in rows:
        if isinstance(row, BadRow):
            settle(row, origin.failed(row))
    problems = [row for row in rows if isinstance(row, Problem) and row.id not in finished]
    for problem, end in solver.solve_all(problems, stopping=stopping, listen=hear):
        if isinstance(end, Solution):
            tally.interrupted = tally.interrupted or end.interrupted
            if end.interrupted and end.answer is None:
                continue  # nothing to keep: a later run begins it anew
            record = origin.solved(problem, end, particles=True)
        else:
            record = origin.failed(problem, end)
        if records is not None:
            records.write(problem.id, record)
        settle(problem, record)
    tally.interrupted = tally.interrupted or tally.done < len(rows)
    hear(ManyEnded(tally.interrupted, time.monotonic() - started))
    return tally


def _ended(record: ResultLine) -> ProblemEnded:
    error, timings = record.get("error"), record.get("timings")
    return ProblemEnded(
        id=record["id"],
        answer=record["answer"],
        correct=record["correct"],
        error=None if error is None else error["message"],
        tokens=record.get("tokens") or 0,
        seconds=timings["solve_seconds"] if timings else 0.0,
    )
