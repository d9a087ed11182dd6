"""`pfsolve PROBLEM` and its options: argv and stdin in, answers out. All work is done elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pfsolve.cli.completion import among
from pfsolve.cli.help import UNNAMED, complain_with_help
from pfsolve.cli.mistaken import the_problem
from pfsolve.cli.options import Flags, Version, settled, taking
from pfsolve.errors import UsageError
from pfsolve.settings import FILES, OUTPUT, SETTINGS

if TYPE_CHECKING:
    from pfsolve.environment import Environment
    from pfsolve.problems import ProblemFile


def _option(panel: str, *names: str, **how: Any) -> Any:
    return typer.Option(*names, rich_help_panel=panel, show_default=False, **how)


WithSolution = Annotated[
    bool | None,
    _option(
        OUTPUT,
        "--solution/--no-solution",
        help="Print the solution before the answer. (default: on a terminal)",
    ),
]
Raw = Annotated[bool, _option(OUTPUT, "--raw", help="Print LaTeX as it is, also on a terminal.")]
AnswerAlone = Annotated[
    bool, _option(OUTPUT, "--quiet", "-q", help="Nothing but the answer and errors.")
]
Verbose = Annotated[
    int, _option(OUTPUT, "--verbose", "-v", count=True, help="Say more; -vv adds llama.cpp's log.")
]


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the command line says beside the problem and the settings, and how it says it."""

    files: Annotated[
        list[Path] | None,
        _option(
            FILES,
            "--file",
            "-f",
            metavar="FILE",
            help="A file of problems: text with one a line, JSON or CSV, each also with .gz.",
        ),
    ] = None
    output: Annotated[
        Path | None,
        _option(
            FILES,
            "--output",
            "-o",
            metavar="FILE",
            help="Write results here, a JSON object a line.",
        ),
    ] = None
    resume: Annotated[
        bool, _option(FILES, "--resume", help="Resume the run that wrote the output.")
    ] = False
    kind: Annotated[
        str,
        _option(
            FILES,
            "--input",
            metavar="auto|lines|text|jsonl|csv",
            autocompletion=among("auto", "lines", "text", "jsonl", "csv"),
            help="How to read the problems; text is the whole as one. (default: auto)",
        ),
    ] = "auto"
    fields: Annotated[
        list[str] | None,
        _option(
            FILES,
            "--field",
            metavar="[KEY=]NAME",
            help="Field or column with the problem, or a path: prompt.0.content; answer=NAME and id=NAME for "
            "those.",
        ),
    ] = None
    shard: Annotated[
        str | None,
        _option(
            FILES, "--shard", metavar="I/N", help="Solve part I of N of the file, such as 2/4."
        ),
    ] = None
    unordered: Annotated[
        bool,
        _option(FILES, "--unordered", help="Print answers as they come, not in the file's order."),
    ] = False
    record: Annotated[
        Path | None,
        _option(
            OUTPUT,
            "--record",
            metavar="DIR",
            help="Keep a full record of each run in this folder.",
        ),
    ] = None
    json: Annotated[
        str | None,
        _option(
            OUTPUT,
            "--json",
            metavar="[full]",
            help="Print a JSON object for each problem; full: with all particles.",
        ),
    ] = None
    solution: WithSolution = None
    raw: Raw = False
    quiet: AnswerAlone = False
    verbose: Verbose = 0

    def __post_init__(self) -> None:
        if self.json not in (None, "brief", "full"):
            raise UsageError(
                f"--json is {self.json!r}, which is unknown", "write --json or --json full"
            )
        if len(self.files or ()) > 1:
            raise UsageError(
                f"--file is there {len(self.files or ())} times",
                "give one file at a time, or all of them in a pipe: cat a.txt b.txt | pfsolve",
            )

    @property
    def file(self) -> Path | None:
        """The file of problems, if one is given."""
        return self.files[0] if self.files else None

    @property
    def need_file(self) -> bool:
        """Whether even a single line is to be treated as a file of problems."""
        return self.output is not None or self.resume or self.shard is not None

    def idle_alone(self, flags: Flags) -> list[str]:
        """The options that say nothing to a single problem."""
        given = {
            "--output": self.output is not None,
            "--resume": self.resume,
            "--shard": self.shard is not None,
            "--input": self.kind != "auto",
            "--field": bool(self.fields),
            "--unordered": self.unordered,
            "--parallel": "parallel" in flags,
        }
        return [name for name, is_given in given.items() if is_given]


