"""What a model consists of, and the keys of a config.json that say so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pfsolve.errors import ModelFileError


@dataclass(frozen=True)
class Dimensions:
    """Hyperparameters of a transformer.

    layers: number of blocks.
    hidden: width of the hidden states.
    feed_forward: width inside a block's feed-forward network.
    heads: number of attention heads; `hidden` is a multiple of it.
    kv_heads: number of key-value heads; `heads` is a multiple of it.
    vocabulary: rows of the embedding.
    context: longest text, in tokens.
    norm_epsilon: of the RMS norms.
    rope_theta: base of the rotary position embedding.
    tied: whether the output matrix is the embedding.
    """

    layers: int
    hidden: int
    feed_forward: int
    heads: int
    kv_heads: int
    vocabulary: int
    context: int
    norm_epsilon: float
    rope_theta: float
    tied: bool


@dataclass(frozen=True)
class Slot:
    """A tensor of the GGUF.

    name: its name there.
    shape: (outputs, inputs) for a matrix, (outputs,) for a norm or a bias.
    """

    name: str
    shape: tuple[int, ...]


def refuse_unless(config: Mapping[str, Any], key: str, *fine: object) -> None:
    """Raise ModelFileError if a key that may be missing has another value than these."""
    value = config.get(key)
    if value is not None and value not in fine:
        raise ModelFileError(f"config.json has {key} {value!r}, which is not supported")


def count(config: Mapping[str, Any], key: str, default: int | None = None) -> int:
    """A positive whole number.

    Raises:
        ModelFileError: it is anything else, or missing without a default.
    """
    value = config.get(key, default)
    if type(value) is not int or value < 1:
        raise ModelFileError(f"config.json has {key} {value!r}, not a positive whole number")
    return value


def number(config: Mapping[str, Any], key: str) -> float:
    """A positive number.

    Raises:
        ModelFileError: it is anything else, or missing.
    """
    value = config.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
        raise ModelFileError(f"config.json has {key} {value!r}, not a positive number")
    return float(value)
