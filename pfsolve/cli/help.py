"""Commands whose help is plain text in sections: the same in a pipe, and there in no time.

Typer's own help loads Rich with a Markdown parser and a highlighter, which takes as long as all else.
`--help` shows all there is, `-h` what fits a terminal.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from pfsolve.cli.examples import EXAMPLES
from pfsolve.cli.late import LateCommand, read_late
from pfsolve.errors import ExitCode, as_option
from pfsolve.settings import SETTINGS

Rows = list[tuple[str, str]]

# Options that the short help shows beside those of a command's own, which stand in no section.
COMMON = {as_option(name) for name, setting in SETTINGS.items() if setting.common} | {
    "--file",
    "--json",
    "--quiet",
}
# Typer's own words show types of Python.
_HELP = {
    "--help": "Show this help; -h shows the short one.",
    "--install-completion": "Have this shell complete commands, options and models.",
    "--show-completion": "Show what --install-completion would install.",
}
_EVERYWHERE = {*_HELP, "--version"}  # what the short help does not tell
# What the contexts of a command line know in common.
_SHORT = "pfsolve.short"  # that its help is the short one
UNNAMED = "pfsolve.unnamed"  # that it names no command, and so is to solve
_WIDEST = 30  # columns of the first column


class _Help:
    """Help with examples and commands first, then options in the section their `rich_help_panel` names."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if "-h" in args and "--help" not in args:
            ctx.meta[_SHORT] = True
        return super().parse_args(ctx, args)  # type: ignore[misc,no-any-return]

    def get_params(self, ctx: Any) -> list[Any]:
        return read_late(super().get_params(ctx))  # type: ignore[misc]

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        pieces = [
            param.metavar if param.required else f"[{param.metavar}]"
            for param in self.params  # type: ignore[attr-defined]
            if param.param_type_name == "argument"
        ]
        return ["[OPTIONS]", *pieces]

    def format_help(self, ctx: Any, formatter: Any) -> None:
        short = ctx.meta.get(_SHORT, False)
        path = ctx.command_path
        self.format_usage(ctx, formatter)  # type: ignore[attr-defined]
        with formatter.indentation():
            about = self.help or ""  # type: ignore[attr-defined]
            formatter.write_text(_clause(about) if short else about)
        # A width of its own: examples are longer than options.
        _section(formatter, "Examples", list(EXAMPLES[" ".join(path.split()[1:])]), widest=52)
        _section(formatter, "Commands", self.command_rows(short))
        sections: dict[str, Rows] = {}
        left_out = False
        for param in self.options(ctx, short):
            title = getattr(param, "rich_help_panel", None)
            if not short:
                argument = param.param_type_name == "argument"
                title = title or ("Arguments" if argument else "Options")
            elif title and not COMMON.intersection(param.opts):
                left_out = True
                continue
            elif _EVERYWHERE.intersection(param.opts):
                continue
            else:
                title = "Options"
            sections.setdefault(title, []).append(_row(param, short))
        for title, rows in sections.items():
            _section(formatter, title, rows)
        if short and (left_out or self.epilog):  # type: ignore[attr-defined]
            formatter.write_paragraph()
            below = f"; of a command: {path} COMMAND --help" if self.command_rows(short) else ""
            formatter.write_text(f"All options: {path} --help{below}")
        elif self.epilog and not short:  # type: ignore[attr-defined]
            formatter.write_paragraph()
            formatter.write_text(self.epilog)  # type: ignore[attr-defined]

    def options(self, ctx: Any, short: bool) -> list[Any]:
        """The options and arguments that it tells of, in its order."""
        return self.get_params(ctx)

    def command_rows(self, short: bool) -> Rows:
        """The commands below this one, and what each does."""
        return []


def _section(formatter: Any, title: str, rows: Rows, widest: int = _WIDEST) -> None:
    if rows:
        with formatter.section(title):
            formatter.write_dl(rows, col_max=widest)


