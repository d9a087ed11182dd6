"""A file of problems from end to end: what is done already, what is solved now, where it all goes.

Nothing that has been finished is lost: a result is written as soon as its problem has one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pfsolve.errors import PfsolveError
from pfsolve.events import Event, Listener, ignore
from pfsolve.events.search import InProblem, ManyBegan, ManyEnded, ProblemEnded
from pfsolve.problems import BadRow, Problem
from pfsolve.results.file import ResultsFile, not_written
from pfsolve.results.line import Origin, ResultLine, brief
from pfsolve.results.resuming import adopting
from pfsolve.results.run_record import RunRecords
from pfsolve.solution import Solution
from pfsolve.solver.solver import Solver

Sink = Callable[[int, ResultLine], None]


@dataclass(slots=True)
class RowTally:
    """What has come of the rows so far, those of an earlier run included."""

    done: int = 0  # number of rows that are settled
    failed: int = 0  # number of rows without an answer
    graded: int = 0  # number of rows with a known answer
    right: int = 0  # number of those whose answer is right
    interrupted: bool = False  # whether a row was not settled, or not to its end

    def add(self, record: ResultLine) -> None:
        self.done += 1
        self.failed += record["answer"] is None
        self.graded += record["correct"] is not None
        self.right += record["correct"] is True


def solve_many(
    solver: Solver | None,
    rows: Sequence[Problem | BadRow],
    origin: Origin,
    *,
    output: ResultsFile | None = None,
    records: RunRecords | None = None,
    show: Sink | None = None,
    listen: Listener = ignore,
    stopping: Callable[[], bool] = lambda: False,
) -> RowTally:
    """Settle every row that has no finished result yet.

    Args:
        solver: None where the output has finished all problems.
        output: results file; what it has finished under the same settings is not done again.
        records: gets a run record of each problem.
        show: gets the position among `rows` and the result, with its particles, of each row that is
            settled now.
        listen: receives the events of the file and of its searches.
        stopping: asked after each token; once true, the problems under way are cut where they are, and
            those that have an answer by then are written, marked as interrupted.

    Raises:
        UsageError: the output holds results for other problems.
        EngineError: llama.cpp fails.
        ResourceError: a result cannot be written.
    """
    started = time.monotonic()
    finished = {}
    if output is not None:
        finished = output.resume(origin.settings_hash, rows, adopting(origin))
    ledger = _Ledger(rows, origin, output, records, show, listen)
    for record in finished.values():
        ledger.tally.add(record)
    tally = ledger.tally
    listen(ManyBegan(len(rows), tally.done, tally.failed, tally.right, tally.graded))
    for row in rows:
        if isinstance(row, BadRow):
            ledger.settle(row, origin.failed(row))
    problems = [row for row in rows if isinstance(row, Problem) and row.id not in finished]
    if solver is not None:
        for problem, end in solver.solve_all(problems, stopping=stopping, listen=ledger.hear):
            ledger.take(problem, end)
    tally.interrupted = tally.interrupted or tally.done < len(rows)
    listen(ManyEnded(tally.interrupted, time.monotonic() - started))
    return tally


class _Ledger:
    """Where results go, and what has come of them; arguments as in `solve_many`."""

    def __init__(
        self,
        rows: Sequence[Problem | BadRow],
        origin: Origin,
        output: ResultsFile | None,
        records: RunRecords | None,
        show: Sink | None,
        listen: Listener,
    ) -> None:
        self.tally = RowTally()
        self._positions = {row.id: position for position, row in enumerate(rows)}
        self._origin = origin
        self._output = output
        self._records = records
        self._show = show
        self._listen = listen

    def hear(self, event: Event) -> None:
        """An event of a search; its record keeps it."""
        if self._records is not None and isinstance(event, InProblem):
            self._records.hear(event.id, event.event)
        self._listen(event)

    def take(self, problem: Problem, end: Solution | PfsolveError) -> None:
        """The end of a problem's search."""
        if isinstance(end, Solution):
            self.tally.interrupted = self.tally.interrupted or end.interrupted
            if end.interrupted and end.answer is None:
                return  # nothing to keep: a later run begins it anew
            record = self._origin.solved(problem, end, particles=True)
        else:
            record = self._origin.failed(problem, end)
        if self._records is not None:
            try:
                self._records.write(problem.id, record)
            except OSError as error:
                raise not_written(error) from error
        self.settle(problem, record)

    def settle(self, row: Problem | BadRow, record: ResultLine) -> None:
        """A row has its result."""
        if self._output is not None:
            self._output.write(brief(record))
        self.tally.add(record)
        self._listen(_ended(record))
        if self._show is not None:
            self._show(self._positions[row.id], record)


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
