"""`pfsolve PROBLEM` and its options: argv and stdin in, answers out. All work is done elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pfsolve import settings as s

if TYPE_CHECKING:
    from pfsolve.environment import Environment
    from pfsolve.problems import ProblemFile

_FILES = "Many problems"
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
    file: Annotated[
        Path | None,
        _option(
            _FILES,
            "file",
            "A file of problems: text, one a line, or JSONL, CSV, each also with .gz.",
            "-f",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        _option(_FILES, "output", "Write results here, a JSON object a line.", "-o"),
    ] = None,
    resume: Annotated[
        bool, _option(_FILES, "resume", "Go on with the output of an earlier run.")
    ] = False,
    input: Annotated[
        str | None,
        _option(
            _FILES,
            "input",
            "How to read the problems; text is the whole as one.",
            choices=s.INPUTS,
            default="auto",
        ),
    ] = None,
    field: Annotated[
        list[str] | None,
        _option(
            _FILES,
            "field",
            "Name of the field or column with the problem; answer=NAME and id=NAME for those.",
        ),
    ] = None,
    parallel: Annotated[
        str | None,
        _option(
            _FILES,
            "parallel",
            "Problems side by side: a number, or auto for a full batch.",
            default="auto",
        ),
    ] = None,
    shard: Annotated[
        str | None,
        _option(_FILES, "shard", "Solve part i of n of the file, as i/n."),
    ] = None,
    unordered: Annotated[
        bool, _option(_FILES, "unordered", "Print answers as they come, not in the file's order.")
    ] = False,
    method: Annotated[
        str | None,
        _option(
            _METHOD,
            "method",
            "How solutions are searched for: particle filters, particle Gibbs, islands, tempering, "
            "beams, or samples without a search.",
            choices=tuple(s.METHODS),
        ),
    ] = None,
    particles: Annotated[
        int | None, _option(_METHOD, "particles", "Partial solutions at a time, 1 to 256.", "-n")
    ] = None,
    reward: Annotated[
        str | None,
        _option(
            _METHOD,
            "reward",
            "What judges a step: a probe of the policy, the policy itself, or a process reward model.",
            choices=(*s.REWARDS, "MODEL"),
            default="{}, or {} for a policy without one".format(*s.DEFAULT_REWARDS),
        ),
    ] = None,
    aggregate: Annotated[
        str | None,
        _option(
            _METHOD,
            "aggregate",
            "How steps' scores become a solution's.",
            choices=s.AGGREGATIONS,
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
    deduplicate: Annotated[
        bool | None,
        _option(
            _METHOD,
            "deduplicate",
            "Particles that have written the same share one weight.",
        ),
    ] = None,
    final: Annotated[
        str | None,
        _option(
            _METHOD,
            "final",
            "How the answer is chosen; beam, dvts and bon take argmax, sc takes vote.",
            choices=s.FINAL,
        ),
    ] = None,
    early_stop: Annotated[
        bool | None,
        _option(
            _METHOD,
            "early-stop",
            "End a search once its unfinished particles cannot change the vote.",
        ),
    ] = None,
    sweeps: Annotated[
        int | None,
        _option(_METHOD, "sweeps", "Runs of the filter that pg and tempering make."),
    ] = None,
    islands: Annotated[
        int | None, _option(_METHOD, "islands", "Filters that share the particles of islands.")
    ] = None,
    ladder: Annotated[
        str | None,
        _option(
            _METHOD,
            "ladder",
            "Softmax temperatures of tempering's chains, hottest first.",
            default="2,1",
        ),
    ] = None,
    beam_width: Annotated[
        int | None, _option(_METHOD, "beam-width", "Ways in which beam and dvts expand a beam.")
    ] = None,
    expected_steps: Annotated[
        int | None,
        _option(_METHOD, "expected-steps", "Steps entropic expects of a solution."),
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
    record: Annotated[
        Path | None,
        _option(_OUTPUT, "record", "Keep a full record of each run in this folder."),
    ] = None,
    json: Annotated[
        bool, _option(_OUTPUT, "json", "Print one JSON object a problem, with everything.")
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
    """Solve a problem, or a file of them."""
    from pfsolve.cli.many import solve_file
    from pfsolve.cli.one import solve_one
    from pfsolve.cli.session import RunOptions
    from pfsolve.display.output import Output
    from pfsolve.environment import Environment
    from pfsolve.errors import ExitCode, UsageError
    from pfsolve.problems import Problem, parse_fields

    environment = Environment()
    if problem is None and file is None and environment.stdin_is_terminal:
        environment.err.print(ctx.find_root().get_help())
        raise typer.Exit(ExitCode.USAGE)
    flags = {name: value for name, value in ctx.params.items() if name in s.NAMES}
    config = s.read_config(environment.config_dir / "config.toml")
    merged = s.merge(config, flags)

    options = RunOptions(output, resume, shard, unordered, record, json, raw, quiet, verbose)
    many = output is not None or resume or shard is not None
    if problem is not None:
        if file is not None:
            raise UsageError(f"both a problem and --file {file}", "give one of them")
        if many:
            raise UsageError("--output, --resume and --shard go with a file", "give it with -f")
        if problem != "-":
            solve_one(problem, merged, options, environment)
            return
        input = "text"
    problems = _read(file, environment, input or "auto", parse_fields(field or ()))
    # A lone problem in a pipe, or one read as a whole, is solved as if it were an argument.
    alone = problems.kind == "text" or (problems.kind == "lines" and file is None)
    if alone and not many and len(problems.rows) == 1 and isinstance(problems.rows[0], Problem):
        solve_one(problems.rows[0].text, merged, options, environment)
        return
    Output(environment, quiet=quiet).note(f"{file or 'standard input'}: {problems.describe()}")
    solve_file(problems, merged, options, environment)


def _read(
    file: Path | None, environment: Environment, kind: str, fields: dict[str, str]
) -> ProblemFile:
    """The problems of a file, or of standard input where there is none.

    Raises:
        UsageError: the file cannot be read, or not in this way, or is empty.
    """
    from pfsolve.errors import UsageError
    from pfsolve.problems import read_problems

    if file is None or str(file) == "-":
        data, name = environment.read_stdin(), "standard input"
    else:
        name = str(file)
        try:
            data = file.read_bytes()
        except OSError as error:
            raise UsageError(f"cannot read {file}: {error.strerror}", "check the path") from error
    problems = read_problems(data, name=name, kind=kind, fields=fields)
    if not problems.rows:
        hint = 'try: pfsolve "Solve x^2=4"' if file is None else "give one problem a line"
        raise UsageError(f"{name} is empty: there is no problem to solve", hint)
    return problems
