"""`pfsolve models suggest`, and profiles as tables and JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pfsolve.cli.options import AsJson
from pfsolve.cli.world import World, size_shown, yes_no

if TYPE_CHECKING:
    from pfsolve.display.columns import Table
    from pfsolve.errors import PfsolveError
    from pfsolve.models.entry import ModelEntry
    from pfsolve.models.profile import Profile

_COLUMNS = ("policy", "reward", "n", "memory")  # of every table, after the profile's name


def suggest(as_json: AsJson = False) -> None:
    """Name the best profile that fits this machine."""
    world = World(as_json)
    offered = [profile for profile in world.catalogue.profiles.values() if profile.suggest]
    known = [profile_facts(world, profile) for profile in offered]
    fitting = [facts for facts in known if facts["fits"]]
    if not fitting:
        raise _none_fits(known)
    best = ([facts for facts in fitting if facts["quick"]] or fitting[:1])[-1]
    models = _models(world, world.catalogue.profile(best["name"]))
    unmade = [entry for entry in models if entry.source is not None and world.find(entry) is None]
    commands = [f"pfsolve models convert {entry.name}" for entry in unmade]
    commands.append(f'pfsolve --profile {best["name"]} "Solve x^2=4"')
    world.output.give(
        best | {"commands": commands},
        lambda: [profiles_table([best], "download", "free"), "", *commands],
    )


def profile_facts(world: World, profile: Profile) -> dict[str, Any]:
    """One profile as JSON; the memory is that of its particles, with the user's context."""
    from pfsolve.solver.profiles import settings_of

    settings = settings_of(profile, world.environment)
    models = _models(world, profile)
    policy, *beside = map(world.footprint, models)
    demand = world.demand(policy, *beside)
    missing = [world.missing(entry) for entry in models]
    sizes = [size for size, _ in missing if size is not None]
    return {
        "name": profile.name,
        "description": profile.description,
        "policy": profile.policy,
        "reward": settings.reward,
        "particles": settings.particles,
        "preset": profile.preset,
        "quick": world.machine.has_gpu or world.machine.cores >= (profile.cores or 1),
        "suggest": profile.suggest,
        **world.memory(demand, settings.particles),
        "download_bytes": sum(sizes) if len(sizes) == len(missing) else None,
        "download_exact": all(exact for _, exact in missing),
    }


def profiles_table(profiles: list[dict[str, Any]], *last: str) -> Table:
    """Profiles, with the columns `last` at the end: of "download", "fits" and "free"."""
    from pfsolve.display.columns import Table

    def row(facts: dict[str, Any]) -> list[str]:
        shown = {
            "policy": facts["policy"],
            "reward": facts["reward"],
            "n": str(facts["particles"]),
            "memory": size_shown(facts["memory_bytes"]),
            "download": size_shown(facts["download_bytes"], facts["download_exact"]),
            "fits": yes_no(facts["fits"]),
            "free": size_shown(facts["free_bytes"]),
        }
        return [facts["name"], *(shown[column] for column in (*_COLUMNS, *last))]

    header = ("profile", *_COLUMNS, *last)
    rows = [row(facts) for facts in profiles]
    return Table(header, rows, spare=("n", "reward", "policy"))


def _models(world: World, profile: Profile) -> list[ModelEntry]:
    """The models a profile loads: its policy, and its process reward model if it has one."""
    return [world.catalogue.get(name) for name in profile.models]


def _none_fits(known: list[dict[str, Any]]) -> PfsolveError:
    from pfsolve.errors import ResourceError
    from pfsolve.wording import format_bytes

    told = [facts for facts in known if facts["memory_bytes"] is not None]
    if not told:
        return ResourceError(
            "no profile says what memory it needs", "give their models `bytes` and `cell_bytes`"
        )
    least = min(told, key=lambda facts: facts["memory_bytes"])
    needed, free = (format_bytes(least[key]) for key in ("memory_bytes", "free_bytes"))
    return ResourceError(
        f"no profile fits: the smallest, {least['name']}, needs {needed} of memory, and {free} are free",
        "end other programs, or choose a smaller model: pfsolve models list shows what fits",
    )
