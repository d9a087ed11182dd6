"""The tensors of safetensors and torch files, number for number, and nothing else out of them."""

from __future__ import annotations

import io
import os
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from pfsolve.convert.checkpoint import read_list
from pfsolve.errors import ModelFileError
from pfsolve.models.safetensors import BLOCK, Tensor, read_blocks, read_whole
from tests.convert import checkpoints as make

FIXTURES = Path(__file__).parents[1] / "rewards" / "prm" / "fixtures"


def tensors_of(path: Path) -> dict[str, np.ndarray]:
    with path.open("rb") as file:
        listed = read_list(file, path.stat().st_size, path.name)
        assert list(listed) == sorted(listed, key=lambda tensor: tensor.order)
        return {tensor.name: read_whole(file, tensor) for tensor in listed}


def refused(path: Path) -> str:
    with pytest.raises(ModelFileError) as caught, path.open("rb") as file:
        read_list(file, path.stat().st_size, path.name)
    return caught.value.message


@pytest.mark.parametrize("dtype", ["BF16", "F16", "F32"])
@pytest.mark.parametrize("kind", ["safetensors", "bin"])
def test_every_number_comes_out_as_it_went_in(tmp_path: Path, kind: str, dtype: str) -> None:
    arrays = make.make_arrays()
    if dtype == "F16":
        arrays = {
            name: array.astype(np.float16).astype(np.float32) for name, array in arrays.items()
        }
    path = tmp_path / f"x.{kind}"
    (make.write_safetensors if kind == "safetensors" else make.write_bin)(path, arrays, dtype)
    found = tensors_of(path)
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found[name].dtype == np.float32
        np.testing.assert_array_equal(found[name], array)


