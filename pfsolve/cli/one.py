"""One problem: a live table while it is solved, then its answer."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING

import typer

from pfsolve.errors import ExitCode, Interrupted, NoAnswer, UsageError, named

if TYPE_CHECKING:
    from pfsolve.cli.solve import RunOptions
    from pfsolve.display.output import Output
    from pfsolve.environment import Environment
    from pfsolve.events import Event, Listener
    from pfsolve.results.line import ResultLine
    from pfsolve.settings import Settings
    from pfsolve.solution import Solution
    from pfsolve.solver.solver import Solver


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
        Interrupted: none did before the user stopped it.
    """
    from pfsolve.cli.session import open_solver
    from pfsolve.display.solve import SolveView
    from pfsolve.display.surface import watching
    from pfsolve.results.line import alone
    from pfsolve.results.run_record import RunRecords, with_events

    if not problem.strip():
        raise UsageError("the problem is empty", 'try: pfsolve "Solve x^2=4"')
    environment.check_stdout()
    records = RunRecords(options.record) if options.record is not None else None
    with ExitStack() as opened:
        shown = opened.enter_context(ExitStack())
        view, quiet, verbose = SolveView(), options.quiet, options.verbose
        display = shown.enter_context(watching(environment, view, quiet=quiet, verbose=verbose))
        solver, stopping = opened.enter_context(
            open_solver(settings, environment, listen=display, quiet=quiet, verbose=verbose)
        )
        solution, heard = search(problem, solver, stopping, display)
        shown.close()
        # All this before the models are freed, which takes a while.
        line = alone(solution, particles=True)
        kept = settings.history and keep(with_events(line, heard), environment, output, verbose)
        more = "pfsolve show" if line["answer"] is not None else "pfsolve show --all"
        hint = f"{more} for more" if kept else None
        try:
            print_answer(line, options, environment, output, hint=hint)
            environment.stdout.flush()
        finally:  # afterwards, since a disk that is full must not cost the answer
            if records is not None:
                for event in heard:
                    records.hear(problem, event)
                records.write(problem, line)
    say_how_it_ended(solution, output)


def search(
    problem: str,
    solver: Solver,
    stopping: Callable[[], bool],
    display: Listener,
    seed: int | None = None,
) -> tuple[Solution, list[Event]]:
    """Solve a problem for all to see; the events are those that a record holds."""
    from pfsolve.results.run_record import is_kept

    heard: list[Event] = []

    def hear(event: Event) -> None:
        display(event)
        if is_kept(event):
            heard.append(event)

    return solver.solve(problem, seed=seed, stopping=stopping, listen=hear), heard


def print_answer(
    line: ResultLine,
    options: RunOptions,
    environment: Environment,
    output: Output,
    *,
    hint: str | None,
) -> None:
    """The solution where it is wanted, the answer, and on a terminal what else there is to say."""
    from pfsolve.display.solution import all_answers, solution_and_answer, summary
    from pfsolve.results.line import brief

    shown = options.solution
    if shown is None:
        shown = environment.stdout_is_terminal and not options.quiet
    output.give(
        line if options.json == "full" else brief(line),
        lambda: solution_and_answer(line, solution=shown, titled=not options.quiet),
    )
    output.aside(summary(line, verbose=options.verbose, hint=hint))
    for answer in all_answers(line) if options.verbose else []:
        output.aside(answer)


def keep(line: ResultLine, environment: Environment, output: Output, verbose: int) -> bool:
    """Keep the run for `pfsolve show`; whether that went well, without which a solve is as good."""
    from pfsolve.results.history import History

    try:
        History(environment.state_dir).keep(line)
    except (OSError, ValueError, UsageError) as error:
        if verbose:
            output.note(f"this run is not kept for pfsolve show: {error}")
        return False
    return True


def say_how_it_ended(solution: Solution, output: Output) -> None:
    """Exit as what came of the problem says.

    Raises:
        NoAnswer, Interrupted: as above.
    """
    from pfsolve.display.cut import how_far, what_each_had

    was_cut = solution.interrupted or solution.out_of_time
    if solution.answer is not None:
        if was_cut:
            output.note(how_far(solution))
        if solution.interrupted:
            raise typer.Exit(ExitCode.INTERRUPTED)
        return
    for had in what_each_had(solution) if was_cut else ():
        output.note(had)
    if solution.interrupted:
        raise Interrupted(how_far(solution))
    if solution.out_of_time:
        raise NoAnswer(how_far(solution), f"give it more {named('time')}")
    raise NoAnswer(
        f"none of {len(solution.particles)} particles reached an answer",
        f"try more {named('particles')}, another {named('seed')}, or a larger "
        f"{named('max_steps')} or {named('context')}",
    )
