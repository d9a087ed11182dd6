"""Where the value of each setting comes from, as far as can be known before models are loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pfsolve.environment import Environment
from pfsolve.errors import as_option
from pfsolve.models.defaults import expected_policy
from pfsolve.models.entry import ModelEntry
from pfsolve.particle import Kind
from pfsolve.rewards.kinds import choose_reward
from pfsolve.settings import DEFAULT_REWARDS, SETTINGS, Settings, as_variable, laid, merge
from pfsolve.solver.finding import programs_wanted
from pfsolve.solver.planning import choose_sampling, choose_step_tokens
from pfsolve.solver.profiles import Layer, with_profiles


@dataclass(frozen=True, slots=True)
class SettingOrigin:
    """The value of a setting, and where it is from.

    value: None where it stays open until models are loaded.
    source: "option", "variable", "config", "profile", "preset", "method", "policy" or "default".
    where: the place in words: "PFSOLVE_SEED", "config.toml, line 3", "preset paper"; of a default "".
    """

    value: Any
    source: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class _Place:
    source: str
    layer: Layer
    where: Callable[[str], str] | str  # of a setting in it, or of all


def origins(
    config: Layer,
    lines: Mapping[str, int],
    variables: Layer,
    flags: Layer,
    environment: Environment,
) -> dict[str, SettingOrigin]:
    """The origin of each setting, by name.

    Args:
        config: what config.toml says.
        lines: in which line it says each of that.
        variables: what the environment's variables say.
        flags: what the command line says.

    Raises:
        UsageError: a setting is wrong, or two contradict each other.
        ModelMissing: there is no such policy.
    """
    places: list[_Place] = []
    for source, layer, where in (
        ("config", config, lambda name: f"config.toml, line {lines[name]}"),
        ("variable", variables, as_variable),
        ("option", flags, as_option),
    ):
        *profile, own = with_profiles(layer, environment=environment)
        places += [_Place("profile", each, f"profile {layer['profile']}") for each in profile]
        places.append(_Place(source, own, where))
    layers = [place.layer for place in places]
    settings, said = merge(*layers), laid(*layers)
    found = _open_values(settings, environment)
    for name, each in said.items():
        place = places[each.layer]
        if each.by:
            origin = each.by, f"{each.by} {place.layer[each.by]}"
        else:
            at = place.where if isinstance(place.where, str) else place.where(name)
            origin = place.source, at
        found[name] = SettingOrigin(getattr(settings, name), *origin)
    return found


def _open_values(settings: Settings, environment: Environment) -> dict[str, SettingOrigin]:
    """What each setting is where no layer says it: as suits the policy, or as usual."""
    policy = expected_policy(settings.policy, environment)
    sampling = choose_sampling(settings, policy.entry)
    text = sampling[Kind.TEXT]
    decided = {
        "policy": policy.name,
        "reward": choose_reward(settings, policy.name, environment),
        "programs": programs_wanted(settings, policy.entry),
        "early_stop": settings.stops_early,
        "max_step_tokens": choose_step_tokens(settings, policy.entry),
        "temperature": text.temperature,
        "program_temperature": sampling[Kind.PROGRAM].temperature,
        "top_p": text.top_p,
        "top_k": text.top_k,
        "min_p": text.min_p,
    }
    own = _own_of(policy.entry, settings)
    if decided["reward"] == DEFAULT_REWARDS[0]:
        own.add("reward")
    return {
        name: SettingOrigin(
            decided.get(name, getattr(settings, name)), "policy", f"{policy.name}'s own"
        )
        if name in own
        else SettingOrigin(decided.get(name, getattr(settings, name)), "default")
        for name in SETTINGS
        if name not in ("preset", "profile")
    }


def _own_of(entry: ModelEntry | None, settings: Settings) -> set[str]:
    """The settings that a policy's entry says where they are left open."""
    if entry is None:
        return set()
    says = {
        "temperature": entry.temperature,
        "top_p": entry.top_p,
        "top_k": entry.top_k,
        "min_p": entry.min_p,
        "max_step_tokens": entry.usual_step,
        "programs": None if settings.final == "argmax" else entry.programs,
        "program_temperature": entry.programs.temperature if entry.programs else None,
    }
    return {name for name, value in says.items() if value is not None}
