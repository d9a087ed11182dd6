"""One conversion, from the first look at the checkpoint to the file under its final name."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from pfsolve.convert.checkpoint import Checkpoint, open_checkpoint, read_list
from pfsolve.convert.dimensions import Dimensions
from pfsolve.convert.family import Family, check_tensors, family_of
from pfsolve.convert.gguf_file import GgufFile, Piece, header_bytes
from pfsolve.convert.head import choose_spec, head_tensors, write_head, write_spec
from pfsolve.convert.job import Job
from pfsolve.convert.source import read_small
from pfsolve.convert.vocabulary import read_vocabulary
from pfsolve.errors import Interrupted, ModelFileError, ModelMissing, PfsolveError, UsageError
from pfsolve.events import Listener, ignore
from pfsolve.events.work import (
    BytesCame,
    Converted,
    Converting,
    Copying,
    DownloadWaits,
    HeadWritten,
    Quantizing,
    ReadsLike,
)
from pfsolve.files import sha256_of
from pfsolve.models.entry import GGUF_KINDS, ModelEntry, PrmSpec
from pfsolve.models.prm_parsing import read_spec
from pfsolve.models.store import Store, name_for_good
from pfsolve.models.transfer import PlaceFailed, check_room, disk_trouble

# source, target, kind, a function that hears how large the target is, and whether logits are read
Quantize = Callable[[Path, Path, str, Callable[[int], None], bool], None]


@dataclass(frozen=True)
class ConvertedFiles:
    """What a conversion has written.

    gguf: the model; None if only the head was wanted.
    head: its head's tensors; None where the score is read from the logits.
    spec: how it reads a solution; None where the catalogue tells.
    """

    gguf: Path | None
    head: Path | None
    spec: Path | None

    @classmethod
    def of(cls, job: Job, spec: PrmSpec, head_only: bool) -> ConvertedFiles:
        """What the job is to write for a model that reads as `spec` says."""
        return cls(
            gguf=None if head_only else job.gguf,
            head=job.head if spec.head else None,
            spec=None if job.known else job.spec,
        )


def convert(
    job: Job,
    store: Store,
    entries: tuple[ModelEntry, ...],
    quantize: Quantize,
    *,
    head_only: bool = False,
    listen: Listener = ignore,
) -> ConvertedFiles:
    """Convert; an interrupted conversion is resumed, and a file that is there is left alone.

    Memory: a few blocks of a tensor, the vocabulary, and the head. Disk: the model in 16 bits, and
    beside it one file of the checkpoint if that is fetched, then the file that llama.cpp makes of it.

    Args:
        entries: the catalogue's; one of them tells how to read, where the job does not.
        quantize: makes a smaller GGUF of one in 16 bits.
        head_only: write the head, and not the GGUF.

    Raises:
        PfsolveError: a package is missing.
        ModelMissing: there is no checkpoint, or the Hub does not give it.
        ModelFileError: the checkpoint is damaged, or of a kind that cannot be converted.
        UsageError: nothing tells how it reads.
        ResourceError: the disk has no room, or cannot be written.
        Interrupted: Ctrl-C; what came so far is kept.
    """
    _check_packages()
    waiting = DownloadWaits(job.name)
    with (
        disk_trouble(job.gguf.parent),
        _trouble(job),
        store.lock_named(job.lock, job.name, waiting=lambda: listen(waiting)),
    ):
        return _there(job, head_only) or _Conversion(job, entries, quantize, listen).run(head_only)


def _there(job: Job, head_only: bool) -> ConvertedFiles | None:
    """The files, if none of them is missing."""
    spec: PrmSpec | None = None
    if job.known and job.reader:
        spec = job.reader.prm
    elif job.spec.is_file():
        spec = read_spec(job.gguf)
    if spec is None or (head_only and not spec.head):
        return None
    files = ConvertedFiles.of(job, spec, head_only)
    wanted = [file for file in (files.gguf, files.head, files.spec) if file]
    return files if all(file.is_file() for file in wanted) else None


@dataclass(frozen=True)
class _Conversion:
    """One conversion, under its lock."""

    job: Job
    entries: tuple[ModelEntry, ...]
    quantize: Quantize
    listen: Listener

    def run(self, head_only: bool) -> ConvertedFiles:
        job = self.job
        checkpoint = open_checkpoint(job.source)
        family = family_of(checkpoint.config)
        dimensions = family.read_config(checkpoint.config)
        spec = self._spec(checkpoint)
        if head_only and not spec.head:
            raise UsageError(
                f"{job.name} has no head of its own: its score is read from its logits",
                "leave out --head-only",
            )
        head = head_tensors(
            spec, checkpoint.tensors, hidden=dimensions.hidden, vocabulary=dimensions.vocabulary
        )
        wanted = family.slots(dimensions, not spec.head)
        shapes = {t.name: t.shape for t in checkpoint.tensors.values() if t.name not in head}
        check_tensors(family, shapes, wanted)
        job.work.mkdir(parents=True, exist_ok=True)
        if head:
            write_head(checkpoint, head, job.head)
            self.listen(HeadWritten(job.name, job.head))
        if not job.known:
            write_spec(spec, job.spec)
        if not head_only and not job.gguf.is_file():
            names = {name: slot.name for name, slot in wanted.items()}
            self._make(checkpoint, family, dimensions, names, reads_logits=not spec.head)
            self.listen(Converted(job.name, job.gguf, job.gguf.stat().st_size))
        if not head_only or not any(job.work.iterdir()):
            shutil.rmtree(job.work, ignore_errors=True)
        return ConvertedFiles.of(job, spec, head_only)

    def _spec(self, checkpoint: Checkpoint) -> PrmSpec:
        reader = self.job.reader or choose_spec(self.entries, checkpoint.tensors)
        assert reader.prm  # both only ever give a PRM
        if not self.job.known:
            self.listen(ReadsLike(self.job.name, reader.name))
        return reader.prm

    def _make(
        self,
        checkpoint: Checkpoint,
        family: Family,
        dimensions: Dimensions,
        names: Mapping[str, str],
        *,
        reads_logits: bool,
    ) -> None:
        """Make the GGUF, whose tensors have these `names` by those of the checkpoint."""
        job = self.job
        vocabulary = read_vocabulary(
            lambda file: read_small(job.source, file),
            checkpoint.config,
            dimensions.vocabulary,
            family.pattern,
        )
        pieces = {
            file: [Piece(names[t.name], t) for t in tensors if t.name in names]
            for file, tensors in checkpoint.files.items()
        }
        # A file may hold the head alone.
        pieces = {file: some for file, some in pieces.items() if some}
        header = header_bytes(
            family,
            dimensions,
            vocabulary,
            [piece for some in pieces.values() for piece in some],
            name=job.name,
            url=job.source.url,
            scratch=job.work / "header.gguf",
        )
        draft = GgufFile(job.work, header, job.source.state(tuple(pieces)))
        self._copy(checkpoint, draft, pieces, len(header))
        whole = draft.path
        if job.kind != "F16":
            self.listen(Quantizing(job.name, job.kind))
            whole = job.work / f"{job.kind}.gguf"
            total = _estimate(draft.size, job.kind)
            self.quantize(
                draft.path,
                whole,
                job.kind,
                lambda size: self.listen(BytesCame(job.name, min(size, total), total)),
                reads_logits,
            )
        name_for_good(whole, job.gguf, sha256_of(whole))

    def _copy(
        self,
        checkpoint: Checkpoint,
        draft: GgufFile,
        pieces: Mapping[str, list[Piece]],
        end: int,
    ) -> None:
        """Bring the draft to its whole size, file by file of the checkpoint.

        Args:
            end: bytes of the draft's header.
        """
        job = self.job
        sizes = {file: checkpoint.bytes(file) for file in pieces}
        total = sum(sizes.values())
        self.listen(Converting(job.name, job.source.where, total))
        missing = {}
        for file, some in pieces.items():
            end += sum(piece.room for piece in some)
            if end > draft.size:
                missing[file] = sizes[file]
        self._check_room(end, draft, missing)
        done = total - sum(missing.values())
        for file in missing:
            number = list(pieces).index(file) + 1
            self.listen(Copying(job.name, file, number, len(pieces)))

            def report(bytes_: int, before: int = done) -> None:
                self.listen(BytesCame(job.name, before + bytes_, total))

            with (
                job.source.fetched(file, job.work, report) as path,
                path.open("rb") as weights,
            ):
                if read_list(weights, sizes[file], file) != checkpoint.files[file]:
                    raise ModelFileError(f"{file} has changed meanwhile", "start again")
                copied = 0
                for piece in pieces[file]:
                    draft.add(weights, piece)
                    copied += piece.tensor.bytes
                    if not job.source.is_remote(file):
                        report(copied)
                draft.commit()
            done += sizes[file]
            self.listen(BytesCame(job.name, done, total))

    def _check_room(self, end: int, draft: GgufFile, missing: Mapping[str, int]) -> None:
        """Whether the draft, and what is beside it at any time, fits on the disk.

        Args:
            end: bytes of the whole draft.
            missing: the checkpoint's files that are yet to be copied, and their bytes.

        Raises:
            ResourceError: it does not.
        """
        job = self.job
        fetched = [size for file, size in missing.items() if job.source.is_remote(file)]
        quantized = 0 if job.kind == "F16" else _estimate(end, job.kind)
        check_room(job.gguf.parent, end - draft.size + max(quantized, *fetched, 0))


def _estimate(size: int, kind: str) -> int:
    """Bytes of a file of this kind that in 16 bits has `size`."""
    return int(size * GGUF_KINDS[kind] / GGUF_KINDS["F16"])


def _check_packages() -> None:
    for package in ("gguf", "safetensors"):
        if find_spec(package) is None:
            raise PfsolveError(
                f"the package {package}, which conversion needs, is not installed",
                f"`pip install {package}` installs it",
            )


@contextmanager
def _trouble(job: Job) -> Iterator[None]:
    """Turn what the Hub refuses, and Ctrl-C, into errors that speak of the conversion."""
    try:
        yield
    except PlaceFailed as failure:
        raise ModelMissing(
            f"{job.argument} cannot be fetched. The Hub: {failure.reason}",
            failure.hint or f"`pfsolve models convert {job.argument}` resumes where it stopped",
        ) from None
    except KeyboardInterrupt:
        raise Interrupted(
            f"stopped converting {job.name}; the part that is done is kept",
            "the same command resumes from there",
        ) from None
