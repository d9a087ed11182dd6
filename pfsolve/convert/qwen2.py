"""What a Qwen2 model of given dimensions consists of, in the checkpoint's names and in llama.cpp's.

llama.cpp refuses a qwen2 file with one tensor too many; without `output.weight` it takes the token
embedding for the output, which is right where the two are tied, and does no harm to a value head.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pfsolve.errors import ModelFileError

ARCHITECTURE = "qwen2"
OUTPUT = "lm_head.weight"

_SUPPORTED = "`pfsolve models convert` takes checkpoints of the Qwen2 and Qwen2.5 families"


@dataclass(frozen=True)
class Dimensions:
    """Hyperparameters, as in config.json. `tied`: the output is the embedding."""

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
    """A tensor of the GGUF: its name there, and its shape, (outputs, inputs) for a matrix."""

    name: str
    shape: tuple[int, ...]


def read_config(config: Mapping[str, Any]) -> Dimensions:
    """The dimensions in a config.json.

    Raises:
        ModelFileError: it is of another family, or asks for what llama.cpp's qwen2 does not do.
    """
    kind = config.get("model_type")
    if kind != "qwen2":
        raise ModelFileError(f"the checkpoint's model_type is {kind!r}, not 'qwen2'", _SUPPORTED)
    rope = config.get("rope_parameters") or {}  # where transformers 5 keeps all of RoPE
    scaling = config.get("rope_scaling") or rope
    _refuse("rope_scaling", scaling.get("rope_type", scaling.get("type")), None, "default")
    _refuse("hidden_act", config.get("hidden_act"), None, "silu")
    _refuse("use_sliding_window", config.get("use_sliding_window"), None, False)
    hidden, heads = _count(config, "hidden_size"), _count(config, "num_attention_heads")
    _refuse("head_dim", config.get("head_dim"), None, hidden // heads)
    kv_heads = _count(config, "num_key_value_heads", heads)
    if hidden % heads or heads % kv_heads:
        raise ModelFileError(
            f"config.json has {heads} heads and {kv_heads} key-value heads for {hidden} dimensions"
        )
    return Dimensions(
        layers=_count(config, "num_hidden_layers"),
        hidden=hidden,
        feed_forward=_count(config, "intermediate_size"),
        heads=heads,
        kv_heads=kv_heads,
        vocabulary=_count(config, "vocab_size"),
        context=_count(config, "max_position_embeddings"),
        norm_epsilon=_number(config, "rms_norm_eps"),
        rope_theta=_number({"rope_theta": config.get("rope_theta"), **rope}, "rope_theta"),
        tied=bool(config.get("tie_word_embeddings", False)),
    )


def slots(dimensions: Dimensions, *, output: bool) -> dict[str, Slot]:
    """Every tensor of the GGUF, by the checkpoint's name for it.

    Args:
        output: whether the logits are wanted, and with them the output matrix if it is not tied.
    """
    hidden, feed_forward = dimensions.hidden, dimensions.feed_forward
    kv = hidden // dimensions.heads * dimensions.kv_heads
    found = {
        "model.embed_tokens.weight": Slot("token_embd.weight", (dimensions.vocabulary, hidden)),
        "model.norm.weight": Slot("output_norm.weight", (hidden,)),
    }
    if output and not dimensions.tied:
        found[OUTPUT] = Slot("output.weight", (dimensions.vocabulary, hidden))
    shapes: dict[str, tuple[str, tuple[int, ...]]] = {
        "input_layernorm.weight": ("attn_norm.weight", (hidden,)),
        "self_attn.q_proj.weight": ("attn_q.weight", (hidden, hidden)),
        "self_attn.q_proj.bias": ("attn_q.bias", (hidden,)),
        "self_attn.k_proj.weight": ("attn_k.weight", (kv, hidden)),
        "self_attn.k_proj.bias": ("attn_k.bias", (kv,)),
        "self_attn.v_proj.weight": ("attn_v.weight", (kv, hidden)),
        "self_attn.v_proj.bias": ("attn_v.bias", (kv,)),
        "self_attn.o_proj.weight": ("attn_output.weight", (hidden, hidden)),
        "post_attention_layernorm.weight": ("ffn_norm.weight", (hidden,)),
        "mlp.gate_proj.weight": ("ffn_gate.weight", (feed_forward, hidden)),
        "mlp.up_proj.weight": ("ffn_up.weight", (feed_forward, hidden)),
        "mlp.down_proj.weight": ("ffn_down.weight", (hidden, feed_forward)),
    }
    for layer in range(dimensions.layers):
        for theirs, (ours, shape) in shapes.items():
            found[f"model.layers.{layer}.{theirs}"] = Slot(f"blk.{layer}.{ours}", shape)
    return found


def check_tensors(shapes: Mapping[str, tuple[int, ...]], wanted: Mapping[str, Slot]) -> None:
    """Whether a checkpoint holds all that it should, in the right shapes, and nothing unknown.

    Args:
        shapes: of its tensors, by name, without those of a head.
        wanted: from `slots`.

    Raises:
        ModelFileError: it does not.
    """
    for name, slot in wanted.items():
        if name not in shapes:
            raise ModelFileError(
                f"the checkpoint has no {name}", "fetch it again, with all its files"
            )
        if shapes[name] != slot.shape:
            raise ModelFileError(
                f"{name} has shape {shapes[name]}, but by config.json it should be {slot.shape}"
            )
    unknown = [name for name in shapes if name not in wanted and not is_dropped(name)]
    if unknown:
        more = f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""
        raise ModelFileError(
            f"the checkpoint has {unknown[0]}{more}, neither of a Qwen2 model nor of the head",
            "--like NAME chooses another head; `pfsolve models list` has the names",
        )


def is_dropped(name: str) -> bool:
    """Whether a tensor that has no slot may be left behind: an output that nobody wants, or what
    older checkpoints keep of the rotation's frequencies."""
    return name == OUTPUT or name.endswith(".rotary_emb.inv_freq")


def _refuse(key: str, value: object, *fine: object) -> None:
    if value not in fine:
        raise ModelFileError(f"config.json has {key} {value!r}, which is not supported", _SUPPORTED)


def _count(config: Mapping[str, Any], key: str, default: int | None = None) -> int:
    value = config.get(key, default)
    if type(value) is not int or value < 1:
        raise ModelFileError(f"config.json has {key} {value!r}, not a positive whole number")
    return value


def _number(config: Mapping[str, Any], key: str) -> float:
    value = config.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
        raise ModelFileError(f"config.json has {key} {value!r}, not a positive number")
    return float(value)
