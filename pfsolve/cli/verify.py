"""`pfsolve models verify`: whether model files are what they should be, and can be loaded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from pfsolve.cli.completion import models as known
from pfsolve.cli.options import AsJson
from pfsolve.cli.world import World, not_here

if TYPE_CHECKING:
    from pfsolve.errors import PfsolveError
    from pfsolve.models.entry import ModelEntry


class _Subject(NamedTuple):
    """A file to look at."""

    name: str
    path: Path
    entry: ModelEntry | None  # None for a file of the user's own


def verify(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME...",
            autocompletion=known,
            help="All on this disk if none is named; with --load also a GGUF file's path.",
        ),
    ] = None,
    load: Annotated[
        bool,
        typer.Option("--load", help="Load each too, and compute with it, in a process of its own."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Hash model files and compare with the sha256 they should have."""
    world = World(as_json)
    subjects = list(_subjects(names, world, load))
    troubles: list[PfsolveError] = []

    def checking() -> Iterator[dict[str, Any]]:
        for subject in subjects:
            facts, trouble = _look_at(subject, world, load)
            troubles.extend([trouble] if trouble else [])
            yield facts

    def row(of: dict[str, Any]) -> list[str]:
        why = f"  {of['trouble']}" if of.get("trouble") else ""
        return [f"{'good' if of['good'] else 'BAD '}  {of['name']}  {of['path']}{why}"]

    world.output.give_each(checking(), row)
    if not subjects:
        world.output.note("No model is on this disk yet")
    if troubles:
        more = f" (and {len(troubles) - 1} more)" if len(troubles) > 1 else ""
        raise type(troubles[0])(troubles[0].message + more, troubles[0].hint)


def _subjects(names: list[str] | None, world: World, load: bool) -> Iterator[_Subject]:
    from pfsolve.environment import own_path
    from pfsolve.errors import UsageError
    from pfsolve.models.download import present
    from pfsolve.models.resolve import is_path

    for name in names or world.catalogue.names:
        if is_path(name):
            if not load:
                raise UsageError(
                    f"there is no sha256 that {name} should have",
                    "add --load to see whether it loads",
                )
            path = own_path(name)
            yield _Subject(path.stem, path, None)
            continue
        entry = world.catalogue.get(name)
        file = present(entry, world.store)
        if file:
            yield _Subject(entry.name, file, entry)
        elif names:
            raise not_here(entry, world)


def _look_at(
    subject: _Subject, world: World, load: bool
) -> tuple[dict[str, Any], PfsolveError | None]:
    """What is found, as JSON, and what is wrong with the file."""
    from pfsolve.errors import PfsolveError
    from pfsolve.models.download import verify as check

    name, path, entry = subject
    trouble: PfsolveError | None = None
    facts: dict[str, Any] = {"name": name, "path": str(path), "good": True}
    if entry is not None:
        found = check(entry, world.store, path)
        facts |= {"good": found.good, "sha256": found.sha256, "expected": found.expected}
        if not found.good:
            trouble = _damaged(name, path, world)
    if load:
        from pfsolve.engine.trial import try_out

        try:
            if trouble is None:
                try_out(path, _role(subject), world.environment, again=True)
        except PfsolveError as error:
            trouble = error
        facts |= {"good": trouble is None, "trouble": trouble.message if trouble else None}
    return facts, trouble


def _role(subject: _Subject) -> Any:
    from pfsolve.models.entry import spec_file

    entry = subject.entry
    is_prm = spec_file(subject.path).is_file() if entry is None else entry.kind == "prm"
    return "reward" if is_prm else "policy"


def _damaged(name: str, path: Path, world: World) -> PfsolveError:
    from pfsolve.errors import ModelFileError

    if path.is_relative_to(world.store.directory):
        hint = f"`pfsolve models rm {name}`, then `pfsolve models pull {name}`"
    else:
        hint = "it lies in the Hub's own cache: `hf cache verify` and `hf cache rm` mend that"
    return ModelFileError(f"{name} is damaged: {path} has a wrong sha256", hint)
