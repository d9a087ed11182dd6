"""How the log-odds of a prefix are read from a process reward model, at the prefix's last token.

Either the model was trained to write one of two tokens, whose logits tell, or a few linear layers, the
head, turn the hidden state into log-odds. No GGUF holds a head, so it lies beside, as safetensors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pfsolve.engine.cache import Cache
from pfsolve.engine.runs import Rows, TokenRun
from pfsolve.errors import ModelFileError
from pfsolve.models.safetensors import read_header, read_whole

_HINT = "`pfsolve models convert` writes it anew from the checkpoint"


class PrmReader(Protocol):
    """Reads the log-odds of prefixes from a model."""

    def read(self, cache: Cache, runs: Sequence[TokenRun]) -> NDArray[np.float64]:
        """Decode the runs; the log-odds (k,) at the end of each."""


@dataclass(frozen=True, slots=True)
class TokenLogits:
    """Log-odds: logit of the token `positive` minus that of `negative`."""

    positive: int
    negative: int

    def read(self, cache: Cache, runs: Sequence[TokenRun]) -> NDArray[np.float64]:
        logits = cache.decode(runs).logits[:, (self.positive, self.negative)].astype(np.float64)
        return logits[:, 0] - logits[:, 1]


@dataclass(frozen=True, slots=True)
class Layer:
    """A linear layer: weight (out, in) and bias (out,), float32."""

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]


class Head:
    """Linear layers with ReLU between them, on the final-norm hidden state.

    Log-odds: the last layer's second value minus its first, or its only value.

    Args:
        layers: each as wide as the one before it is high; the last has one or two values.
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = tuple(layers)

    def read(self, cache: Cache, runs: Sequence[TokenRun]) -> NDArray[np.float64]:
        # Only the last tokens with hidden states on: there, llama.cpp makes a row for every token.
        if bodies := [
            TokenRun(r.sequence, r.tokens[:-1], False) for r in runs if len(r.tokens) > 1
        ]:
            cache.decode(bodies)
        outputs = cache.decode([TokenRun(r.sequence, r.tokens[-1:]) for r in runs], hidden=True)
        assert outputs.hidden is not None
        return self.log_odds(outputs.hidden)

    def log_odds(self, hidden: Rows) -> NDArray[np.float64]:
        """From hidden states (k, width) to log-odds (k,)."""
        state = hidden
        for number, layer in enumerate(self.layers):
            state = (np.maximum(state, 0) if number else state) @ layer.weight.T + layer.bias
        values = state.astype(np.float64)
        return values[:, 1] - values[:, 0] if values.shape[1] == 2 else values[:, 0]


def read_head(path: Path, names: Sequence[str], width: int) -> Head:
    """The head with layers of these names, for hidden states of this width.

    Raises:
        ModelFileError: the file is damaged, lacks a layer, or a layer has another shape.
    """
    tensors = _read_tensors(path)
    layers = []
    for name in names:
        weight = tensors.get(f"{name}.weight")
        if weight is None or weight.ndim != 2:
            raise ModelFileError(f"{path} has no matrix {name}.weight", _HINT)
        bias = tensors.get(f"{name}.bias", np.zeros(len(weight), np.float32))
        if bias.shape != weight.shape[:1]:
            raise ModelFileError(f"{path}: {name}.bias is {bias.shape}, not {weight.shape[:1]}")
        layers.append(Layer(weight, bias))
    widths = [width, *(len(layer.weight) for layer in layers)]
    for name, layer, (wanted, _) in zip(names, layers, pairwise(widths), strict=True):
        if layer.weight.shape[1] != wanted:
            raise ModelFileError(
                f"{path}: {name} takes {layer.weight.shape[1]} values, and there are {wanted}",
                "the head and the model do not belong together",
            )
    if widths[-1] not in (1, 2):
        raise ModelFileError(f"{path}: {names[-1]} gives {widths[-1]} values, not one or two")
    return Head(layers)


def _read_tensors(path: Path) -> Mapping[str, NDArray[np.float32]]:
    """All tensors of a safetensors file, widened to float32."""
    try:
        with path.open("rb") as file:
            header = read_header(file, path.stat().st_size, str(path))
            tensors = {tensor.name: read_whole(file, tensor) for tensor in header}
    except OSError as error:
        raise ModelFileError(f"cannot read {path}: {error.strerror}", _HINT) from error
    for name, tensor in tensors.items():
        if not np.isfinite(tensor).all():
            raise ModelFileError(f"{path}: {name} holds what is no finite number", _HINT)
    return tensors
