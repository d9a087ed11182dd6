"""`pfsolve reward train` and `pfsolve reward show`: the head of a policy's probe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pfsolve.cli.options import AsJson, Flags, Quiet, settled, taking
from pfsolve.settings import MAX_PARTICLES

if TYPE_CHECKING:
    from pfsolve.solver.solver import Solver


@taking("policy", "context", "threads", "gpu_layers", "offline")
def train(
    labelled: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE...", help="Files of solutions whose first wrong step is known, JSONL."
        ),
    ] = None,
    problems: Annotated[
        list[Path] | None,
        typer.Option(
            "--problems",
            metavar="FILE",
            help="A file of problems with answers, for the policy to solve; repeatable.",
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            metavar="N",
            min=1,
            help="Number of problems of each file to solve, from the first on.",
        ),
    ] = None,
    rollouts: Annotated[
        int,
        typer.Option(
            "--rollouts",
            metavar="N",
            min=1,
            max=MAX_PARTICLES,
            help="Number of solutions of a problem.",
        ),
    ] = 8,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write the head here, for --reward FILE; its name ends in .npz. (default: it becomes the "
            "policy's own, for --reward probe)",
        ),
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option(
            "--keep",
            metavar="DIR",
            help="Folder for what has been read and written, for a later run.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Random seed.")] = 0,
    as_json: AsJson = False,
    quiet: Quiet = False,
    *,
    flags: Flags,
) -> None:
    """Train the probe of a policy: a reward from its own hidden states."""
    from pfsolve.cli.session import open_solver
    from pfsolve.display.output import Output
    from pfsolve.display.report.evaluation import complaint_lines
    from pfsolve.display.report.probe import probe_tables
    from pfsolve.display.surface import watching
    from pfsolve.environment import Environment
    from pfsolve.lab.training.collect import INDEPENDENT, Collector
    from pfsolve.lab.training.files import read_files
    from pfsolve.lab.training.material import Folder
    from pfsolve.lab.training.recorder import Recorder
    from pfsolve.lab.training.train import train as fit
    from pfsolve.rewards.probe.files import check_output, own_file

    environment = Environment()
    out = Output(environment, as_json=as_json, quiet=quiet)
    if output is not None:
        check_output(output)
    files = read_files(labelled or [], problems or [], limit)
    for line in complaint_lines(files.complaints):
        out.note(line)
    settings = settled(environment, flags, INDEPENDENT | {"particles": rollouts})
    recorder = Recorder()
    folder = Folder(keep or environment.models_dir / ".training")
    with (
        watching(environment, quiet=quiet) as display,
        open_solver(
            settings,
            environment,
            listen=display,
            problems=files.problem_count,
            quiet=quiet,
            reward=recorder,
        ) as (solver, stopping),
    ):
        facts = _policy(solver)
        collector = Collector(solver, recorder, facts["policy_sha256"], folder, stopping, display)
        keys = [
            key for name, rows in files.labelled.items() for key in collector.labelled(name, rows)
        ]
        for name, rows in files.problems.items():
            keys += collector.rollouts(name, rows, seed)
    with watching(environment, quiet=quiet) as display:
        trained = fit(list(folder.read(keys)), seed=seed, listen=display)
    given = {
        "limit": limit,
        "rollouts": rollouts,
        "seed": seed,
        "policy": settings.policy or facts["policy"],
        "context": settings.context,
    }
    about = {
        **facts,
        "command": _command(labelled or [], problems or [], given),
        "files": files.facts,
        "measured": trained.to_json(),
    }
    path = output or own_file(facts["policy"], environment.config_dir)
    replace(trained.head, about=about).save(path)
    out.give(about | {"path": str(path)}, lambda: probe_tables(about, path))


@taking("policy")
def show(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE", help="A head; by default what --reward probe means for the policy."
        ),
    ] = None,
    as_json: AsJson = False,
    *,
    flags: Flags,
) -> None:
    """Show what a probe was made from, and how good it is."""
    from pfsolve.display.output import Output
    from pfsolve.display.report.probe import probe_tables
    from pfsolve.environment import Environment
    from pfsolve.models.defaults import expected_name
    from pfsolve.rewards.probe.files import find_head
    from pfsolve.rewards.probe.head import read_head

    environment = Environment()
    path = file or find_head(
        "probe",
        expected_name(settled(environment, flags).policy, environment),
        environment.config_dir,
    )
    about = read_head(path).about
    out = Output(environment, as_json=as_json)
    out.give(about | {"path": str(path)}, lambda: probe_tables(about, path))


def _policy(solver: Solver) -> dict[str, str]:
    """Which policy the head is for; a file of the user's own is hashed for it."""
    from pfsolve.files import sha256_of

    sha256 = solver.versions["policy_sha256"]
    if sha256 == "unknown":
        sha256 = sha256_of(solver.policy.model.facts.path)
    assert solver.settings.policy is not None  # the solver has found its name
    return {
        "policy": solver.settings.policy,
        "policy_sha256": sha256,
        "pfsolve": solver.versions["pfsolve"],
    }


def _command(labelled: list[Path], problems: list[Path], options: Mapping[str, object]) -> str:
    """The command that makes this head, with the files' names alone."""
    import shlex

    words = ["pfsolve", "reward", "train", *(path.name for path in labelled)]
    for path in problems:
        words += ["--problems", path.name]
    for name, value in options.items():
        if value is not None:
            words += [f"--{name}", str(value)]
    return shlex.join(words)
