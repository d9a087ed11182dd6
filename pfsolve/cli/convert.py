"""`pfsolve models convert`: a checkpoint of a process reward model, made ready for llama.cpp."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pfsolve.cli.completion import among, models
from pfsolve.cli.options import AsJson, Flags, Quiet, taking
from pfsolve.settings import merge


@taking("offline")
def convert(
    checkpoint: Annotated[
        str,
        typer.Argument(
            metavar="CHECKPOINT",
            autocompletion=models,
            help="A model's name from `list`, a repository on the Hub (owner/name), or a directory.",
        ),
    ],
    kind: Annotated[
        str | None,
        typer.Option(
            "--type",
            metavar="F16|Q8_0|Q4_K_M",
            help="Type of its weights. (default: the model's own, else Q8_0)",
            autocompletion=among("F16", "Q8_0", "Q4_K_M"),
        ),
    ] = None,
    like: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            autocompletion=models,
            help="It reads a solution as this known model does.",
        ),
    ] = None,
    to: Annotated[Path | None, typer.Option(metavar="DIR", help="Write the files there.")] = None,
    head_only: Annotated[
        bool, typer.Option("--head-only", help="Write the head alone, without fetching the rest.")
    ] = False,
    revision: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Branch, tag or commit of the repository."),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    *,
    flags: Flags,
) -> None:
    """Make a checkpoint a GGUF: that of a process reward model of the Qwen2 family; print its path."""
    from pfsolve.convert.job import plan
    from pfsolve.convert.run import convert as run
    from pfsolve.display.output import Output
    from pfsolve.display.surface import watching
    from pfsolve.engine.quantize import quantize
    from pfsolve.environment import Environment
    from pfsolve.models.catalogue import load_catalogue
    from pfsolve.models.store import Store
    from pfsolve.solver.profiles import layers

    environment = Environment()
    catalogue = load_catalogue(environment.config_dir)
    store = Store(environment.models_dir)
    job = plan(
        checkpoint,
        catalogue,
        store,
        kind=kind,
        like=like,
        folder=to,
        revision=revision,
        offline=merge(*layers(environment, flags)).offline or environment.offline,
    )
    entries = tuple(catalogue.entries.values())
    with watching(environment, quiet=quiet) as listen:
        files = run(job, store, entries, quantize, head_only=head_only, listen=listen)
    paths = {"path": files.gguf, "head": files.head, "spec": files.spec}
    facts: dict[str, str | None] = {"name": job.name, "type": job.kind}
    facts |= {key: str(path) if path else None for key, path in paths.items()}
    Output(environment, as_json=as_json).give(facts, lambda: [str(files.gguf or files.head)])
