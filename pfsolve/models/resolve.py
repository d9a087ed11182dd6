"""From what the user calls a model to its file."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from pfsolve.environment import Environment, own_path
from pfsolve.errors import ModelMissing, UsageError, named
from pfsolve.events import Listener, ignore
from pfsolve.events.work import PolicyChosen
from pfsolve.models.catalogue import Catalogue, UnknownModel, load_catalogue
from pfsolve.models.download import pull
from pfsolve.models.entry import ModelEntry, PrmSpec, head_file
from pfsolve.models.prm_parsing import read_spec
from pfsolve.models.store import Store

_REPOSITORY = re.compile(r"[\w-]+/[\w.-]+(?<!\.gguf)")  # as the Hub names one: owner/name


@dataclass(frozen=True)
class ModelFile:
    """A model file on this disk.

    name: the entry's, or the stem of the file's name.
    path: where it is.
    entry: None for a file of the user's own.
    """

    name: str
    path: Path
    entry: ModelEntry | None


@dataclass(frozen=True)
class WantedPolicy:
    """A policy that is to be used, before it is fetched.

    name: the entry's, or the stem of the file's name.
    entry: with the places that may give its file; None for a file of the user's own.
    file: that file; None for a model of the catalogue.
    reason: why it was chosen and is to be fetched; None where it was named, or is on this disk.
    """

    name: str
    entry: ModelEntry | None = None
    file: Path | None = None
    reason: str | None = None

    def fetch(
        self, environment: Environment, *, offline: bool = False, listen: Listener = ignore
    ) -> ModelFile:
        """The model's file, fetched if it is not on this disk; only its size is looked at if it is.

        Raises:
            ModelMissing, ResourceError, Interrupted: as in `download.pull`.
        """
        if self.file is not None:
            return ModelFile(self.name, self.file, None)
        assert self.entry is not None  # there is one of the two
        if self.reason is not None:
            listen(PolicyChosen(self.name, self.reason))
        return _fetched(self.entry, environment, offline, listen)


@dataclass(frozen=True)
class PrmFiles:
    """A process reward model on this disk.

    model: its GGUF.
    spec: how it reads a solution.
    head: its head's tensors; None where the score is read from the logits.
    """

    model: ModelFile
    spec: PrmSpec
    head: Path | None


def resolve(
    name_or_path: str,
    environment: Environment,
    *,
    offline: bool = False,
    listen: Listener = ignore,
) -> ModelFile:
    """The policy called `name_or_path`: a GGUF file's path, or a name in the catalogue.

    Raises:
        ModelMissing, ResourceError, Interrupted: as in `download.pull`; or there is no such file.
        UsageError: it is no policy; or the user's models.toml is not valid.
    """
    wanted = look_up_policy(name_or_path, environment)
    return wanted.fetch(environment, offline=offline, listen=listen)


def look_up_policy(name_or_path: str, environment: Environment) -> WantedPolicy:
    """The policy that `resolve` would find; nothing is fetched.

    Raises:
        ModelMissing: there is no such file.
        UsageError: the name is unknown or no policy's, or the user's models.toml is not valid.
    """
    catalogue = load_catalogue(environment.config_dir)
    try:
        found = _look_up(name_or_path, catalogue)
    except UnknownModel as error:
        raise UnknownModel(
            f"{named('policy')} is {name_or_path!r}, which is no model that pfsolve knows",
            error.hint,
        ) from None
    if isinstance(found, Path):
        return WantedPolicy(found.stem, file=found)
    if found.kind != "policy":
        raise UsageError(
            f"{found.name} cannot be the policy: it scores solutions and does not write them",
            f"{named('reward', found.name)} uses it; `pfsolve models list` shows the policies",
        )
    return WantedPolicy(found.name, found)


def resolve_prm(
    name_or_path: str,
    environment: Environment,
    *,
    offline: bool = False,
    listen: Listener = ignore,
) -> PrmFiles:
    """The process reward model called `name_or_path`: a GGUF file's path, or a name in the catalogue.

    A GGUF file of the user's own has its spec beside it, and its head if it needs one. A named model
    is fetched as in `resolve`, unless it must be converted; then it must have been.

    Raises:
        ModelMissing, ResourceError, Interrupted: as in `download.pull`; or a file is not there.
        UsageError: it is no process reward model; or the user's models.toml, or the file's spec, is
            not valid.
    """
    found, spec = look_up_prm(name_or_path, environment)
    if isinstance(found, Path):
        model = ModelFile(found.stem, found, None)
    else:
        model = _fetched(found, environment, offline, listen)
    head = head_file(model.path) if spec.head else None
    if head is not None and not head.is_file():
        raise ModelMissing(
            f"{model.name} has lost its head: there is no {head}",
            f"`pfsolve models convert {model.name if model.entry else 'CHECKPOINT'}` writes it",
        )
    return PrmFiles(model, spec, head)


def look_up_prm(name_or_path: str, environment: Environment) -> tuple[Path | ModelEntry, PrmSpec]:
    """The file or the entry that `resolve_prm` would find, and its spec; nothing is fetched.

    Raises:
        ModelMissing: there is no such file.
        UnknownModel: there is no model of this name.
        UsageError: it is no process reward model; or a TOML file is not valid.
    """
    found = _look_up(name_or_path, load_catalogue(environment.config_dir))
    if isinstance(found, Path):
        return found, read_spec(found)
    if found.prm is None:
        raise UsageError(
            f"{found.name} cannot be the reward: it writes solutions and does not score them",
            f"{named('policy', found.name)} uses it; `pfsolve models list` shows the models that do",
        )
    return found, found.prm


def _look_up(name_or_path: str, catalogue: Catalogue) -> Path | ModelEntry:
    path = own_path(name_or_path)
    known = name_or_path.lower() in catalogue.entries
    if not is_path(name_or_path) and (known or not path.is_file()):
        return catalogue.get(name_or_path)
    if not path.is_file():
        if "://" in name_or_path or _REPOSITORY.fullmatch(name_or_path):
            raise ModelMissing(
                f"{name_or_path} is no file on this disk",
                "download the .gguf and give its path, or add the repository to your models.toml; "
                "`pfsolve models list` shows the models that pfsolve can fetch",
            )
        what = "is a directory, not a model file" if path.is_dir() else "does not exist"
        raise ModelMissing(
            f"{path} {what}", "`pfsolve models list` shows the models that pfsolve can fetch"
        )
    return path


def _fetched(
    entry: ModelEntry, environment: Environment, offline: bool, listen: Listener
) -> ModelFile:
    store = Store(environment.models_dir)
    path = pull(entry, store, offline=offline or environment.offline, listen=listen)
    return ModelFile(entry.name, path, entry)


def is_path(text: str) -> bool:
    """Whether this can only be meant as a file: it has a separator, or ends in .gguf."""
    separators = {os.sep, os.altsep or os.sep, "/"}
    return text.lower().endswith(".gguf") or any(mark in text for mark in separators)
