"""All that pfsolve knows of models: its own models.toml, and the user's laid over it."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pfsolve.errors import ModelMissing, PfsolveError, UsageError, named
from pfsolve.models.entry import ModelEntry
from pfsolve.models.parsing import parse_models
from pfsolve.models.profile import Profile
from pfsolve.models.table import read_toml

_PACKAGE = Path(__file__).resolve().parents[1]


class UnknownModel(ModelMissing):
    """No entry has this name."""


@dataclass(frozen=True)
class Catalogue:
    """The known models, and the profiles made of them.

    entries: by name, in the order of models.toml, the user's own last.
    default_policies: names of the policies that may be used where the user gives none, the best
        first; at least one.
    profiles: by name, in the same order.
    """

    entries: Mapping[str, ModelEntry]
    default_policies: tuple[str, ...]
    profiles: Mapping[str, Profile] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.entries)

    def get(self, name: str) -> ModelEntry:
        """The entry of this name, in capitals or not.

        Raises:
            UnknownModel: there is none; the hint names the closest ones.
        """
        if entry := self.entries.get(name.lower()):
            return entry
        close = difflib.get_close_matches(name.lower(), self.names)
        meant = f"did you mean {' or '.join(close)}? " if close else ""
        raise UnknownModel(
            f"there is no model named '{name}'",
            f"{meant}`pfsolve models list` shows them all; "
            "a file of your own needs its path, such as ./model.gguf",
        )

    def profile(self, name: str) -> Profile:
        """The profile of this name, in capitals or not.

        Raises:
            UsageError: there is none; the hint names all.
        """
        if profile := self.profiles.get(name.lower()):
            return profile
        raise UsageError(
            f"{named('profile')} is {name!r}, which is unknown",
            f"choose one of {', '.join(self.profiles)}",
        )

    def nearest_policy(self, size: int, *, other_than: str) -> ModelEntry:
        """The policy whose file is nearest in size to that many bytes; not the one of that name.

        Sizes are compared by ratio, in steps of 10 %. Of several the one with the most parameters is
        taken.
        """

        def how_far(entry: ModelEntry) -> tuple[float, int]:
            ratio = (entry.size or 1) / size
            return round(abs(math.log(ratio)), 1), -(entry.parameters or 0)

        policies = (e for e in self.entries.values() if e.kind == "policy" and e.name != other_than)
        return min(policies, key=how_far)


def load_catalogue(config_dir: Path | None = None) -> Catalogue:
    """The built-in models and profiles, with those of `config_dir`/models.toml, if any, laid over them.

    Raises:
        UsageError: the user's file is not valid; the message names file, entry and key.
    """
    source = builtin_file()
    known = parse_models(read_toml(source), str(source))
    entries, profiles, defaults = known.entries, known.profiles, known.default_policies
    if config_dir and (own := config_dir / "models.toml").is_file():
        users = parse_models(read_toml(own), str(own))
        entries |= users.entries
        profiles |= users.profiles
        if users.default_policies:
            source, defaults = own, users.default_policies
    policies = [entry.name for entry in entries.values() if entry.kind == "policy"]
    for name in defaults:
        if name not in policies:
            raise UsageError(
                f"{source}: `default_policies` names {name!r}, which is no policy",
                f"known are {', '.join(policies)}",
            )
    for profile in profiles.values():
        profile.check(entries)
    return Catalogue(entries, defaults, profiles)


def builtin_file(package: Path = _PACKAGE) -> Path:
    """models.toml inside the installed package, or beside it where that is a checkout."""
    for candidate in (package / "models.toml", package.parent / "models.toml"):
        if candidate.is_file():
            return candidate
    raise PfsolveError(
        f"pfsolve's own models.toml is not in {package}",
        "the installation is incomplete: install pfsolve once more, from where it came",
    )
