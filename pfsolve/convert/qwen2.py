"""The Qwen2 family, to which Qwen2.5 belongs.

llama.cpp refuses a qwen2 file with one tensor too many; without `output.weight` it takes the token
embedding for the output, which is right where the two are tied, and does no harm to a value head.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pfsolve.convert.dimensions import Dimensions, Slot, count, number, refuse_unless
from pfsolve.errors import ModelFileError

# An output that a value head does not need, and what older checkpoints keep of the rotation.
DROPPED = re.compile(r"lm_head\.weight|.*\.rotary_emb\.inv_freq")

# How text is split into words before the merges. A checkpoint that splits in another way would read
# every number or line break wrongly, without a word of complaint.
PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def read_config(config: Mapping[str, Any]) -> Dimensions:
    """The dimensions in a config.json.

    Raises:
        ModelFileError: it is damaged, or asks for what llama.cpp's qwen2 does not do.
    """
    rope = config.get("rope_parameters") or {}  # where transformers 5 keeps all of RoPE
    scaling = config.get("rope_scaling") or rope
    refuse_unless(
        {"rope_scaling": scaling.get("rope_type", scaling.get("type"))}, "rope_scaling", "default"
    )
    refuse_unless(config, "hidden_act", "silu")
    refuse_unless(config, "use_sliding_window", False)
    hidden, heads = count(config, "hidden_size"), count(config, "num_attention_heads")
    refuse_unless(config, "head_dim", hidden // heads)
    kv_heads = count(config, "num_key_value_heads", heads)
    if hidden % heads or heads % kv_heads:
        raise ModelFileError(
            f"config.json has {heads} heads and {kv_heads} key-value heads for {hidden} dimensions"
        )
    return Dimensions(
        layers=count(config, "num_hidden_layers"),
        hidden=hidden,
        feed_forward=count(config, "intermediate_size"),
        heads=heads,
        kv_heads=kv_heads,
        vocabulary=count(config, "vocab_size"),
        context=count(config, "max_position_embeddings"),
        norm_epsilon=number(config, "rms_norm_eps"),
        rope_theta=number({"rope_theta": config.get("rope_theta"), **rope}, "rope_theta"),
        tied=bool(config.get("tie_word_embeddings", False)),
    )


def slots(dimensions: Dimensions, output: bool) -> dict[str, Slot]:
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
        found["lm_head.weight"] = Slot("output.weight", (dimensions.vocabulary, hidden))
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
