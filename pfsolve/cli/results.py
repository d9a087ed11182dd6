"""`pfsolve results`: what results files add up to, and joining those of a run in parts."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from pfsolve.cli.help import subcommands
from pfsolve.cli.options import AsJson

app = subcommands("Sum up and join results files.")

Files = Annotated[
    list[Path], typer.Argument(metavar="FILE...", help="Results files, as -o writes them.")
]


@app.command()
def summary(files: Files, as_json: AsJson = False) -> None:
    """Print accuracy, tokens and time, for each setting there are results of."""
    from pfsolve.display.output import Output
    from pfsolve.display.report.summary import summary_table
    from pfsolve.environment import Environment
    from pfsolve.errors import UsageError
    from pfsolve.results.file import fault_lines, read_solved
    from pfsolve.results.summary import summarise

    output = Output(Environment(), as_json=as_json)
    contents = [read_solved(path) for path in files]
    for path, each in zip(files, contents, strict=True):
        for line in fault_lines(each.faults):
            output.note(f"{path}, {line}; left out")
    summaries = summarise(record for each in contents for record in each.records)
    if not summaries:
        raise UsageError("there are no results yet", "pfsolve -f problems.jsonl -o results.jsonl")
    rows = [
        dataclasses.asdict(each) | {"accuracy": each.accuracy, "interval": each.interval}
        for each in summaries
    ]
    output.give(rows, lambda: [summary_table(summaries)])


@app.command()
def merge(
    files: Files,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Write them here, not to standard output."
        ),
    ] = None,
) -> None:
    """Join the parts of a run that was split by --shard, and check them."""
    from pfsolve.display.output import Output
    from pfsolve.environment import Environment
    from pfsolve.errors import SomeFailed
    from pfsolve.results.file import ResultsFile, read_solved
    from pfsolve.results.merge import merge as join
    from pfsolve.results.merge import missing

    records = join({path: read_solved(path) for path in files})
    if output is None:
        lines = Output(Environment(), as_json=True)
        for record in records:
            lines.give(record)
    else:
        with ResultsFile(output) as file:
            for record in records:
                file.write(record)
    rows, shards = missing(records)
    if rows:
        raise SomeFailed(
            f"{rows} of {len(records) + rows} problems have no result yet",
            f"missing: shard {', '.join(shards)}"
            if shards
            else "add --resume to the run's command",
        )