def _row(param: Any, short: bool) -> tuple[str, str]:
    """An option or argument: how it is written, and what it is."""
    if param.param_type_name == "argument":
        return param.metavar, param.help
    names = ", ".join(sorted(param.opts, key=len))
    if not short and param.secondary_opts:
        names = f"{names} / {param.secondary_opts[0]}"
    if not param.is_flag and not param.count:
        name = f"{names} {param.metavar}"
        names = name if not short or len(name) <= _WIDEST else f"{names} NAME"
    text = next((_HELP[name] for name in param.opts if name in _HELP), param.help)
    if short:
        return names, _clause(text)
    shown = param.show_default and param.default not in (None, False)
    return names, f"{text} (default: {param.default})" if shown else text


def _clause(text: str) -> str:
    """A text up to its first colon, semicolon or full stop."""
    return re.split(r"[:;.](?:\s|$)", text, maxsplit=1)[0] + "."


class Command(_Help, LateCommand):
    """A command; where `--json` takes a value, it may be left out."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if any(
            "--json" in param.opts and not getattr(param, "is_flag", True) for param in self.params
        ):
            args = with_json_value(args)
        return super().parse_args(ctx, args)


def with_json_value(args: list[str]) -> list[str]:
    """Arguments with `--json full` as `--json=full` and `--json` alone as `--json=brief`."""
    end = args.index("--") if "--" in args else len(args)
    found: list[str] = []
    for arg in args[:end]:
        if arg == "full" and found and found[-1] == "--json=brief":
            found[-1] = "--json=full"
        else:
            found.append("--json=brief" if arg == "--json" else arg)
    return found + args[end:]


class CommandGroup(_Help, TyperGroup):
    """A command of commands."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return ["COMMAND", "..."]

    def command_rows(self, short: bool) -> Rows:
        return [
            (name, _clause(command.help or ""))
            for name, command in self.commands.items()
            if not command.hidden
        ]


class Commands(typer.Typer):
    """Commands, to be registered as with Typer; `cls` is the class of their group."""

    def __init__(self, *, cls: type[CommandGroup] = CommandGroup, **how: Any) -> None:
        super().__init__(
            cls=cls,
            rich_markup_mode=None,
            pretty_exceptions_enable=False,
            context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 100},
            **how,
        )

    def command(self, name: str | None = None, **how: Any) -> Callable[[Any], Any]:
        def register(function: Any) -> Any:
            def named() -> None: ...

            named.__name__, named.__doc__ = function.__name__, function.__doc__
            command = super(Commands, self).command
            command(name, cls=partial(Command, function), **how)(named)  # type: ignore[arg-type]
            return function

        return register


def subcommands(about: str) -> Commands:
    """Commands below one of the main ones; without a choice among them it shows its help."""
    app = Commands(help=about)

    @app.callback(invoke_without_command=True)
    def show_help(context: typer.Context) -> None:
        if context.invoked_subcommand is None:
            complain_with_help(context)

    return app


def complain_with_help(context: Any) -> None:
    """Show the short help where a command says nothing that could be done.

    Raises:
        Exit: always, as for wrong usage.
    """
    context.meta[_SHORT] = True
    typer.echo(context.get_help(), err=True)
    raise typer.Exit(ExitCode.USAGE)


# What an option looks like, and "-2x+4=0" does not.
_OPTION = re.compile(r"--[A-Za-z][\w-]*(=.*)?|-[A-Za-z]*", re.DOTALL)


def what_to_do(error: TyperException, argv: Sequence[str]) -> tuple[str, str]:
    """What is wrong with a command line of these arguments, and where its command's help is."""
    context: Any = getattr(error, "ctx", None)
    path = "pfsolve"
    if context is not None and UNNAMED not in context.meta:
        path = context.command_path
    hint = f"`{path} --help` says how it is used"
    problem = next((a for a in argv if a.startswith("-") and not _OPTION.fullmatch(a)), None)
    if hasattr(error, "option_name") and problem is not None:
        return error.format_message(), f"if it is the problem: {path} -- {shlex.quote(problem)}"
    if similar := getattr(error, "possibilities", None):
        return str(error), f"did you mean {similar[0]}? {hint}"
    return error.format_message(), hint
