"""Profiles of models.toml: a policy, its reward and its particles under one name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pfsolve.errors import UsageError
from pfsolve.models.entry import ModelEntry
from pfsolve.models.table import TomlTable

_NO_REWARD = "none"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")


@dataclass(frozen=True)
class Profile:
    """Settings that go together, under a name.

    name: what the user calls it; lower case.
    policy: name of its entry.
    where: the file and the profile, for messages.
    description: half a line for people.
    reward: "none", or the name of a process reward model; None for the policy's usual one.
    particles: number of them; None for the usual one.
    preset: name of the settings that it begins with; None for none.
    cores: number of physical cores without which, and without a GPU, it is too slow to be suggested.
    suggest: whether `pfsolve models suggest` may name it.
    """

    name: str
    policy: str
    where: str
    description: str = ""
    reward: str | None = None
    particles: int | None = None
    preset: str | None = None
    cores: int | None = None
    suggest: bool = True

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models that it loads: the policy, and a process reward model if it has one."""
        return (self.policy,) if self.reward in (None, _NO_REWARD) else (self.policy, self.reward)

    @property
    def settings(self) -> dict[str, object]:
        """Its settings, by name; None where it says nothing."""
        names = ("policy", "reward", "particles", "preset")
        return {name: getattr(self, name) for name in names}

    def check(self, entries: Mapping[str, ModelEntry]) -> None:
        """Whether its models are known.

        Raises:
            UsageError: its policy is no policy, or its reward no process reward model.
        """
        policies = [entry.name for entry in entries.values() if entry.kind == "policy"]
        rewards = [_NO_REWARD, *(name for name in entries if name not in policies)]
        for key, name, known in (
            ("policy", self.policy, policies),
            ("reward", self.reward or _NO_REWARD, rewards),
        ):
            if name not in known:
                raise UsageError(
                    f"{self.where}: `{key}` is {name!r}, which is no {key}",
                    f"choose one of {', '.join(known)}",
                )


def read_profile(table: TomlTable, document: str) -> Profile:
    """The profile that a table of models.toml describes.

    Raises:
        UsageError: something is missing, unknown, or of the wrong kind.
    """
    name = table.need("name", str, "lower-case letters, digits, '.', '_', '-'", _NAME.fullmatch)
    table.where = f"{document}, profile {name}"
    reward = table.get("reward", str, "none, or the name of a process reward model", bool)
    suggest = table.get("suggest", bool, "true or false")
    profile = Profile(
        name=name,
        policy=table.need("policy", str, "a policy's name", bool).lower(),
        where=table.where,
        description=table.get("description", str) or "",
        reward=None if reward is None else reward.lower(),
        particles=table.count("particles"),
        preset=table.get("preset", str),
        cores=table.count("cores"),
        suggest=True if suggest is None else suggest,
    )
    table.finish()
    return profile
