"""Commands whose help is plain text in sections: the same in a pipe, and there in no time.

Typer's own help loads Rich with a Markdown parser and a highlighter, which takes as long as all else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup


class _Sections:
    """Options stand in the section that their `rich_help_panel` names."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):  # type: ignore[attr-defined]
            usual = "Arguments" if param.param_type_name == "argument" else "Options"
            record = param.get_help_record(ctx)
            if record is not None:
                title = getattr(param, "rich_help_panel", None) or usual
                sections.setdefault(title, []).append(record)
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl(records)


class Command(_Sections, TyperCommand):
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


class CommandGroup(_Sections, TyperGroup):
    """A command of commands."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        super().format_options(ctx, formatter)
        self.format_commands(ctx, formatter)


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
        return super().command(name, cls=Command, **how)


def subcommands(about: str) -> Commands:
    """Commands below one of the main ones; without a choice among them it shows its help."""
    app = Commands(help=about)

    @app.callback(invoke_without_command=True)
    def show_help(context: typer.Context) -> None:
        if context.invoked_subcommand is None:
            typer.echo(context.get_help())
            raise typer.Exit(2)

    return app