def test_a_safetensors_file_of_the_library_is_read(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    array = np.arange(12, dtype=np.float16).reshape(3, 4)
    save_file({"a": array, "b": array[0].astype(np.float32)}, tmp_path / "x.safetensors")
    found = tensors_of(tmp_path / "x.safetensors")
    np.testing.assert_array_equal(found["a"], array)
    np.testing.assert_array_equal(found["b"], array[0])


def test_a_file_that_torch_itself_wrote_is_read() -> None:
    found = tensors_of(FIXTURES / "value" / "pytorch_model.bin")
    assert found["v_head.summary.weight"].shape == (1, 64)
    assert found["model.embed_tokens.weight"].shape == (352, 64)
    norms = [array for name, array in found.items() if name.endswith("norm.weight")]
    assert len(norms) == 5
    for norm in norms:  # they are near 1 in any model; read at a wrong offset they are not
        assert np.abs(norm - 1).max() < 1


def test_special_values_of_bfloat16_are_kept(tmp_path: Path) -> None:
    bits = np.array([0x0001, 0x8000, 0x7F80, 0xFF80, 0x3F80, 0x7F7F], np.uint32) << 16
    make.write_safetensors(tmp_path / "x.safetensors", {"a": bits.view(np.float32)})
    found = tensors_of(tmp_path / "x.safetensors")["a"]
    np.testing.assert_array_equal(found.view(np.uint32), bits)


def test_a_large_tensor_comes_in_blocks() -> None:
    count = 2 * BLOCK + 5
    data = np.arange(count, dtype="<u2")
    blocks = list(read_blocks(io.BytesIO(data.tobytes()), Tensor("a", "BF16", (count,), 0)))
    assert [len(block) for block in blocks] == [BLOCK, BLOCK, 5]
    np.testing.assert_array_equal(np.concatenate(blocks).view(np.uint32) >> 16, data)


def test_parameters_and_views_of_one_storage_are_read(tmp_path: Path) -> None:
    """torch.save of parameters wraps each tensor once more; tied weights share their numbers."""
    array = make.as_bf16(np.arange(12).reshape(3, 4))
    whole = make.rebuild("0", "BFloat16Storage", (3, 4))
    parameter = make.named("torch._utils", "_rebuild_parameter") + b"(" + whole + b"\x88"
    parameter += make.named("collections", "OrderedDict") + b")RtR"
    row = make.rebuild("0", "BFloat16Storage", (4,), skip=4)
    pkl = make.state_dict({"a": parameter, "b": whole, "row": row})
    make.write_bin(tmp_path / "x.bin", {"a": array}, entries={"data.pkl": pkl})
    found = tensors_of(tmp_path / "x.bin")
    np.testing.assert_array_equal(found["a"], array)
    np.testing.assert_array_equal(found["b"], array)
    np.testing.assert_array_equal(found["row"], array[1])


class Bomb:
    """Its pickle makes a directory when it is loaded by anyone who trusts it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (os.mkdir, (str(self.path),))


def bomb_inside(path: Path) -> bytes:
    """The bomb as a value of an otherwise good state dict."""
    return make.state_dict({"a": pickle.dumps(Bomb(path), protocol=2)[2:-1]})


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("a bomb", lambda path: pickle.dumps(Bomb(path))),
        ("a bomb among tensors", bomb_inside),
        ("eval", lambda path: b"cbuiltins\neval\n(X\x01\x00\x00\x001tR."),
        ("getattr", lambda path: b"cbuiltins\ngetattr\n."),
        (
            "a protocol of torch with hooks",
            lambda path: b"ctorch._utils\n_rebuild_wrapper_subclass\n.",
        ),
        ("a module named as allowed", lambda path: b"ctorch.storage\nFloatStorage\n."),
        ("an old-style instance", lambda path: b"(iposix\nsystem\n."),
        ("a stack global", lambda path: b"\x80\x04\x8c\x05posix\x8c\x06system\x93."),
        ("an extension code", lambda path: b"\x80\x02\x82\x01."),
    ],
)
def test_a_pickle_that_names_anything_else_is_refused_and_not_run(
    tmp_path: Path, name: str, code: object
) -> None:
    target = tmp_path / "created"
    pkl = code(target)  # type: ignore[operator]
    make.write_bin(tmp_path / "x.bin", {"a": np.ones(4, np.float32)}, entries={"data.pkl": pkl})
    assert "x.bin is refused" in refused(tmp_path / "x.bin")
    assert not target.exists()


def test_the_bomb_is_a_real_one(tmp_path: Path) -> None:
    """Else the test above would show nothing."""
    pickle.loads(pickle.dumps(Bomb(tmp_path / "created")))
    assert (tmp_path / "created").is_dir()


@pytest.mark.parametrize(
    "target",
    [
        make.named("torch._utils", "_rebuild_tensor_v2"),
        make.named("torch", "FloatStorage"),
        make.named("collections", "OrderedDict"),
    ],
)
def test_a_pickle_cannot_change_what_it_is_read_with(tmp_path: Path, target: bytes) -> None:
    """BUILD sets attributes of an object; those allowed must take none.

    Otherwise the next file would be read by something else.
    """
    for state in (
        b"}" + make.text("dtype") + make.text("BF16") + b"s",  # its __dict__
        b"N}" + make.text("dtype") + make.text("BF16") + b"s\x86",  # through setattr
    ):
        make.write_bin(
            tmp_path / "x.bin",
            {"a": np.ones(4, np.float32)},
            entries={"data.pkl": b"\x80\x02" + target + state + b"b."},
        )
        refused(tmp_path / "x.bin")
    array = np.ones(4, np.float32)
    make.write_bin(tmp_path / "y.bin", {"a": array}, "F32")
    np.testing.assert_array_equal(tensors_of(tmp_path / "y.bin")["a"], array)


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        (make.text("a string"), "'a' is no tensor"),
        (make.rebuild("0", "BFloat16Storage", (3, 4), (1, 3)), "does not lie in one piece"),
        (make.rebuild("0", "BFloat16Storage", (3, 5)), "larger than its storage"),
        (make.rebuild("0", "BFloat16Storage", (3, 4), skip=1), "larger than its storage"),
        (make.rebuild("0", "BFloat16Storage", (3, 4), skip=-1), "negative"),
        (make.rebuild("0", "BFloat16Storage", (-3, -4)), "negative"),
        (make.rebuild("0", "BFloat16Storage", (3, 4), (4,)), "does not lie in one piece"),
        (make.rebuild("7", "BFloat16Storage", (3, 4)), "missing"),
        (make.rebuild("../../0", "BFloat16Storage", (3, 4)), "missing"),
        (make.rebuild("0", "DoubleStorage", (3, 4)), "torch.DoubleStorage"),
    ],
)
def test_a_tensor_that_does_not_fit_its_storage_is_refused(
    tmp_path: Path, value: bytes, complaint: str
) -> None:
    pkl = make.state_dict({"a": value})
    make.write_bin(
        tmp_path / "x.bin", {"a": np.ones((3, 4), np.float32)}, entries={"data.pkl": pkl}
    )
    assert complaint in refused(tmp_path / "x.bin")


def test_other_torch_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.bin"
    arrays = {"a": np.ones((30, 40), np.float32)}
    path.write_bytes(b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.")  # the format before 1.6
    assert "not a zip archive" in refused(path)
    path.write_bytes(b"")
    assert "not a zip archive" in refused(path)
    make.write_bin(path, arrays, entries={"byteorder": b"big"})
    assert "big-endian" in refused(path)
    make.write_bin(path, arrays, compression=zipfile.ZIP_DEFLATED)
    assert "compressed" in refused(path)
    make.write_bin(path, arrays, entries={"data.pkl": pickle.dumps([1, 2])})
    assert "no dict but list" in refused(path)
    make.write_bin(path, arrays, entries={"data.pkl": b"\x80\x02}q\x00("})
    assert "x.bin is refused" in refused(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("something/else.txt", "no pickle")
    assert "not a zip archive as torch.save writes it" in refused(path)


def test_a_file_cut_short_is_refused(tmp_path: Path) -> None:
    for kind, write in (("safetensors", make.write_safetensors), ("bin", make.write_bin)):
        path = tmp_path / f"x.{kind}"
        write(path, make.make_arrays())
        whole = path.read_bytes()
        for size in (0, 4, 9, len(whole) // 2, len(whole) - 1):
            path.write_bytes(whole[:size])
            assert refused(path)


@pytest.mark.parametrize(
    "header",
    [
        b"not json",
        b"[]",
        b'{"a": 3}',
        b'{"a": {}}',
        b"[" * 100_000,
        b'{"a": {"dtype": "F32", "shape": [' + b"9" * 5000 + b'], "data_offsets": [0, 4]}}',
        b'{"a": {"dtype": "F32", "shape": [1e999], "data_offsets": [0, 4]}}',
        b'{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}',
        b'{"a": {"dtype": "F32", "shape": [-1], "data_offsets": [8, 4]}}',
        b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [-8, -4]}}',
        b'{"a": {"dtype": "F32", "shape": ["x"], "data_offsets": [0, 4]}}',
        b'{"a": {"dtype": "F32", "shape": [1000], "data_offsets": [0, 4000]}}',
    ],
)
def test_a_damaged_safetensors_header_is_refused(tmp_path: Path, header: bytes) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + b"\0" * 8)
    assert refused(path)


def test_quantized_weights_are_refused_with_their_type(tmp_path: Path) -> None:
    header = b'{"a": {"dtype": "I8", "shape": [4], "data_offsets": [0, 4]}}'
    path = tmp_path / "x.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + b"\0" * 4)
    assert "I8" in refused(path)
