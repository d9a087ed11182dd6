"""One problem: a live table while it is solved, then its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from pfsolve.errors import ExitCode, NoAnswer, UsageError, named

if TYPE_CHECKING:
    from pfsolve.cli.solve import RunOptions
    from pfsolve.display.output import Output
    from pfsolve.environment import Environment
    from pfsolve.events import Event
    from pfsolve.settings import Settings


def solve_one(
    problem: str,
    settings: Settings,
    options: RunOptions,
    environment: Environment,
    output: Output,
) -> None:
    """Solve a problem and print its answer.

    Raises:
        NoAnswer: no particle reached one.
    """
    from pfsolve.cli.session import open_solver
    from pfsolve.display.output import Answer, summary
    from pfsolve.display.solve import SolveView
    from pfsolve.display.surface import watching
    from pfsolve.results.line import alone, brief
    from pfsolve.results.run_record import RunRecords

    if not problem.strip():
        raise UsageError("the problem is empty", 'try: pfsolve "Solve x^2=4"')
    records = RunRecords(options.record) if options.record is not None else None
    with (
        watching(environment, SolveView(), quiet=options.quiet, verbose=options.verbose) as display,
        open_solver(
            settings,
            environment,
            listen=display,
            quiet=options.quiet,
            verbose=options.verbose,
        ) as (solver, stopping),
    ):

        def hear(event: Event) -> None:
            display(event)
            if records is not None:
                records.hear(problem, event)

        solution = solver.solve(problem, stopping=stopping, listen=hear)

    line = alone(solution, particles=True)
    if records is not None:
        records.write(problem, line)
    output.give(
        line if options.json == "full" else brief(line),
        lambda: [Answer(solution.answer)] if solution.answer is not None else [],
    )
    if solution.answer is not None:
        output.aside(summary(solution))
    if solution.interrupted:
        raise typer.Exit(ExitCode.INTERRUPTED)
    if solution.answer is None:
        raise NoAnswer(
            f"none of {len(solution.particles)} particles reached an answer",
            f"try more {named('particles')}, another {named('seed')}, or a larger "
            f"{named('max_steps')} or {named('context')}",
        )
