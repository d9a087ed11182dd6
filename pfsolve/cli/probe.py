"""`pfsolve reward train` and `pfsolve reward show`: the head of a policy's probe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pfsolve.cli.options import AsJson, Flags, Quiet, settled, taking
from pfsolve.settings import MAX_PARTICLES

if TYPE_CHECKING:
    from pfsolve.environment import Environment
    from pfsolve.lab.training.files import TrainingFile
    from pfsolve.lab.training.material import Folder
    from pfsolve.settings import Settings


@taking("seed", "policy", "context", "threads", "gpu_layers", "offline")
def train(
    problems: Annotated[
        list[Path] | None,
        typer.Option(
            "--problems",
            metavar="FILE",
            help="A file of problems with answers, for the policy to solve; repeatable. (default: none, to "
            "learn from what the folder of --keep holds)",
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
            help="Folder for what the policy has written; all that it holds is learnt from.",
        ),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    *,
    flags: Flags,
) -> None:
    """Train the probe of a policy: a reward from its own hidden states."""
    from pfsolve.display.output import Output
    from pfsolve.display.report.probe import probe_tables
    from pfsolve.display.surface import watching
    from pfsolve.environment import Environment
    from pfsolve.errors import UsageError
    from pfsolve.lab.training.collect import INDEPENDENT
    from pfsolve.lab.training.files import read_files
    from pfsolve.lab.training.material import Folder, origin_of
    from pfsolve.lab.training.train import train as fit
    from pfsolve.models.defaults import expected_policy
    from pfsolve.rewards.probe.files import check_output, check_own_folder, own_file

    environment = Environment()
    out = Output(environment, as_json=as_json, quiet=quiet)
    if output is not None:
        check_output(output)
    else:
        check_own_folder(environment.config_dir)
    files = read_files(problems or [], limit)
    folder = Folder(keep or environment.models_dir / ".training")
    asked = settled(environment, flags)
    policy, seed = expected_policy(asked.policy, environment).name, asked.seed or 0
    if files:
        for file in files:
            if file.unusable:
                out.note(f"{file.name}: rows without an answer, {file.unusable}")
        settings = settled(environment, flags, INDEPENDENT | {"particles": rollouts})
        policy = _collect(settings, environment, files, folder, seed, quiet)
    items = list(folder.read(policy))
    if not items:
        raise UsageError(
            f"{folder.path} holds nothing that {policy} has written",
            "give files of problems with answers: --problems FILE",
        )
    origin = origin_of(items)
    with watching(environment, quiet=quiet) as display:
        trained = fit(items, seed=seed, listen=display)
    about = origin | {"seed": seed} | trained.to_json()
    path = output or own_file(policy, environment.config_dir)
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
    from pfsolve.models.defaults import expected_policy
    from pfsolve.rewards.probe.files import find_head
    from pfsolve.rewards.probe.head import read_head

    environment = Environment()
    path = file or find_head(
        "probe",
        expected_policy(settled(environment, flags).policy, environment).name,
        environment.config_dir,
    )
    about = read_head(path).about
    out = Output(environment, as_json=as_json)
    out.give(about | {"path": str(path)}, lambda: probe_tables(about, path))


def _collect(
    settings: Settings,
    environment: Environment,
    files: Sequence[TrainingFile],
    folder: Folder,
    seed: int,
    quiet: bool,
) -> str:
    """Let the policy solve the problems; its name."""
    from pfsolve.cli.session import open_solver
    from pfsolve.display.surface import watching
    from pfsolve.files import FINGERPRINT, sha256_of
    from pfsolve.lab.training.collect import collect
    from pfsolve.lab.training.recorder import Recorder

    recorder = Recorder()
    with (
        watching(environment, quiet=quiet) as display,
        open_solver(
            settings,
            environment,
            listen=display,
            problems=sum(len(file.problems) for file in files),
            quiet=quiet,
            reward=recorder,
        ) as (solver, stopping),
    ):
        sha256 = solver.versions["policy_sha256"]
        if sha256.startswith(FINGERPRINT):  # a file of the user's own
            sha256 = sha256_of(solver.policy.model.facts.path)
        for file in files:
            collect(solver, recorder, sha256, file, folder, seed, stopping, display)
        assert solver.settings.policy is not None  # the solver has found its name
        return solver.settings.policy
