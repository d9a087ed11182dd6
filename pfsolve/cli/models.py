"""`pfsolve models`: see, fetch, check and remove model files."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pfsolve.cli.completion import models as known
from pfsolve.cli.convert import convert
from pfsolve.cli.help import subcommands
from pfsolve.cli.options import AsJson, Flags, Quiet, taking
from pfsolve.cli.profiles import profile_facts, profiles_table, suggest
from pfsolve.cli.verify import verify
from pfsolve.cli.world import World, not_here, size_shown, yes_no
from pfsolve.settings import merge

if TYPE_CHECKING:
    from pfsolve.models.entry import ModelEntry, PrmSpec, ProgramSpec

app = subcommands("See, fetch, convert, check and remove model files.")

Name = Annotated[
    str, typer.Argument(metavar="NAME", autocompletion=known, help="A model's name, see `list`.")
]
Names = Annotated[
    list[str],
    typer.Argument(metavar="NAME...", autocompletion=known, help="Models' names, see `list`."),
]


@app.command("list")
def list_models(as_json: AsJson = False) -> None:
    """List the known models and profiles, and which fit this machine."""
    from pfsolve.display.columns import Table

    world = World(as_json)
    models = [_facts(world, entry) for entry in world.catalogue.entries.values()]
    profiles = [profile_facts(world, profile) for profile in world.catalogue.profiles.values()]
    header = ("name", "size", "memory", "fits", "on disk", "")
    world.output.give(
        {"models": models, "profiles": profiles},
        lambda: [
            Table(header, [_row(model) for model in models]),
            profiles_table(profiles, "download", "fits"),
        ],
    )


@app.command()
def show(name: Name, as_json: AsJson = False) -> None:
    """Show all that is known of a model."""
    world = World(as_json)
    entry = world.catalogue.get(name)
    facts = _facts(world, entry) | {
        "file": entry.file,
        "sha256": entry.sha256,
        "temperature": entry.temperature,
        "top_p": entry.top_p,
        "top_k": entry.top_k,
        "min_p": entry.min_p,
        "system": entry.system,
        "thinking": entry.thinking if entry.kind == "policy" else None,
        "usual_step": entry.usual_step,
        "unfinished_bytes": world.store.unfinished_bytes(entry),
        "places": [dataclasses.asdict(place) for place in entry.places],
        "source": dataclasses.asdict(entry.source) if entry.source else None,
        "programs": dataclasses.asdict(entry.programs) if entry.programs else None,
        "prm": dataclasses.asdict(entry.prm) if entry.prm else None,
    }
    told = facts | {
        "places": "; ".join(map(str, entry.places)) or None,
        "source": entry.source.repo if entry.source else None,
        "programs": _how_it_programs(entry.programs) if entry.programs else None,
        "prm": _how_it_scores(entry.prm) if entry.prm else None,
    }
    width = max(map(len, told))
    world.output.give(
        facts,
        lambda: [f"{k:{width}}  {_told(value)}" for k, value in told.items() if value is not None],
    )


@app.command()
@taking("offline")
def pull(names: Names, as_json: AsJson = False, quiet: Quiet = False, *, flags: Flags) -> None:
    """Fetch models; those that are on this disk already are not; print their paths."""
    from pfsolve.display.surface import watching
    from pfsolve.models.download import pull as fetch
    from pfsolve.solver.profiles import layers

    world = World(as_json)
    environment = world.environment
    offline = merge(*layers(environment, flags)).offline or environment.offline
    entries = [world.catalogue.get(name) for name in names]

    def fetched() -> Iterator[dict[str, Any]]:
        for entry in entries:
            with watching(environment, quiet=quiet) as listen:
                path = fetch(entry, world.store, offline=offline, listen=listen)
            yield {"name": entry.name, "path": str(path), "bytes": path.stat().st_size}

    world.output.give_each(fetched(), lambda file: [file["path"]])


app.command()(suggest)
app.command()(convert)


@app.command()
def path(name: Name, as_json: AsJson = False) -> None:
    """Print where a model's file is."""
    world = World(as_json)
    entry = world.catalogue.get(name)
    found = world.find(entry)
    if found is None:
        raise not_here(entry, world)
    world.output.give({"name": entry.name, "path": str(found)}, lambda: [str(found)])


app.command()(verify)


@app.command()
def rm(name: Name, as_json: AsJson = False) -> None:
    """Remove a model's file, and what an interrupted pull has left of it."""
    from pfsolve.errors import ModelMissing, PfsolveError
    from pfsolve.models.transfer import disk_trouble
    from pfsolve.wording import format_bytes

    world = World(as_json)
    entry = world.catalogue.get(name)
    with disk_trouble(world.store.directory), world.store.lock(entry):
        freed = world.store.remove(entry)
    if not freed:
        if cached := world.find(entry):
            raise PfsolveError(
                f"{entry.name} lies in the Hub's own cache, which pfsolve only reads: {cached}",
                "`hf cache ls` and `hf cache rm` manage that cache",
            )
        raise ModelMissing(f"{entry.name} is not on this disk, there is nothing to remove")
    world.output.give(
        {"name": entry.name, "freed_bytes": freed},
        lambda: [f"{entry.name} removed, {format_bytes(freed)} freed"],
    )


def _facts(world: World, entry: ModelEntry) -> dict[str, Any]:
    """One model as JSON; `bytes` is exact, or approximate where `bytes_exact` is false.

    The memory is that of the user's number of particles and context: of a policy alone, or of what a
    process reward model adds to one.
    """
    from pfsolve.engine.memory import DEFAULT_CONTEXT, prm_context

    found = world.find(entry)
    model = world.footprint(entry)
    demand = world.demand(model)
    if demand is not None and entry.kind == "prm":
        context = world.settings.context or DEFAULT_CONTEXT
        context = prm_context(demand.policy, context)
        demand = dataclasses.replace(demand, context=context, kv_type="f16")
    return {
        "name": entry.name,
        "kind": entry.kind,
        "description": entry.description,
        "default": entry.name == world.default,
        "downloaded": found is not None,
        "damaged": found is None and world.store.file(entry).is_file(),
        "to_convert": found is None and entry.source is not None,
        "path": str(found) if found else None,
        "bytes": found.stat().st_size if found else entry.size,
        "bytes_exact": found is not None or entry.bytes is not None,
        "parameters": entry.parameters,
        "context": entry.context,
        "cell_bytes": entry.cell_bytes,
        **world.memory(demand, world.settings.particles),
        "licence": entry.licence,
        "chat_format": entry.chat_format,
    }


def _row(facts: dict[str, Any]) -> tuple[str, ...]:
    on_disk = "convert" if facts["to_convert"] else yes_no(facts["downloaded"])
    return (
        facts["name"],
        size_shown(facts["bytes"], facts["bytes_exact"]),
        size_shown(facts["memory_bytes"]),
        yes_no(facts["fits"]),
        "damaged" if facts["damaged"] else on_disk,
        "reward" if facts["kind"] == "prm" else "default" if facts["default"] else "",
    )


def _told(value: object) -> str:
    return yes_no(value) if isinstance(value, bool) else str(value)


def _how_it_programs(spec: ProgramSpec) -> str:
    own = "" if spec.temperature is None else f" at temperature {spec.temperature:g}"
    return f"{spec.share:.0%} of the particles{own}"


def _how_it_scores(spec: PrmSpec) -> str:
    if spec.head:
        return f"score by its layers {', '.join(spec.head)}"
    return f"score by tokens {spec.positive} and {spec.negative}"
