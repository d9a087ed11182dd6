"""`pfsolve programs`: build, check and use the sandbox in which programs of the policy run."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from pfsolve.cli.help import subcommands
from pfsolve.cli.options import AsJson, Quiet

app = subcommands("Build, check and use the sandbox of programs.")


@app.command()
def build(
    again: Annotated[
        bool, typer.Option("--again", help="Build it anew even if it is there.")
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Build the sandbox, if it is not on this disk yet, and print its path."""
    from pfsolve.display.output import Output
    from pfsolve.display.surface import watching
    from pfsolve.environment import Environment
    from pfsolve.programs import build as make

    environment = Environment()
    directory = environment.programs_dir
    with watching(environment, quiet=quiet) as listen:
        built = make.build(
            directory, listen=listen, instead_of=make.find(directory) if again else None
        )
    facts = {**dataclasses.asdict(built), "path": str(built.path)}
    Output(environment, as_json=as_json).give(facts, lambda: [str(built.path)])


@app.command()
def verify(as_json: AsJson = False) -> None:
    """Hash the sandbox, compare, and run a few programs in it."""
    from pfsolve.display.output import Output
    from pfsolve.environment import Environment
    from pfsolve.errors import ProgramsUnavailable
    from pfsolve.programs.build import find
    from pfsolve.programs.sandbox import WorkerSandbox

    environment = Environment()
    found = find(environment.programs_dir)
    if found is None:
        raise ProgramsUnavailable(
            "the sandbox of programs is not built yet", "`pfsolve programs build` builds it"
        )
    with WorkerSandbox(found) as sandbox:
        walls = sandbox.walls
    facts = {"path": str(found.path), "good": True, "walls": walls}
    around = f"  (WebAssembly, {', '.join(walls)})" if walls else "  (WebAssembly)"
    Output(environment, as_json=as_json).give(facts, lambda: [f"good  {found.path}{around}"])


@app.command()
def run(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A Python program; - for standard input.")
    ],
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Run a program in the sandbox and print what it prints; its answer is told on stderr."""
    from pfsolve.cli.input import read_input
    from pfsolve.display.output import Output
    from pfsolve.display.surface import watching
    from pfsolve.environment import Environment
    from pfsolve.errors import PfsolveError
    from pfsolve.programs import open_sandbox

    environment = Environment()
    content, _ = read_input(file, environment)
    with watching(environment, quiet=quiet) as listen:
        sandbox = open_sandbox(environment.programs_dir, threads=1, listen=listen)
    [result] = sandbox.run([content.decode(errors="replace")])
    sandbox.close()
    output = Output(environment, as_json=as_json, quiet=quiet)
    facts = {**dataclasses.asdict(result), "answer": result.answer}
    printed = result.output.removesuffix("\n")
    output.give(facts, lambda: [printed] if printed else [])
    if result.error is not None:
        raise PfsolveError(result.error)
    output.note(f"Answer: {result.answer or 'none'}")
