"""Layers of settings, and `--profile NAME`: from a name in models.toml to one of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from pfsolve.environment import Environment
from pfsolve.errors import UsageError
from pfsolve.models.catalogue import load_catalogue
from pfsolve.models.profile import Profile
from pfsolve.settings import SETTINGS, Settings, merge, read_config, read_variables

Layer = Mapping[str, Any]


def layers(environment: Environment, flags: Layer) -> tuple[Layer, ...]:
    """The config file, the variables and the command line's flags, with profiles laid out, for `merge`.

    Raises:
        UsageError: one cannot be read, or holds what is no setting or is not allowed.
    """
    config, variables = read_config(environment.config_file), read_variables(environment.variables)
    return with_profiles(config, variables, flags, environment=environment)


def with_profiles(*layers: Layer, environment: Environment) -> tuple[Layer, ...]:
    """Layers for `merge`, with what a layer's "profile" stands for as another layer just below it.

    Raises:
        UsageError: a profile is unknown or cannot be used, or the user's models.toml is not valid.
    """
    found: list[Layer] = []
    for layer in layers:
        name = SETTINGS["profile"].checked(layer.get("profile"))
        if name is not None:
            profile = load_catalogue(environment.config_dir).profile(name)
            settings_of(profile, environment)
            found.append(profile.settings)
        found.append({key: value for key, value in layer.items() if key != "profile"})
    return tuple(found)


def settings_of(profile: Profile, environment: Environment) -> Settings:
    """What a profile alone comes to, with its reward chosen.

    Raises:
        UsageError: it cannot be used; the message names its place.
    """
    from pfsolve.rewards.kinds import choose_reward

    try:
        settings = merge(profile.settings)
        reward = choose_reward(settings, profile.policy, environment)
    except UsageError as error:
        raise UsageError(f"{profile.where}: {error.message}", error.hint) from None
    return dataclasses.replace(settings, reward=reward)
