"""What is to be converted, and into which files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pfsolve.convert.source import CheckpointSource, Directory, Repository
from pfsolve.environment import own_path
from pfsolve.errors import ModelMissing, UsageError
from pfsolve.models.catalogue import Catalogue
from pfsolve.models.entry import GGUF_KINDS, ModelEntry, head_file, spec_file
from pfsolve.models.hub import REPO
from pfsolve.models.store import CONVERTING, Store

DEFAULT_KIND = "Q8_0"


@dataclass(frozen=True)
class Job:
    """One conversion.

    argument: what the user calls the checkpoint.
    source: its files.
    name: the model's.
    gguf: where the GGUF goes, with its head beside it.
    kind: of the GGUF, one of `GGUF_KINDS`.
    known: whether the GGUF is the file of a catalogue entry; else its spec lies beside it too.
    reader: the entry that tells how it reads; None where its tensors must tell.
    lock: name of the lock that keeps other processes away.
    """

    argument: str
    source: CheckpointSource
    name: str
    gguf: Path
    kind: str
    known: bool
    reader: ModelEntry | None
    lock: str

    @property
    def head(self) -> Path:
        return head_file(self.gguf)

    @property
    def spec(self) -> Path:
        return spec_file(self.gguf)

    @property
    def work(self) -> Path:
        """The folder for all that is unfinished, on the disk of the GGUF."""
        return self.gguf.parent / f"{CONVERTING}{self.gguf.stem}"


def plan(
    argument: str,
    catalogue: Catalogue,
    store: Store,
    *,
    kind: str | None = None,
    like: str | None = None,
    folder: Path | None = None,
    revision: str | None = None,
    offline: bool = False,
) -> Job:
    """The conversion of `argument`: a catalogue entry's name, a directory, or a repository.

    A catalogue entry's repository is that entry, and its files go where the entry's are looked for,
    unless `folder` or `like` is given.

    Args:
        kind: one of GGUF_KINDS; None for the entry's own, else Q8_0.
        like: name of the PRM that reads in the same way.
        folder: where the files go.
        revision: of the repository; None for the entry's own, else "main".
        offline: ask nothing of the Hub.

    Raises:
        UsageError: this cannot be converted, or not into that.
        ModelMissing: there is no such thing.
    """
    if kind is not None and kind not in GGUF_KINDS:
        raise UsageError(f"--type is {kind!r}", f"it can be {', '.join(GGUF_KINDS)}")
    entry, source = _find(argument, catalogue, revision, offline)
    reader = _prm(catalogue.get(like)) if like else entry
    if entry and folder is None and like is None:
        own = _kind_of(entry)
        if own and kind not in (None, own):
            raise UsageError(
                f"{entry.name} is kept as {own}, not as {kind}",
                f"--to DIR writes another {kind} file, to be named by its path",
            )
        gguf = store.file(entry)
        kind = own or kind or DEFAULT_KIND
        return Job(argument, source, entry.name, gguf, kind, True, entry, entry.name)
    kind = kind or DEFAULT_KIND
    name = re.sub(r"[^a-z0-9._-]+", "-", source.title.lower()).strip("-.") or "model"
    if folder is None and name in catalogue.entries:
        raise UsageError(
            f"{name} is the name of a model that pfsolve knows, whose folder holds only its own files",
            "--to DIR names another folder",
        )
    folder = (folder or store.directory / name).resolve()
    gguf = folder / f"{name}-{kind}.gguf"
    lock = re.sub(r"[^A-Za-z0-9._-]", "-", f"convert{gguf}")[-200:]
    return Job(argument, source, name, gguf, kind, False, reader, lock)


def _find(
    argument: str, catalogue: Catalogue, revision: str | None, offline: bool
) -> tuple[ModelEntry | None, CheckpointSource]:
    """The checkpoint, and the catalogue's entry for it."""
    if entry := catalogue.entries.get(argument.lower()):
        _prm(entry)
        if entry.source is None:
            raise UsageError(
                f"{entry.name} need not be converted: it can be had ready for llama.cpp",
                f"`pfsolve models pull {entry.name}` fetches it",
            )
        wanted = revision or entry.source.revision
        return entry, Repository(entry.source.repo, wanted, offline=offline)
    path = own_path(argument)
    if path.is_dir():
        if revision:
            raise UsageError(f"--revision is for repositories, and {argument} is a directory")
        return None, Directory(path)
    if not REPO.fullmatch(argument):
        what = (
            "is a file" if path.is_file() else "is no model, directory or repository (owner/name)"
        )
        raise ModelMissing(
            f"{argument} {what}",
            "give the directory of a checkpoint, a repository, or a name of `pfsolve models list`",
        )
    for entry in catalogue.entries.values():
        if entry.source and entry.source.repo.lower() == argument.lower():
            wanted = revision or entry.source.revision
            return entry, Repository(entry.source.repo, wanted, offline=offline)
    return None, Repository(argument, revision or "main", offline=offline)


def _prm(entry: ModelEntry) -> ModelEntry:
    if entry.prm is None:
        raise UsageError(
            f"{entry.name} is no process reward model", "`pfsolve models list` shows which are"
        )
    return entry


def _kind_of(entry: ModelEntry) -> str | None:
    """What the name of the entry's file says it is."""
    stem = Path(entry.file).stem.upper()
    return next((kind for kind in GGUF_KINDS if stem.endswith(kind)), None)
