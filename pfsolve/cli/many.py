"""`pfsolve -f FILE`, and problems in a pipe: from options to `pfsolve.solver.many`, and to an exit code."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

from pfsolve.errors import Interrupted, SomeFailed, UsageError
from pfsolve.events.search import ProblemEnded
from pfsolve.problems import BadRow, Problem, ProblemFile, Shard
from pfsolve.settings import Settings

if TYPE_CHECKING:
    from pfsolve.cli.solve import RunOptions
    from pfsolve.display.output import InOrder, Output
    from pfsolve.display.surface import Surface
    from pfsolve.environment import Environment
    from pfsolve.results.line import ResultLine


def solve_file(
    file: ProblemFile,
    settings: Settings,
    options: RunOptions,
    environment: Environment,
    output: Output,
) -> None:
    """Solve all problems of a file.

    Raises:
        SomeFailed: some rows have no answer; if none holds a problem, nothing is loaded.
        Interrupted: the user stopped it.
    """
    from pfsolve.cli.session import open_solver
    from pfsolve.display.file import FileView
    from pfsolve.display.surface import watching
    from pfsolve.results.file import ResultsFile
    from pfsolve.results.line import Origin
    from pfsolve.results.run_record import RunRecords
    from pfsolve.solver.many import solve_many

    if options.resume and options.output is None:
        raise UsageError("--resume needs the file of results", "add -o results.jsonl")
    rows = file.rows
    if options.shard is not None:
        shard = Shard.parse(options.shard)
        rows = tuple(row for row in rows if shard.holds(row.id))
    if settings.seed is None:
        settings = dataclasses.replace(settings, seed=0)  # so that --resume and shards agree

    with ExitStack() as stack:
        results = show = None
        if options.output is not None:
            results = stack.enter_context(ResultsFile(options.output, resume=options.resume))
            output.note_each(results.told)
        records = None if options.record is None else RunRecords(options.record)
        if not rows:  # a shard may hold nothing of a short file
            return
        display = stack.enter_context(
            watching(environment, FileView(), quiet=options.quiet, verbose=options.verbose)
        )
        if results is None or options.json is not None:
            environment.check_stdout()
            show = stack.enter_context(closing(_printer(output, options, display)))
        problems = _problems(rows, display)
        solver, stopping = None, lambda: False
        run = None if results is None else results.whole(settings, problems)
        if run is None:
            solver, stopping = stack.enter_context(
                open_solver(
                    settings,
                    environment,
                    listen=display,
                    problems=len(problems),
                    quiet=options.quiet,
                    verbose=options.verbose,
                )
            )
            run = solver.settings, solver.versions
        tally = solve_many(
            solver,
            rows,
            Origin(*run, len(file.rows), options.shard),
            output=results,
            records=records,
            show=show,
            listen=display,
            stopping=stopping,
        )
    if tally.interrupted:
        raise Interrupted(
            f"interrupted: {tally.done} of {len(rows)} problems are done",
            None if results is None else "the same command with --resume does the rest",
        )
    if tally.failed:
        raise SomeFailed(f"{tally.failed} of {len(rows)} problems have no answer")


def _problems(rows: Sequence[Problem | BadRow], display: Surface) -> list[Problem]:
    """The problems among the rows.

    Raises:
        SomeFailed: there is none to load a model for; what is wrong with each row has been told.
    """
    if problems := [row for row in rows if isinstance(row, Problem)]:
        return problems
    for row in rows:
        if isinstance(row, BadRow):
            display(ProblemEnded(row.id, None, None, row.reason, tokens=0, seconds=0.0))
    raise SomeFailed(f"{len(rows)} of {len(rows)} rows hold no problem")


def _printer(output: Output, options: RunOptions, display: Surface) -> InOrder[ResultLine]:
    """Writes each result to stdout as soon as those before it are written."""
    from pfsolve.display.output import Answer, InOrder
    from pfsolve.results.line import brief

    def show(record: ResultLine | None) -> None:
        with display.writing():
            if record is None:
                output.skip()
                return
            answer = Answer(record["answer"], record["id"], record["correct"])
            output.give(record if options.json == "full" else brief(record), lambda: [answer])

    return InOrder(show, as_they_come=options.unordered)
