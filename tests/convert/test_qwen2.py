"""The dimensions of a checkpoint, and what is refused because llama.cpp would compute something else."""

from __future__ import annotations

from typing import Any

import pytest

from pfsolve.convert.dimensions import Dimensions
from pfsolve.convert.family import FAMILIES, check_tensors, family_of
from pfsolve.errors import ModelFileError
from tests.convert.checkpoints import Shape, make_arrays, make_config

QWEN2 = FAMILIES["qwen2"]


def read_config(config: dict[str, Any]) -> Dimensions:
    return family_of(config).read_config(config)


def test_dimensions_come_from_the_config() -> None:
    found = read_config(make_config(rms_norm_eps=1e-6, rope_theta=1e6))
    assert (found.hidden, found.layers, found.heads, found.kv_heads) == (64, 2, 4, 2)
    assert (found.norm_epsilon, found.rope_theta) == (1e-6, 1e6)
    assert (found.vocabulary, found.context, found.tied) == (280, 4096, False)


def test_transformers_5_keeps_rope_in_a_table_of_its_own() -> None:
    config = make_config(rope_parameters={"rope_theta": 5000.0, "rope_type": "default"})
    del config["rope_theta"]
    assert read_config(config).rope_theta == 5000.0


@pytest.mark.parametrize(
    "changes",
    [
        {"model_type": "llama"},
        {"model_type": "qwen3"},
        {"model_type": None},
        {"rope_scaling": {"type": "yarn", "factor": 4.0}},
        {"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4, "factor": 4.0}},
        {"use_sliding_window": True},
        {"hidden_act": "gelu"},
        {"head_dim": 32},
        {"num_attention_heads": 5},
        {"num_key_value_heads": 3},
        {"num_hidden_layers": 0},
        {"hidden_size": "64"},
        {"vocab_size": None},
        {"rms_norm_eps": None},
        {"rope_theta": True},
    ],
)
def test_what_would_be_computed_otherwise_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ModelFileError) as caught:
        read_config(make_config(**changes))
    assert next(iter(changes)).removesuffix("_parameters") in caught.value.message or (
        "heads" in caught.value.message
    )


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("output", [False, True])
def test_a_whole_checkpoint_fits(tied: bool, output: bool) -> None:
    shape = Shape(tied=tied)
    shapes = {name: array.shape for name, array in make_arrays(shape).items()}
    wanted = QWEN2.slots(read_config(make_config(shape)), output)
    check_tensors(QWEN2, shapes, wanted)
    assert ("lm_head.weight" in wanted) == (output and not tied)


def test_missing_wrong_and_unknown_tensors_are_named() -> None:
    wanted = QWEN2.slots(read_config(make_config()), False)
    shapes = {name: array.shape for name, array in make_arrays().items()}

    def complaint(changed: dict[str, tuple[int, ...]]) -> str:
        with pytest.raises(ModelFileError) as caught:
            check_tensors(QWEN2, changed, wanted)
        return caught.value.message

    bias = "model.layers.1.self_attn.k_proj.bias"
    assert bias in complaint({name: size for name, size in shapes.items() if name != bias})
    assert "(9,)" in complaint(shapes | {bias: (9,)})
    assert "q_norm" in complaint(shapes | {"model.layers.0.self_attn.q_norm.weight": (16,)})
    assert "layers.2" in complaint(shapes | {"model.layers.2.input_layernorm.weight": (64,)})
    assert "and 1 more" in complaint(shapes | {"score.weight": (2, 64), "score.bias": (2,)})
    check_tensors(QWEN2, shapes | {"model.layers.0.self_attn.rotary_emb.inv_freq": (8,)}, wanted)
