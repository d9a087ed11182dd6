"""Layers of values become one record: defaults, config file, variables, flags; the later ones win."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from pfsolve.errors import UsageError
from pfsolve.files import read_text
from pfsolve.settings.presets import PRESETS
from pfsolve.settings.record import METHODS, SETTINGS, Settings

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


def _as_variable(name: str, value: str | None = None) -> str:
    """A setting as the environment spells it: "PFSOLVE_BEAM_WIDTH", "PFSOLVE_BEAM_WIDTH=4"."""
    variable = f"PFSOLVE_{name.upper()}"
    return variable if value is None else f"{variable}={value}"


def _unknown(name: str, known: Collection[str]) -> UsageError:
    """The error that says that a name is no setting's, and which one may have been meant."""
    if near := difflib.get_close_matches(name.lower(), known, n=1, cutoff=_ALIKE):
        hint = f"did you mean {near[0]!r}?"
    else:
        hint = (
            "options that are no settings, such as --quiet, are for the command line only; "
            f"the settings are {', '.join(sorted(known))}"
        )
    return UsageError(f"unknown setting {name!r}", hint)
