"""`pfsolve show`: a run that is over, once more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pfsolve.cli.options import AsJson
from pfsolve.errors import UsageError

if TYPE_CHECKING:
    from pfsolve.display.output import Output
    from pfsolve.results.history import KeptRun
    from pfsolve.results.line import ResultLine

Run = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        show_default=False,
        help="1 for the last run, 2 for the one before it, an id, or a record's path. (default: 1)",
    ),
]


def show(
    run: Run = "1",
    every: Annotated[
        bool, typer.Option("--all", help="Show what each of the particles has written.")
    ] = False,
    listed: Annotated[bool, typer.Option("--list", help="List the runs that are kept.")] = False,
    as_json: AsJson = False,
    raw: Annotated[bool, typer.Option("--raw", help="Show LaTeX as it is.")] = False,
) -> None:
    """Show the solution of a problem once more, or all that was written."""
    from pfsolve.display.columns import Table
    from pfsolve.display.output import Output
    from pfsolve.environment import Environment
    from pfsolve.results.history import History

    environment = Environment()
    history = History(environment.state_dir)
    output = Output(environment, as_json=as_json, raw=raw)
    if listed and every:
        raise UsageError("--list and --all do not go together", "give one of them")
    if listed:
        header = ("run", "id", "when", "answer", "problem")
        rows = [(number, *_row(kept)) for number, kept in enumerate(history.runs(), 1)]
        values = [dict(zip(header, row, strict=True)) for row in rows]
        cells = [["" if cell is None else str(cell) for cell in row] for row in rows]
        output.give(values, lambda: [Table(header, cells, prose=True, spare=("id", "when"))])
        return
    line = history.find(run)
    print_run(line, output, every=every, more="--all")


def print_run(line: ResultLine, output: Output, *, every: bool, more: str) -> None:
    """The problem, the solution and the answer.

    Args:
        line: with its particles.
        every: also what each of the particles wrote.
        more: how one asks for that.
    """
    from pfsolve.display.solution import all_answers, summary, whole_run

    output.give(line, lambda: whole_run(line, every=every))
    hint = None if every or not line["particles"] else f"{more} shows every particle"
    output.aside(summary(line, verbose=every, hint=hint))
    for answer in all_answers(line) if every else []:
        output.aside(answer)


def _row(kept: KeptRun) -> tuple[str, str | None, str | None, str | None]:
    """Id, time, answer and problem of a run; the id alone where it cannot be read."""
    from datetime import datetime

    from pfsolve.wording import one_line

    try:
        line = kept.read()
    except UsageError:
        return kept.id, None, None, None
    at = line.get("at")
    when = at and f"{datetime.fromisoformat(at).astimezone():%Y-%m-%d %H:%M}"
    answer, problem = line["answer"], line["problem"] or ""
    return (
        kept.id,
        when,
        None if answer is None else one_line(answer),
        one_line(problem),
    )