@taking(*SETTINGS, record=RunOptions)
def solve(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="PROBLEM", help="The problem; - reads it from standard input."),
    ] = None,
    version: Version = False,
    *,
    options: RunOptions,
    flags: Flags,
) -> None:
    """Solve a problem, or a file of them."""
    from pfsolve.environment import Environment

    environment = Environment()
    if not words and options.file is None and environment.stdin_is_terminal:
        complain_with_help(ctx.find_root())

    from pfsolve.cli.many import solve_file
    from pfsolve.cli.one import solve_one
    from pfsolve.display.output import Output
    from pfsolve.problems import Problem
    from pfsolve.problems.source import STANDARD_INPUT
    from pfsolve.wording import listed

    problem = (
        None if not words else the_problem(words, _commands(ctx), named=UNNAMED not in ctx.meta)
    )
    settings = settled(environment, flags)
    output = Output(
        environment,
        as_json=options.json is not None,
        raw=options.raw,
        quiet=options.quiet,
    )
    if problem is not None:
        if options.file is not None:
            raise UsageError(f"both a problem and --file {options.file}", "give one of them")
        if idle := options.idle_alone(flags):
            raise UsageError(
                f"{listed(idle)}: only for a file of problems", "give it with --file, or in a pipe"
            )
    if options.file is not None and environment.stdin_waits:
        output.note(f"standard input is not read: {options.file} is")
    if problem not in (None, "-"):
        if environment.stdin_waits:
            raise UsageError(
                "there is text on standard input, and a problem on the command line",
                "give all of it to `pfsolve -`, or leave the text unread with < /dev/null",
            )
        solve_one(problem, settings, options, environment, output)
        return
    problems = _read(options, environment, whole=problem == "-")
    # A lone problem in a pipe, or one read as a whole, is solved as if it were an argument.
    alone = problems.kind == "text" or (problems.kind == "lines" and options.file is None)
    first = problems.rows[0]
    if alone and not options.need_file and len(problems.rows) == 1 and isinstance(first, Problem):
        solve_one(first.text, settings, options, environment, output)
        return
    if options.solution and options.json is None:
        raise UsageError(
            f"--solution is for one problem, and {options.file or STANDARD_INPUT} may hold many",
            "--json prints each with its solution as `best`, and so does -o",
        )
    output.note(f"{options.file or STANDARD_INPUT}: {problems.describe()}")
    solve_file(problems, settings, options, environment, output)


def _commands(ctx: typer.Context) -> dict[str, str]:
    """What else a word may mean, and how it is called: the last words of commands, and the version."""
    found = {"version": "pfsolve --version"}
    waiting: list[tuple[str, Any]] = [("pfsolve", ctx.find_root().command)]
    for path, group in waiting:
        for name, command in getattr(group, "commands", {}).items():
            found.setdefault(name, f"{path} {name}")
            waiting.append((f"{path} {name}", command))
    return found


def _read(options: RunOptions, environment: Environment, *, whole: bool) -> ProblemFile:
    """The problems of the file, or of standard input where there is none.

    Raises:
        UsageError: the file cannot be read, or not in this way, or is empty.
    """
    from pfsolve.cli.input import read_input
    from pfsolve.problems import BadRow, parse_fields, read_problems

    data, name = read_input(options.file, environment)
    kind = "text" if whole else options.kind
    problems = read_problems(data, name=name, kind=kind, fields=parse_fields(options.fields or ()))
    if not problems.rows:
        hint = 'try: pfsolve "Solve x^2=4"' if options.file is None else "give one problem a line"
        raise UsageError(f"{name} is empty: there is no problem to solve", hint)
    bad = [row for row in problems.rows if isinstance(row, BadRow)]
    if len(bad) == len(problems.rows):
        raise UsageError(
            f"{name}: no row holds a problem; line {bad[0].line}: {bad[0].reason}",
            'a row is {"problem": ...}; --field NAME names another field, --input another kind of file',
        )
    return problems
