"""Heads: linear layers from safetensors, and what is refused before anything is computed with them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pfsolve.errors import ModelFileError
from pfsolve.rewards.prm.model import FoundPrm, Prm, open_prm
from pfsolve.rewards.prm.reader import Head, Layer, read_head

WIDTH = 4


def write_tensors(path: Path, tensors: dict[str, tuple[str, tuple[int, ...], bytes]]) -> Path:
    """A safetensors file of (type, shape, bytes), written by hand: the format is simple."""
    header, start = {}, 0
    for name, (kind, shape, data) in tensors.items():
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [start, start + len(data)]}
        start += len(data)
    text = json.dumps(header).encode()
    body = b"".join(data for _, _, data in tensors.values())
    path.write_bytes(len(text).to_bytes(8, "little") + text + body)
    return path


def floats(values: np.ndarray) -> tuple[str, tuple[int, ...], bytes]:
    return "F32", values.shape, values.astype("<f4").tobytes()


def test_two_labels_are_compared_and_one_value_is_taken_as_it_is() -> None:
    rng = np.random.default_rng(0)
    hidden = rng.standard_normal((3, WIDTH)).astype(np.float32)
    first = Layer(rng.standard_normal((6, WIDTH)).astype(np.float32), np.ones(6, np.float32))
    for outputs in (1, 2):
        last = Layer(rng.standard_normal((outputs, 6)).astype(np.float32), np.zeros(outputs))
        values = np.maximum(hidden @ first.weight.T + 1, 0) @ last.weight.T
        expected = values[:, 0] if outputs == 1 else values[:, 1] - values[:, 0]
        found = Head([first, last]).log_odds(hidden)
        assert found.dtype == np.float64
        assert found == pytest.approx(expected, abs=1e-5)


def test_bfloat16_is_widened(tmp_path: Path) -> None:
    weight = np.array([[1.5, -2.0, 0.25, 3.0]], np.float32)  # each a bfloat16
    halves = (weight.view(np.uint32) >> 16).astype("<u2").tobytes()
    path = write_tensors(tmp_path / "h.safetensors", {"v.weight": ("BF16", (1, WIDTH), halves)})
    head = read_head(path, ["v"], WIDTH)
    assert head.layers[0].weight.dtype == np.float32
    assert head.layers[0].weight.tolist() == weight.tolist()
    assert head.layers[0].bias.tolist() == [0.0]


@pytest.mark.parametrize(
    ("tensors", "complaint"),
    [
        ({}, r"has no matrix s\.0\.weight"),
        (
            {"s.0.weight": np.full((1, WIDTH), np.nan)},
            r"s\.0\.weight holds what is no finite number",
        ),
        ({"s.0.weight": np.ones(4)}, r"has no matrix s\.0\.weight"),
        ({"s.0.weight": np.ones((3, 5))}, r"s\.0 takes 5 values, and there are 4"),
        ({"s.0.weight": np.ones((3, 4)), "s.2.weight": np.ones((2, 4))}, r"s\.2 takes 4 .* are 3"),
        ({"s.0.weight": np.ones((3, 4)), "s.2.weight": np.ones((7, 3))}, r"s\.2 gives 7 values"),
        (
            {"s.0.weight": np.ones((3, 4)), "s.0.bias": np.ones(4)},
            r"s\.0\.bias is \(4,\), not \(3,",
        ),
    ],
)
def test_a_head_that_does_not_fit_is_refused(
    tmp_path: Path, tensors: dict[str, np.ndarray], complaint: str
) -> None:
    good = {"s.2.weight": np.ones((2, 3))}
    both = {name: floats(values) for name, values in (good | tensors).items()}
    path = write_tensors(tmp_path / "h.safetensors", both)
    with pytest.raises(ModelFileError, match=complaint):
        read_head(path, ["s.0", "s.2"], WIDTH)


@pytest.mark.parametrize("data", [b"", b"GGUF", b"\xff" * 100, b"\x02" + bytes(7) + b"{]"])
def test_a_file_that_is_no_head_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "h.safetensors"
    path.write_bytes(data)
    with pytest.raises(ModelFileError, match=r"h\.safetensors"):
        read_head(path, ["s"], WIDTH)


def test_the_head_of_a_wider_model_is_refused_by_name(
    find_tiny: Callable[[str], FoundPrm], tmp_path: Path
) -> None:
    tiny = find_tiny("linear")
    wide = {"score.weight": floats(np.ones((2, 1536)))}
    head = write_tensors(tmp_path / "wide.safetensors", wide)
    wrong = replace(tiny, files=replace(tiny.files, head=head))
    with pytest.raises(ModelFileError, match=r"^linear: .*score takes 1536 values, .* are 64"):
        open_prm(wrong, sequences=1, context=64, threads=1, gpu_layers=0)


def test_a_marker_of_another_vocabulary_is_refused_by_name(
    find_tiny: Callable[[str], FoundPrm],
) -> None:
    tiny = find_tiny("mlp")
    spec = replace(tiny.files.spec, marker=151651)
    wrong = replace(tiny, files=replace(tiny.files, spec=spec))
    with pytest.raises(ModelFileError, match=r"^mlp: `marker` is token 151651, .* only 352"):
        open_prm(wrong, sequences=1, context=64, threads=1, gpu_layers=0)


def test_the_context_is_half_as_long_again_within_the_models_own(
    open_tiny: Callable[..., Prm],
) -> None:
    assert open_tiny("mlp", context=200).context == 300
    assert open_tiny("mlp", context=900).context == 1024
