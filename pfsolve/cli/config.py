"""`pfsolve config`: what settings are and who says so, and the file that says it for all runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from pfsolve.cli.completion import among
from pfsolve.cli.help import subcommands
from pfsolve.cli.options import AsJson, Flags, taking
from pfsolve.errors import PfsolveError, UsageError
from pfsolve.settings import SETTINGS

if TYPE_CHECKING:
    from pfsolve.solver.origins import SettingOrigin

app = subcommands("See settings, where each comes from, and change config.toml.")


@app.command()
@taking(*SETTINGS)
def show(as_json: AsJson = False, *, flags: Flags) -> None:
    """Show every setting and where its value comes from: in a run with these options."""
    from pfsolve.display.columns import Table
    from pfsolve.display.output import Output
    from pfsolve.environment import Environment
    from pfsolve.settings import (
        config_layer,
        config_lines,
        config_text,
        mistyped,
        read_variables,
    )
    from pfsolve.solver.origins import origins

    environment = Environment()
    path = environment.config_file
    text = config_text(path)
    config, variables = config_layer(text, path), read_variables(environment.variables)
    found = origins(config, config_lines(text), variables, flags, environment)
    output = Output(environment, as_json=as_json)
    values = {
        name: {"value": each.value, "source": each.source, "where": each.where or None}
        for name, each in found.items()
    }
    output.give(
        {"config": str(path), "settings": values},
        lambda: [
            Table(
                ("setting", "value", "from"),
                [(name, *_row(name, each)) for name, each in found.items()],
                prose=True,
            )
        ],
    )
    for name, meant in mistyped(environment.variables):
        output.note(f"{name} is no variable of pfsolve; did you mean {meant}?")


@app.command()
def path(as_json: AsJson = False) -> None:
    """Print where config.toml is, or would be."""
    from pfsolve.display.output import Output
    from pfsolve.environment import Environment

    file = Environment().config_file
    output = Output(Environment(), as_json=as_json)
    output.give({"path": str(file), "exists": file.is_file()}, lambda: [str(file)])
    if not file.is_file():
        output.aside("there is no such file yet; `pfsolve config set` writes it")


@app.command("set")
def change(
    pairs: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME VALUE...",
            help="A setting and its value, as its option takes it; several such pairs.",
            autocompletion=among(*SETTINGS),
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Set values in config.toml; its comments stay."""
    from pfsolve.display.output import Output
    from pfsolve.environment import Environment
    from pfsolve.files import write_text
    from pfsolve.models.resolve import look_up_policy
    from pfsolve.rewards.kinds import check_reward
    from pfsolve.settings import (
        as_variable,
        changed,
        config_layer,
        config_lines,
        config_text,
        merge,
    )
    from pfsolve.solver.profiles import with_profiles

    if len(pairs) % 2:
        raise UsageError(
            f"{pairs[-1]!r} has no value",
            "a setting and its value are two words: pfsolve config set particles 16",
        )
    names = [name.replace("-", "_") for name in pairs[::2]]
    values = dict(zip(names, pairs[1::2], strict=True))
    environment = Environment()
    file = environment.config_file
    try:
        text = changed(config_text(file), values, file)
        layer = config_layer(text, file)
        settings = merge(
            *with_profiles(layer, environment=environment)
        )  # of which any may be wrong
        if "policy" in values and settings.policy is not None:
            look_up_policy(settings.policy, environment)
        if "reward" in values and settings.reward is not None:
            check_reward(settings.reward, environment)
    except PfsolveError as error:
        raise type(error)(*error.spelled(_in_words)) from None
    file.parent.mkdir(parents=True, exist_ok=True)
    write_text(file.resolve(), text)  # a link stays one
    lines = config_lines(text)
    output = Output(environment, as_json=as_json)
    said = {name: {"value": layer[name], "line": lines[name]} for name in values}
    output.give(
        {"path": str(file), "settings": said},
        lambda: [text.split("\n")[lines[name] - 1].rstrip() for name in values],
    )
    for variable in map(as_variable, values):
        if value := environment.variables.get(variable, "").strip():
            output.note(f"{variable}={value} wins over it")


def _in_words(name: str, value: str | None = None) -> str:
    """A setting as this command takes it, for messages: "beam_width", "beam_width 4"."""
    return name if value is None else f"{name} {value}"


def _row(name: str, origin: SettingOrigin) -> tuple[str, str]:
    """A value as the config file and options have it, or what an open one means; and where it is from."""
    from pfsolve.settings.declaration import written

    value: Any = origin.value
    if value is None:
        shown = SETTINGS[name].default_text
    else:
        shown = str(value).lower() if isinstance(value, bool) else written(value)
    return shown, origin.where or origin.source
