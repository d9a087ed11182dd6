"""Layers of values become one record: defaults, config file, variables, flags; the later ones win."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pfsolve.errors import UsageError, as_option
from pfsolve.settings.config_file import config_layer, config_lines, config_text
from pfsolve.settings.declaration import Setting
from pfsolve.settings.names import near, unknown
from pfsolve.settings.presets import PRESETS
from pfsolve.settings.record import METHODS, SETTINGS, Settings

# What has a variable, PFSOLVE_MODELS_DIR, and is no setting.
_FURTHER = ("config_dir", "models_dir", "programs_dir", "state_dir", "debug", "api_key")


@dataclass(frozen=True, slots=True)
class Said:
    """A value of a setting, and which of several layers says it.

    layer: its number, from 0, the weakest.
    by: "preset" or "method" where the layer says it by naming one of these, else "".
    """

    value: Any
    layer: int
    by: str = ""


def laid(*layers: Mapping[str, Any]) -> dict[str, Said]:
    """What layers of values say, weakest first; raises as `merge` does, but for contradictions."""
    merged: dict[str, Said] = {}
    known = SETTINGS.keys() - {"profile"}
    strongest = max((i for i, layer in enumerate(layers) if layer.get("method")), default=None)
    for number, layer in enumerate(layers):
        if strangers := layer.keys() - known:
            raise unknown(min(strangers), known, listing=True)
        own: list[tuple[str, Mapping[str, Any]]] = []
        if preset := SETTINGS["preset"].checked(layer.get("preset")):
            own.append(("preset", PRESETS[preset]))
        if number == strongest:
            own.append(("method", METHODS[SETTINGS["method"].checked(layer["method"])]))
        for by, values in (*own, ("", layer)):
            merged |= {k: Said(v, number, by) for k, v in values.items() if v is not None}
    merged.pop("preset", None)
    return merged


def merge(*layers: Mapping[str, Any]) -> Settings:
    """One `Settings` from layers of values, weakest first; None in a layer means "not said here".

    A layer's "preset" fills in that preset's values just below the layer's own, and so does the
    strongest "method" what goes with it; the methods of weaker layers leave no trace. A "profile" must
    have become a layer already (`pfsolve.solver.profiles`): models.toml is not known here.

    Raises:
        UsageError: an unknown setting or preset, a value of the wrong type or out of range.
    """
    return Settings(**{name: said.value for name, said in laid(*layers).items()})


def parsed(name: str, text: str) -> Any:
    """The value of setting `name` that a text stands for; a value of a layer for `merge`.

    Raises:
        UsageError: the text stands for none.
    """
    return SETTINGS[name].parsed(text)


def read_variables(variables: Mapping[str, str]) -> dict[str, Any]:
    """The variables PFSOLVE_PARTICLES, ... as one layer for `merge`; an empty one says nothing.

    Raises:
        UsageError: the text of one stands for no value, or for one that is not allowed.
    """
    texts = {name: variables.get(as_variable(name), "") for name in SETTINGS}
    layer = {}
    for name, text in texts.items():
        if text.strip():
            try:
                layer[name] = parsed(name, text)
                SETTINGS[name].checked(layer[name])
            except UsageError as error:
                raise UsageError(*error.spelled(as_variable)) from None
    return layer


def as_said(
    arguments: Sequence[str], variables: Mapping[str, str], path: Path
) -> Callable[[str, str | None], str]:
    """A spelling for `PfsolveError.spelled`: each setting as the strongest layer that holds it has it.

    Args:
        arguments: the words of the command line.
        path: of config.toml.
    """

    def spell(name: str, value: str | None = None) -> str:
        setting = SETTINGS.get(name)
        if setting is None or any(_gives(word, setting) for word in arguments):
            return as_option(name, value)
        if variables.get(as_variable(name), "").strip():
            return as_variable(name, value)
        text = ""
        try:
            text = config_text(path)
            config = config_layer(text, path)
        except UsageError:
            config = {}
        if config.get(name) is None:
            return as_option(name, value)
        return f"{name}{'' if value is None else f' = {value}'} in {path}, line {config_lines(text)[name]}"

    return spell


def _gives(word: str, setting: Setting) -> bool:
    """Whether a word of the command line, such as "-n8" or bench's "pf particles=8", gives a setting."""
    option = as_option(setting.name)
    if word.startswith("--"):
        return word.partition("=")[0] in (option, option.replace("--", "--no-"))
    if word.startswith("-"):
        return setting.short is not None and setting.short[1] in word
    names = [each.partition("=")[0] for each in word.split() if "=" in each]
    return setting.name in (name.replace("-", "_") for name in names)


def mistyped(variables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Variables that pfsolve does not know and that look like one of its own, each with that one."""
    known = (*SETTINGS, *_FURTHER)
    for variable in sorted(variables.keys() - set(map(as_variable, known))):
        if variable.startswith(as_variable("")):
            meant = near(variable.removeprefix(as_variable("")).lower(), known)
            yield from ((variable, as_variable(name)) for name in meant)


def as_variable(name: str, value: str | None = None) -> str:
    """A setting as the environment spells it: "PFSOLVE_BEAM_WIDTH", "PFSOLVE_BEAM_WIDTH=4"."""
    variable = f"PFSOLVE_{name.upper()}"
    return variable if value is None else f"{variable}={value}"
