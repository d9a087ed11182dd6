"""`pfsolve bench`: from options to `pfsolve.lab.bench`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pfsolve.cli.completion import among
from pfsolve.cli.options import AsJson, Flags, Quiet, taking
from pfsolve.errors import UsageError
from pfsolve.settings import MAX_PARTICLES, METHODS, merge, refuse_idle

if TYPE_CHECKING:
    from pfsolve.lab.bench.plan import BenchRun


@taking(
    "reward",
    "time",
    "temperature",
    "parallel",
    "policy",
    "context",
    "kv_type",
    "threads",
    "gpu_layers",
    "offline",
)
def bench(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Problems with answers, JSON or CSV.")
    ],
    method: Annotated[
        list[str] | None,
        typer.Option(
            "--method",
            metavar="METHOD",
            help='A method to compare; repeatable, with settings of its own: "pf weights=ratio". sc, bon '
            "and wbon (weighted best-of-n) follow from one set of rollouts. (default: pf, sc, and "
            "with a reward wbon)",
            autocompletion=among(*METHODS, "wbon"),
            show_default=False,
        ),
    ] = None,
    sizes: Annotated[
        str,
        typer.Option(
            "--sizes", metavar="N,N,...", help="Numbers of particles, separated by commas."
        ),
    ] = "1,4,8",
    rollouts: Annotated[
        int | None,
        typer.Option(
            "--rollouts",
            metavar="N",
            min=1,
            max=MAX_PARTICLES,
            help="Number of rollouts of a problem with each seed; for sc, bon and wbon. (default: the "
            "largest size)",
            show_default=False,
        ),
    ] = None,
    seeds: Annotated[
        int,
        typer.Option(
            "--seeds", metavar="N", min=1, help="Number of seeds; every run is repeated with each."
        ),
    ] = 1,
    baseline: Annotated[
        str | None,
        typer.Option(
            "--baseline",
            metavar="sc|bon|wbon",
            help="What the others are measured against.",
            autocompletion=among("sc", "bon", "wbon"),
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", metavar="N", min=1, help="Number of rows to use, from the first on."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write results here, a JSON object a line; what is there is not done again. (default: "
            "NAME.bench.jsonl beside NAME.jsonl)",
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            "--plot", metavar="FILE", help="Draw accuracy against tokens; .png, .svg or .pdf."
        ),
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option(
            "--record",
            metavar="DIR",
            help="Keep full records in this folder; each run has a folder of its own there.",
        ),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    *,
    flags: Flags,
) -> None:
    """Compare methods on problems with answers: at equal particles, and at equal tokens."""
    from pfsolve.cli.session import open_solver
    from pfsolve.display.file import FileView
    from pfsolve.display.output import Output
    from pfsolve.display.report.comparison import check_plot, comparison_tables, draw_comparison
    from pfsolve.display.surface import watching
    from pfsolve.environment import Environment
    from pfsolve.lab.bench.plan import ROLLOUT_METHOD, make_plan
    from pfsolve.lab.bench.report import compare
    from pfsolve.lab.bench.run import Session, run_all
    from pfsolve.models.defaults import default_policies
    from pfsolve.models.resolve import look_up_policy
    from pfsolve.problems import read_answered
    from pfsolve.results.file import ResultsFile, read_solved
    from pfsolve.results.run_record import RunRecords, file_name
    from pfsolve.rewards.kinds import check_reward, choose_reward
    from pfsolve.solver.finding import check_policy
    from pfsolve.solver.profiles import layers

    environment = Environment()
    out = Output(environment, as_json=as_json, quiet=quiet)
    if plot is not None:
        check_plot(plot)
    base = layers(environment, flags)
    # A method of the config file has no say here.
    settings = merge(*base, ROLLOUT_METHOD | {"final": "vote"})
    # One policy for all runs, since what there is to compare depends on it.
    if settings.policy is None:
        policy = next(default_policies(environment, offline=settings.offline))
    else:
        policy = look_up_policy(settings.policy, environment)
    reward = choose_reward(settings, policy.name, environment)
    usual = ("pf", "sc") if reward == "none" else ("pf", "sc", "wbon")
    plan = make_plan(method or usual, _numbers(sizes), rollouts, range(seeds), baseline)
    problems = read_answered(file).problems[:limit]
    runs = plan.runs(scored=reward != "none")
    for run in runs:  # what is wrong with any of them is said before the first
        own = merge(*base, run.layer)
        refuse_idle(own, run.layer)
        check_reward(choose_reward(own, policy.name, environment), environment)
        check_policy(own, policy)
    path = output or file.with_name(f"{file.name.split('.')[0]}.bench.jsonl")

    @contextmanager
    def session(run: BenchRun) -> Iterator[Session]:
        title = f"{run.label}, n {run.particles}, seed {run.seed}"
        out.note(title)
        records = None if record is None else RunRecords(record / file_name(title))
        with (
            watching(environment, FileView(), quiet=quiet) as display,
            open_solver(
                merge(*base, run.layer, {"policy": settings.policy or policy.name}),
                environment,
                listen=display,
                problems=len(problems),
                quiet=quiet,
            ) as (solver, stopping),
        ):
            yield Session(solver, stopping, display, records)

    if record is not None:
        RunRecords(record)  # refused before anything is fetched
    with ResultsFile(path, resume=True) as results:
        out.note_each(results.told)
        if settings.policy is None:
            with watching(environment, quiet=quiet) as display:
                policy.fetch(environment, offline=settings.offline, listen=display)
        hashes = run_all(runs, problems, session, results)
    facts = {"file": file.name, "problems": len(problems), "reward": reward}
    ids = [problem.id for problem in problems]
    comparison = compare(plan, runs, hashes, ids, read_solved(path).records, facts)
    if plot is not None:
        draw_comparison(comparison, plot)
    out.give(comparison.to_json(), lambda: comparison_tables(comparison))


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"--sizes is {text!r}", "separate numbers by commas: 1,4,8") from None
