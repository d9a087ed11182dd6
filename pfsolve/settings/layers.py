"""Layers of values become one record: defaults, config file, variables, flags; the later ones win."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pfsolve.errors import UsageError
from pfsolve.settings.presets import PRESETS
from pfsolve.settings.record import METHODS, SETTINGS, Settings


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
            raise UsageError(
                f"unknown setting {min(unknown)!r}",
                f"the settings are {', '.join(sorted(known))}",
            )
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
        UsageError: the text of one stands for no value.
    """
    texts = {name: variables.get(f"PFSOLVE_{name.upper()}", "") for name in SETTINGS}
    return {name: parsed(name, text) for name, text in texts.items() if text.strip()}


def read_config(path: Path) -> dict[str, Any]:
    """The user's config.toml as one layer for `merge`; empty when there is no such file.

    Raises:
        UsageError: the file cannot be read or is no TOML.
    """
    import tomllib

    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"cannot read {path}: {error}", "correct the file or remove it") from error
    # Options are written as on the command line; both spellings are fine.
    return {name.replace("-", "_"): value for name, value in values.items()}
