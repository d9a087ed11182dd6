"""Layers of values become one record: defaults, config file, variables, flags; the later ones win."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pfsolve.errors import UsageError, as_option
from pfsolve.files import read_text
from pfsolve.settings.declaration import Setting
from pfsolve.settings.presets import PRESETS
from pfsolve.settings.record import METHODS, SETTINGS, Settings

# What has a variable, PFSOLVE_MODELS_DIR, and is no setting.
_FURTHER = ("config_dir", "models_dir", "programs_dir", "state_dir", "debug")
_ALIKE = 0.75  # of two names, as difflib measures it: "particle" and "particles", not "record" and "reward"


def merge(*layers: Mapping[str, Any]) -> Settings:
    """One `Settings` from layers of values, weakest first; None in a layer means "not said here".

    A layer's "preset" fills in that preset's values just below the layer's own, and so does the
    strongest "method" what goes with it; the methods of weaker layers leave no trace. A "profile" must
    have become a layer already (`pfsolve.solver.profiles`): models.toml is not known here.

    Raises:
        UsageError: an unknown setting or preset, a value of the wrong type or out of range.
    """
    merged: dict[str, Any] = {}
    known = SETTINGS.keys() - {"profile"}
    strongest = max((i for i, layer in enumerate(layers) if layer.get("method")), default=None)
    for number, layer in enumerate(layers):
        if unknown := layer.keys() - known:
            raise _unknown(min(unknown), known)
        if preset := SETTINGS["preset"].checked(layer.get("preset")):
            merged |= PRESETS[preset]
        if number == strongest:
            merged |= METHODS[SETTINGS["method"].checked(layer["method"])]
        merged |= {name: value for name, value in layer.items() if value is not None}
    merged.pop("preset", None)
    return Settings(**merged)


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
    texts = {name: variables.get(_as_variable(name), "") for name in SETTINGS}
    layer = {}
    for name, text in texts.items():
        if text.strip():
            try:
                layer[name] = parsed(name, text)
                SETTINGS[name].checked(layer[name])
            except UsageError as error:
                raise UsageError(*error.spelled(_as_variable)) from None
    return layer


def read_config(path: Path) -> dict[str, Any]:
    """The user's config.toml as one layer for `merge`; empty when there is no such file.

    Raises:
        UsageError: the file cannot be read or is no TOML; a key is no setting, or its value is not
            allowed. The message names the file.
    """
    import tomllib

    try:
        values = tomllib.loads(read_text(path))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"cannot read {path}: {error}", "correct the file or remove it") from error
    # Options are written as on the command line; both spellings are fine.
    layer = {name.replace("-", "_"): value for name, value in values.items()}
    for name, value in layer.items():
        try:
            if name not in SETTINGS:
                raise _unknown(name, SETTINGS.keys())
            SETTINGS[name].checked(value)
        except UsageError as error:
            raise UsageError(f"{path}: {error.message}", error.hint) from None
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
        if variables.get(_as_variable(name), "").strip():
            return _as_variable(name, value)
        try:
            config = read_config(path)
        except UsageError:
            config = {}
        if config.get(name) is None:
            return as_option(name, value)
        return f"{name} in {path}" if value is None else f"{name} = {value} in {path}"

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
    for variable in sorted(variables.keys() - set(map(_as_variable, known))):
        if variable.startswith(_as_variable("")):
            near = _near(variable.removeprefix(_as_variable("")).lower(), known)
            yield from ((variable, _as_variable(name)) for name in near)


def _as_variable(name: str, value: str | None = None) -> str:
    """A setting as the environment spells it: "PFSOLVE_BEAM_WIDTH", "PFSOLVE_BEAM_WIDTH=4"."""
    variable = f"PFSOLVE_{name.upper()}"
    return variable if value is None else f"{variable}={value}"


def _unknown(name: str, known: Collection[str]) -> UsageError:
    """The error that says that a name is no setting's, and which one may have been meant."""
    if near := _near(name.lower(), known):
        hint = f"did you mean {near[0]!r}?"
    else:
        hint = (
            "options that are no settings, such as --quiet, are for the command line only; "
            f"the settings are {', '.join(sorted(known))}"
        )
    return UsageError(f"unknown setting {name!r}", hint)


def _near(name: str, known: Collection[str]) -> list[str]:
    """The known name that is most like this one, if any is."""
    return difflib.get_close_matches(name, known, n=1, cutoff=_ALIKE)
