"""Options of the command line: those of settings, made from their declarations, and a few more."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pfsolve.cli import completion
from pfsolve.errors import as_option
from pfsolve.settings import SETTINGS, Setting, Settings, merge, parsed, refuse_idle

if TYPE_CHECKING:
    from pfsolve.environment import Environment

CommandFunction = Callable[..., None]
Flags = Mapping[str, Any]  # the settings given on the command line: a layer for `settings.merge`


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"pfsolve {version('pfsolve')}")
        raise typer.Exit()


Version = Annotated[
    bool,
    typer.Option(
        "--version",
        "-V",
        help="Show the version and exit.",
        is_eager=True,
        callback=_show_version,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")]
# Of commands that read given solutions, one at a time: a layer over those of the user, since a method
# of the config file has nothing to say about that.
_READING = {"method": "bon", "programs": 0.0, "early_stop": False, "particles": 1, "parallel": 1}


def taking(*names: str, record: type | None = None) -> Callable[[CommandFunction], CommandFunction]:
    """Give a command more options: of these settings, and of the fields of a dataclass.

    The command receives the settings that are given as its keyword argument `flags`, and the dataclass as
    its keyword argument `options`.
    """

    def decorate(command: CommandFunction) -> CommandFunction:
        fields = [] if record is None else [field.name for field in dataclasses.fields(record)]

        def run(**given: Any) -> None:
            flags = {name: _value(name, given.pop(name)) for name in names}
            more: dict[str, Any] = {"flags": {k: v for k, v in flags.items() if v is not None}}
            if record is not None:
                more["options"] = record(**{name: given.pop(name) for name in fields})
            command(**given, **more)

        def sign() -> None:
            own = [each for each in _parameters(command) if each.name not in ("flags", "options")]
            own += [] if record is None else _parameters(record)
            own += [_parameter(SETTINGS[name]) for name in names]
            run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
                [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own]
            )

        run.sign = sign  # type: ignore[attr-defined]
        run.__name__, run.__doc__ = command.__name__, command.__doc__
        return run

    return decorate


def settled(environment: Environment, flags: Flags, *more: Mapping[str, Any]) -> Settings:
    """The settings of a command: all layers, and those that it adds.

    Raises:
        UsageError: one is wrong, or given on the command line without effect.
    """
    from pfsolve.solver.profiles import layers

    settings = merge(*layers(environment, flags), *more)
    refuse_idle(settings, flags)
    return settings


def reading(environment: Environment, flags: Flags) -> Settings:
    """The settings of a command that has a reward score given solutions; raises as `settled` does."""
    return settled(environment, flags, _READING)


def _parameters(of: Callable[..., Any]) -> list[inspect.Parameter]:
    return list(inspect.signature(of, eval_str=True).parameters.values())


def _parameter(setting: Setting) -> inspect.Parameter:
    """A setting as a parameter for Typer. A number is a text to it, which `_value` reads."""
    name = as_option(setting.name)
    default = setting.default_shown
    option = typer.Option(
        name if setting.values else f"{name}/--no-{name[2:]}",
        *([setting.short] if setting.short else []),
        help=f"{setting.help} (default: {default})" if default else setting.help,
        rich_help_panel=setting.panel,
        metavar=setting.values or None,
        show_default=False,
        autocompletion=completion.of_setting(setting),
    )
    kind: Any = str | None if setting.values else bool | None
    return inspect.Parameter(
        setting.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[kind, option],
    )


def _value(name: str, given: str | bool | None) -> Any:
    return parsed(name, given) if isinstance(given, str) else given
