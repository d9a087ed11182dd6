"""`pfsolve PROBLEM`: argv and stdin in, an answer out. All work is done elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from pfsolve import settings as s

if TYPE_CHECKING:
    from pfsolve.environment import Environment
    from pfsolve.solver import Solution

_METHOD, _SAMPLING = "Method", "Sampling"
_MACHINE, _OUTPUT = "Models and machine", "Output"


def _option(
    panel: str, name: str, help: str, *short: str, choices: tuple[str, ...] = (), **more: Any
) -> Any:
    """An option with its environment variable, its choices, and the default that `Settings` has."""
    default = more.pop("default", None) or s.DEFAULTS.get(name.replace("-", "_"))
    return typer.Option(
        f"--{name}",
        *short,
        help=help if default in (None, False) else f"{help} (default: {default})",
        rich_help_panel=panel,
        metavar="|".join(choices) or None,
        envvar="PFSOLVE_" + name.upper().replace("-", "_"),
        show_default=False,
        **more,
    )


def solve(
    ctx: typer.Context,
    problem: Annotated[
        str | None, typer.Argument(help="The problem; - reads it from standard input.")
    ] = None,
    particles: Annotated[
        int | None, _option(_METHOD, "particles", "Partial solutions at a time, 1 to 256.", "-n")
    ] = None,
    reward: Annotated[
        str | None,
        _option(
            _METHOD,
            "reward",
            "What judges a step: the policy itself, or nothing.",
            choices=s.REWARDS,
        ),
    ] = None,
    max_steps: Annotated[
        int | None, _option(_METHOD, "max-steps", "Steps a particle may take.")
    ] = None,
    max_step_tokens: Annotated[
        int | None, _option(_METHOD, "max-step-tokens", "Tokens after which a step is cut.")
    ] = None,
    resampling: Annotated[
        str | None,
        _option(_METHOD, "resampling", "How survivors are drawn.", choices=s.RESAMPLING),
    ] = None,
    weights: Annotated[
        str | None,
        _option(
            _METHOD, "weights", "A step weighs its score, or the score's change.", choices=s.WEIGHTS
        ),
    ] = None,
    finished: Annotated[
        str | None,
        _option(
            _METHOD,
            "finished",
            "Finished particles stay in resampling, or are set aside.",
            choices=s.FINISHED,
        ),
    ] = None,
    ess_threshold: Annotated[
        float | None,
        _option(
            _METHOD,
            "ess-threshold",
            "Resample only when the effective sample size is below this share of the particles; "
            "needs ratio weights.",
            default="at every step",
        ),
    ] = None,
    softmax_temperature: Annotated[
        float | None, _option(_METHOD, "softmax-temperature", "Divides the scores' logits.")
    ] = None,
    final: Annotated[
        str | None, _option(_METHOD, "final", "How the answer is chosen.", choices=s.FINAL)
    ] = None,
    preset: Annotated[
        str | None,
        _option(
            _METHOD,
            "preset",
            "Settings of a published method; other options still win.",
            choices=tuple(s.PRESETS),
        ),
    ] = None,
    temperature: Annotated[
        float | None, _option(_SAMPLING, "temperature", "0 is greedy.", default="the policy's own")
    ] = None,
    top_p: Annotated[
        float | None, _option(_SAMPLING, "top-p", "Keep the likeliest tokens of this mass.")
    ] = None,
    top_k: Annotated[
        int | None, _option(_SAMPLING, "top-k", "Keep this many tokens, or all.", default="all")
    ] = None,
    min_p: Annotated[
        float | None,
        _option(_SAMPLING, "min-p", "Keep tokens of at least this share of the likeliest one's."),
    ] = None,
    seed: Annotated[
        int | None,
        _option(_SAMPLING, "seed", "The same seed gives the same result.", default="a new one"),
    ] = None,
    policy: Annotated[
        str | None,
        _option(
            _MACHINE,
            "policy",
            "A model's name, see pfsolve models list, or a GGUF file.",
            default="qwen2.5-coder-1.5b-instruct",
        ),
    ] = None,
    context: Annotated[
        int | None,
        _option(
            _MACHINE,
            "context",
            "Tokens of problem and solution a particle may hold.",
            default="2048, or the model's own limit",
        ),
    ] = None,
    threads: Annotated[
        int | None, _option(_MACHINE, "threads", "CPU threads.", default="physical cores")
    ] = None,
    gpu_layers: Annotated[
        str | None,
        _option(_MACHINE, "gpu-layers", "Layers on the GPU: a number, or auto.", default="auto"),
    ] = None,
    offline: Annotated[bool | None, _option(_MACHINE, "offline", "Never use the network.")] = None,
    json: Annotated[
        bool, _option(_OUTPUT, "json", "Print one JSON object with everything.")
    ] = False,
    raw: Annotated[
        bool, _option(_OUTPUT, "raw", "Print the answer's LaTeX as it is, also on a terminal.")
    ] = False,
    quiet: Annotated[
        bool, _option(_OUTPUT, "quiet", "Nothing but the answer and errors.", "-q")
    ] = False,
    verbose: Annotated[
        int, _option(_OUTPUT, "verbose", "Say more; -vv adds llama.cpp's log.", "-v", count=True)
    ] = 0,
) -> None:
    """Solve one problem."""
    from pfsolve.environment import Environment
    from pfsolve.errors import ExitCode, NoAnswer

    environment = Environment()
    if problem is None and environment.stdin_is_terminal:
        environment.err.print(ctx.find_root().get_help())
        raise typer.Exit(ExitCode.USAGE)
    flags = {name: value for name, value in ctx.params.items() if name in s.NAMES}
    config = s.read_config(environment.config_dir / "config.toml")
    merged = s.merge(config, flags)
    text = _read_problem(problem, environment)

    solution = _solve(text, merged, environment, quiet=quiet, verbose=verbose)
    if json:
        import json as json_module

        environment.stdout.write(json_module.dumps(solution.to_dict(), ensure_ascii=False) + "\n")
    elif solution.answer is not None:
        from pfsolve.display.answer import show

        show(solution, environment, quiet=quiet, raw=raw)
    if solution.interrupted:
        raise typer.Exit(ExitCode.INTERRUPTED)
    if solution.answer is None:
        raise NoAnswer(
            f"none of {len(solution.particles)} particles reached an answer",
            "try more --particles, another --seed, or a larger --max-steps or --context",
        )


def _read_problem(problem: str | None, environment: Environment) -> str:
    """The argument, or standard input for "-" and in a pipe.

    Raises:
        UsageError: there is nothing, or a pipe without "-" holds more than one line.
    """
    from pfsolve.errors import UsageError

    if problem is not None and problem != "-":
        text = problem
    else:
        text = environment.stdin.read()
        lines = [line for line in text.splitlines() if line.strip()]
        if problem is None and len(lines) > 1:
            raise UsageError(
                f"{len(lines)} lines on standard input, and one problem is solved at a time",
                "pfsolve - reads the whole input as one problem",
            )
    if not text.strip():
        raise UsageError("the problem is empty", 'try: pfsolve "Solve x^2=4"')
    return text


def _solve(
    problem: str, settings: s.Settings, environment: Environment, *, quiet: bool, verbose: int
) -> Solution:
    from pfsolve.cli.interrupt import TwoStageInterrupt
    from pfsolve.display.live import progress
    from pfsolve.display.pull import pull_progress
    from pfsolve.solver import Solver

    def log(line: str) -> None:
        environment.stderr.write(line + "\n")

    def notify() -> None:
        if not quiet:
            environment.err.print("finishing this step; Ctrl-C again stops at once", style="dim")

    with (
        pull_progress(environment, quiet=quiet) as pulls,
        progress(environment, quiet=quiet, verbose=verbose) as events,
        Solver(
            settings,
            environment=environment,
            listen=events,
            pull_listen=pulls,
            log=log if verbose >= 2 else None,
        ) as solver,
        TwoStageInterrupt(notify) as interrupt,
    ):
        return solver.solve(problem, stopping=interrupt.stopping)
