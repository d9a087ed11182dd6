"""`--profile NAME`: from a name in models.toml to a layer of settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pfsolve.errors import UsageError
from pfsolve.models.catalogue import load_catalogue
from pfsolve.models.profile import Profile
from pfsolve.settings import SETTINGS, merge

Layer = Mapping[str, Any]


def with_profiles(*layers: Layer, config_dir: Path | None) -> tuple[Layer, ...]:
    """Layers for `merge`, with what a layer's "profile" stands for as another layer just below it.

    Raises:
        UsageError: a profile is unknown, or the user's models.toml is not valid.
    """
    found: list[Layer] = []
    for layer in layers:
        name = SETTINGS["profile"].checked(layer.get("profile"))
        if name is not None:
            found.append(_settings(load_catalogue(config_dir).profile(name)))
        found.append({key: value for key, value in layer.items() if key != "profile"})
    return tuple(found)


def _settings(profile: Profile) -> Layer:
    """A profile's settings; what is wrong with them is said with their place."""
    try:
        merge(profile.settings)
    except UsageError as error:
        raise UsageError(f"{profile.where}: {error.message}", error.hint) from None
    return profile.settings
