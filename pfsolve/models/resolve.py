"""From what the user calls a model to its file."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from pfsolve.environment import Environment
from pfsolve.errors import ModelMissing
from pfsolve.models.catalogue import load_catalogue
from pfsolve.models.download import pull
from pfsolve.models.entry import ModelEntry
from pfsolve.models.events import Listener, ignore
from pfsolve.models.store import Store


@dataclass(frozen=True)
class Model:
    """A model file on this disk; `entry` is None for a file of the user's own."""

    name: str
    path: Path
    entry: ModelEntry | None


def resolve(
    name_or_path: str | None,
    environment: Environment,
    *,
    offline: bool = False,
    listen: Listener = ignore,
) -> Model:
    """The model called `name_or_path`: a path to a GGUF file, a name in the catalogue, or None for
    the default policy.

    A named model that is not on this disk is fetched. One that is costs a look at its size: no
    network, no hashing.

    Raises:
        ModelMissing, ResourceError, Interrupted: as in `download.pull`; or there is no such file.
        UsageError: the user's models.toml is not valid.
    """
    catalogue = load_catalogue(environment.config_dir)
    name_or_path = name_or_path or catalogue.default_policy
    path = Path(name_or_path).expanduser()
    known = name_or_path.lower() in catalogue.entries
    if is_path(name_or_path) or (not known and path.is_file()):
        if not path.is_file():
            what = "is a directory, not a model file" if path.is_dir() else "does not exist"
            raise ModelMissing(
                f"{path} {what}", "`pfsolve models list` shows the models that pfsolve can fetch"
            )
        return Model(path.stem, path, None)
    entry = catalogue.get(name_or_path)
    store = Store(environment.models_dir)
    path = pull(entry, store, offline=offline or environment.offline, listen=listen)
    return Model(entry.name, path, entry)


def is_path(text: str) -> bool:
    """Whether this can only be meant as a file: it has a separator, or ends in .gguf."""
    separators = {os.sep, os.altsep or os.sep, "/"}
    return text.lower().endswith(".gguf") or any(mark in text for mark in separators)
