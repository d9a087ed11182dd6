"""`pfsolve reward`: how good is a reward? And a new one for a policy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pfsolve.cli import probe
from pfsolve.cli.help import subcommands
from pfsolve.cli.options import AsJson, Flags, Quiet, reading, taking
from pfsolve.errors import SomeFailed

if TYPE_CHECKING:
    from pfsolve.lab.evaluation.labelled import LabelledRow
    from pfsolve.solver.solver import Solver

app = subcommands("Measure rewards, and train one.")


@app.command("eval")
@taking("reward", "aggregate", "policy", "context", "threads", "gpu_layers", "offline")
def evaluate(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="Labelled solutions or rollouts, JSONL, or folders that --record has filled.",
        ),
    ],
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            metavar="N",
            min=1,
            help="Number of rows of each file to use, from the first on.",
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            "--threshold",
            metavar="X",
            min=0.0,
            max=1.0,
            help="Call a step wrong below this score; 0 to 1. (default: for each problem the best on the "
            "others)",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Keep the scores here, and use those that are there.",
        ),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    *,
    flags: Flags,
) -> None:
    """Measure a reward on labelled solutions and on saved rollouts."""
    from contextlib import ExitStack

    from pfsolve.cli.session import open_solver
    from pfsolve.display.output import Output
    from pfsolve.display.report.evaluation import complaint_lines, report_tables
    from pfsolve.display.surface import watching
    from pfsolve.environment import Environment
    from pfsolve.lab.evaluation.evaluate import evaluate as measure
    from pfsolve.lab.evaluation.labelled import read_labelled
    from pfsolve.lab.evaluation.scoring import score_rows
    from pfsolve.results.file import ResultsFile

    environment = Environment()
    out = Output(environment, as_json=as_json, quiet=quiet)
    settings = reading(environment, flags)
    rows: list[LabelledRow] = []
    malformed = 0
    for file in files:
        found = read_labelled(file)
        rows += found.rows[:limit]
        malformed += len(found.complaints)
        for line in (f"{file}: {found.describe()}", *complaint_lines(found.complaints)):
            out.note(line)
    with ExitStack() as stack:
        scores_file = None
        if output is not None:
            scores_file = stack.enter_context(ResultsFile(output, resume=True))
            out.note_each(scores_file.told)
        display = stack.enter_context(watching(environment, quiet=quiet))
        solver, stopping = stack.enter_context(
            open_solver(settings, environment, scoring=True, listen=display, quiet=quiet)
        )
        deciding = _deciding(solver)
        scores = score_rows(
            rows,
            solver.read_solution,
            deciding,
            output=scores_file,
            stopping=stopping,
            listen=display,
        )
    for line in complaint_lines(scores.complaints):
        out.note(line)
    report = measure(rows, scores, deciding, threshold=threshold, malformed=malformed)
    out.give(report.to_json(), lambda: report_tables(report))
    if report.left_out:
        raise SomeFailed(f"{report.left_out} of {report.left_out + report.rows} rows are left out")


def _deciding(solver: Solver) -> dict[str, object]:
    """All that scores depend on: the settings that concern them, and the hashes of the models."""
    names = ("policy", "reward", "aggregate")
    chosen = {name: getattr(solver.settings, name, None) for name in names}
    hashes = {name: of for name, of in solver.versions.items() if name.endswith("sha256")}
    return {**chosen, **hashes}


app.command("train")(probe.train)
app.command("show")(probe.show)
