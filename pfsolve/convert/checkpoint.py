"""A checkpoint's configuration and the list of its tensors, file by file, before any is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from pfsolve.convert import torch_zip
from pfsolve.convert.source import CheckpointSource, json_object, read_small
from pfsolve.errors import ModelFileError, ModelMissing
from pfsolve.models.safetensors import Tensor, read_header

# In order of preference. An index names the files of a checkpoint that is in several.
_SINGLE = ("model.safetensors", "pytorch_model.bin")
_INDEX = "{}.index.json"


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint whose weights have not been read yet.

    source: its files.
    config: its config.json.
    files: the tensors of each file of weights, in the order in which they follow each other there.
    """

    source: CheckpointSource
    config: Mapping[str, Any]
    files: Mapping[str, tuple[Tensor, ...]]

    @property
    def tensors(self) -> dict[str, Tensor]:
        """The tensors of all files, by name."""
        return {tensor.name: tensor for tensors in self.files.values() for tensor in tensors}

    def bytes(self, file: str) -> int:
        """Size of a file of weights."""
        return self.source.size(file) or 0


def open_checkpoint(source: CheckpointSource) -> Checkpoint:
    """Read the configuration, and the headers of all files of weights.

    Raises:
        ModelMissing: there is no checkpoint there.
        ModelFileError: a file is missing, damaged or of a kind that cannot be converted.
        PlaceFailed: the Hub does not give it.
    """
    config = _json(source, "config.json")
    if config is None:
        raise ModelMissing(
            f"{source.title} holds no checkpoint: there is no config.json",
            "give a directory or a repository with config.json, tokenizer and weights",
        )
    files = {file: _list(source, file) for file in _weights(source)}
    names = [tensor.name for tensors in files.values() for tensor in tensors]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ModelFileError(f"{source.title} has {twice} in two files")
    return Checkpoint(source, config, files)


def read_list(file: BinaryIO, size: int, name: str) -> tuple[Tensor, ...]:
    """The tensors of one file of weights; the ending of its name tells its format."""
    if name.endswith(".safetensors"):
        return tuple(read_header(file, size, name))
    return tuple(torch_zip.read_index(file, name))


def _weights(source: CheckpointSource) -> list[str]:
    for single in _SINGLE:
        if index := _json(source, _INDEX.format(single)):
            names = index.get("weight_map")
            if not isinstance(names, dict) or not names or not all(map(_is_plain, names.values())):
                raise ModelFileError(f"{_INDEX.format(single)} of {source.title} is damaged")
            return sorted(set(names.values()))
        if source.size(single) is not None:
            return [single]
    raise ModelMissing(
        f"{source.title} has no weights that can be converted",
        f"they are looked for as {' and '.join(_SINGLE)}, or in several files with an index",
    )


def _is_plain(file: object) -> bool:
    """Whether this is the name of a file of weights in the checkpoint's own directory."""
    return (
        isinstance(file, str)
        and file.endswith((".safetensors", ".bin"))
        and not any(mark in file for mark in "/\\:")
    )


def _list(source: CheckpointSource, file: str) -> tuple[Tensor, ...]:
    size = source.size(file)
    if size is None:
        raise ModelFileError(
            f"{source.title} lacks {file}, which its index names",
            "fetch the checkpoint again, with all its files",
        )
    with source.open(file) as stream:
        return read_list(stream, size, file)


def _json(source: CheckpointSource, file: str) -> Mapping[str, Any] | None:
    return json_object(read_small(source, file), f"{file} of {source.title}")
