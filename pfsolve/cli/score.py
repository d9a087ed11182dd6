"""`pfsolve score PROBLEM SOLUTION`: what a reward says of a given solution, step by step."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pfsolve.cli.options import AsJson, Flags, Quiet, reading, taking
from pfsolve.errors import UsageError

if TYPE_CHECKING:
    from pfsolve.environment import Environment


@taking("reward", "aggregate", "policy", "context", "threads", "gpu_layers", "offline")
def score(
    problem: Annotated[str, typer.Argument(metavar="PROBLEM", help="The problem.")],
    file: Annotated[
        Path,
        typer.Argument(
            metavar="SOLUTION",
            help="A file with its solution; a blank line between two steps; - for standard input.",
        ),
    ],
    as_json: AsJson = False,
    quiet: Quiet = False,
    *,
    flags: Flags,
) -> None:
    """Score a given solution, step by step: each score is that of the solution up to there."""
    from pfsolve.cli.session import open_solver
    from pfsolve.display.columns import Table
    from pfsolve.display.output import Output
    from pfsolve.display.surface import watching
    from pfsolve.environment import Environment
    from pfsolve.particle import split_steps
    from pfsolve.search.log_odds import sigmoid
    from pfsolve.wording import duration, one_line, plural

    environment = Environment()
    if not problem.strip():
        raise UsageError("the problem is empty", 'try: pfsolve score "Solve x^2=4" solution.txt')
    steps = split_steps(_read(file, environment))
    settings = reading(environment, flags)
    with (
        watching(environment, quiet=quiet) as display,
        open_solver(settings, environment, scoring=True, listen=display, quiet=quiet) as (
            solver,
            _,
        ),
    ):
        scored = solver.read_solution(problem, steps)
    rows = list(
        zip(steps, scored.log_odds.tolist(), sigmoid(scored.log_odds).tolist(), strict=True)
    )
    output = Output(environment, as_json=as_json, quiet=quiet)
    output.give(
        {
            "problem": problem,
            "policy": solver.settings.policy,
            "reward": solver.settings.reward,
            "aggregate": solver.settings.aggregate,
            "steps": [{"text": s, "log_odds": log_odds, "score": p} for s, log_odds, p in rows],
            "tokens": scored.tokens,
            "seconds": scored.seconds,
            "versions": solver.versions,
        },
        lambda: [
            Table(
                ("step", "log_odds", "score", "text"),
                [
                    (str(number), f"{log_odds:.2f}", f"{p:.3f}", one_line(text))
                    for number, (text, log_odds, p) in enumerate(rows, 1)
                ],
                prose=True,
            )
        ],
    )
    output.aside(
        f"reward {solver.settings.reward} · policy {solver.settings.policy} · "
        f"{plural(scored.tokens, 'token')} · {duration(scored.seconds)}"
    )


def _read(file: Path, environment: Environment) -> str:
    """The text of a file, which may be standard input; it is not blank.

    Raises:
        UsageError: it cannot be read, is blank, or is no text.
    """
    from pfsolve.cli.input import read_input
    from pfsolve.problems import BadRow, read_problems

    data, name = read_input(file, environment)
    rows = read_problems(data, name=name, kind="text").rows  # a solution is a text like a problem
    if not rows:
        raise UsageError(
            f"{name} is empty: there is no solution to score", "put a blank line between two steps"
        )
    [text] = rows
    if isinstance(text, BadRow):
        raise UsageError(f"{name}: {text.reason}", "a solution is text in UTF-8")
    return text.text
