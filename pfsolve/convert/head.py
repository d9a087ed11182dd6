"""The head of a process reward model: whose way of reading fits it, and its tensors."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pfsolve.convert.checkpoint import Checkpoint
from pfsolve.errors import ModelFileError, UsageError
from pfsolve.files import replacing, write_text
from pfsolve.models.entry import ModelEntry, PrmSpec
from pfsolve.models.safetensors import Tensor, read_whole

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def choose_spec(entries: Iterable[ModelEntry], tensors: Mapping[str, Tensor]) -> ModelEntry:
    """The known PRM whose head's tensors a checkpoint holds.

    Args:
        entries: the catalogue's.
        tensors: the checkpoint's, by name.

    Raises:
        UsageError: there is none, or several that read in different ways.
    """
    fitting = [
        entry
        for entry in entries
        if entry.prm
        and entry.prm.head
        and all(f"{name}.weight" in tensors for name in entry.prm.head)
    ]
    if not fitting:
        raise UsageError(
            "the checkpoint holds the head of no process reward model that pfsolve knows",
            "--like NAME names the model that reads as this one does; `pfsolve models list` has the names",
        )
    if len({entry.prm for entry in fitting}) > 1:
        names = ", ".join(entry.name for entry in fitting)
        raise UsageError(
            f"the checkpoint may be of the kind of several process reward models: {names}",
            "--like NAME says which",
        )
    return fitting[0]


def head_tensors(
    spec: PrmSpec, tensors: Mapping[str, Tensor], hidden: int, vocabulary: int
) -> dict[str, Tensor]:
    """The tensors of the head, by name; none for a PRM whose score is read from the logits.

    Args:
        tensors: the checkpoint's, by name.
        hidden: width of its hidden states.
        vocabulary: rows of its embedding.

    Raises:
        ModelFileError: they do not fit, or a token's id is too large for the vocabulary.
    """
    for what in ("marker", "positive", "negative"):
        token = getattr(spec, what)
        if isinstance(token, int) and token >= vocabulary:
            raise ModelFileError(
                f"the {what} is token {token}, but the checkpoint's vocabulary has {vocabulary}",
                "--like NAME chooses another way of reading",
            )
    found: dict[str, Tensor] = {}
    width = hidden
    for name in spec.head:
        weight, bias = tensors.get(f"{name}.weight"), tensors.get(f"{name}.bias")
        if weight is None:
            raise ModelFileError(
                f"the checkpoint has no {name}.weight, the head's",
                "--like NAME chooses another way of reading",
            )
        if len(weight.shape) != 2 or weight.shape[1] != width:
            raise ModelFileError(f"{weight.name} has shape {weight.shape}, not (..., {width})")
        width = weight.shape[0]
        found[weight.name] = weight
        if bias is not None:
            if bias.shape != (width,):
                raise ModelFileError(f"{bias.name} has shape {bias.shape}, not ({width},)")
            found[bias.name] = bias
    if spec.head and width not in (1, 2):
        raise ModelFileError(f"the head has {width} outputs; only 1 and 2 can be read as a score")
    return found


def write_head(checkpoint: Checkpoint, wanted: Mapping[str, Tensor], target: Path) -> None:
    """Write the head's tensors, as float32, to a safetensors file.

    Raises:
        ModelFileError: one of them is not finite.
        PlaceFailed: the Hub does not give them.
    """
    import numpy as np
    from safetensors.numpy import save

    arrays: dict[str, NDArray[np.float32]] = {}
    for file, tensors in checkpoint.files.items():
        if own := [tensor for tensor in tensors if tensor.name in wanted]:
            with checkpoint.source.open(file) as stream:
                arrays |= {tensor.name: read_whole(stream, tensor) for tensor in own}
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise ModelFileError(f"{name} has values that are not finite")
    with replacing(target) as head:
        head.write(save(arrays))


def write_spec(spec: PrmSpec, target: Path) -> None:
    """Write a spec as the keys of a [models.prm] table of models.toml."""
    lines = [
        f"{field.name} = {json.dumps(value, ensure_ascii=False)}\n"
        for field in dataclasses.fields(spec)
        if (value := getattr(spec, field.name)) != field.default
    ]
    write_text(target, "".join(lines))
