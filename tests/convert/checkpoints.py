"""Small random checkpoints of the Qwen2 family, in the files that transformers and torch write."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[np.float32]]

ADDED = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<extra_0>", "<tool_call>")
MERGES = ("t h", "th e", "Ġ the", "Ġ =", "1 2", "Ċ Ċ")
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
STORAGES = {"BF16": "BFloat16Storage", "F16": "HalfStorage", "F32": "FloatStorage"}


@dataclass(frozen=True)
class Shape:
    """Dimensions of a checkpoint; rows are more than its vocabulary has tokens, as with Qwen2's own."""

    hidden: int = 64
    feed_forward: int = 96
    layers: int = 2
    heads: int = 4
    kv_heads: int = 2
    rows: int = 280
    tied: bool = False


SMALL = Shape()
# Some MB, and in 256s, as K-quants want it
LARGER = Shape(hidden=256, feed_forward=512, layers=4)


def make_arrays(
    shape: Shape = SMALL, seed: int = 0, head: Mapping[str, tuple[int, ...]] = {}
) -> Arrays:
    """All tensors, with values that bfloat16 holds exactly.

    head: shapes of the head's tensors by name.
    """
    rng = np.random.default_rng(seed)
    hidden, kv = shape.hidden, shape.hidden // shape.heads * shape.kv_heads
    shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (shape.rows, hidden)}
    for layer in range(shape.layers):
        for name, size in {
            "input_layernorm.weight": (hidden,),
            "mlp.down_proj.weight": (hidden, shape.feed_forward),
            "mlp.gate_proj.weight": (shape.feed_forward, hidden),
            "mlp.up_proj.weight": (shape.feed_forward, hidden),
            "post_attention_layernorm.weight": (hidden,),
            "self_attn.k_proj.bias": (kv,),
            "self_attn.k_proj.weight": (kv, hidden),
            "self_attn.o_proj.weight": (hidden, hidden),
            "self_attn.q_proj.bias": (hidden,),
            "self_attn.q_proj.weight": (hidden, hidden),
            "self_attn.v_proj.bias": (kv,),
            "self_attn.v_proj.weight": (kv, hidden),
        }.items():
            shapes[f"model.layers.{layer}.{name}"] = size
    shapes["model.norm.weight"] = (hidden,)
    if not shape.tied:
        shapes["lm_head.weight"] = (shape.rows, hidden)
    shapes |= head
    return {
        name: as_bf16(0.1 * rng.standard_normal(size, np.float32)) for name, size in shapes.items()
    }


def as_bf16(values: NDArray[Any]) -> NDArray[np.float32]:
    """Values cut to what bfloat16 holds."""
    bits = np.asarray(values, np.float32).reshape(-1).view(np.uint32) & 0xFFFF0000
    return bits.view(np.float32).reshape(np.shape(values))


def packed(array: NDArray[np.float32], dtype: str) -> bytes:
    """An array's bytes in a type of numbers."""
    if dtype == "BF16":
        return (np.ascontiguousarray(array).view(np.uint32) >> 16).astype("<u2").tobytes()
    return array.astype({"F16": "<f2", "F32": "<f4"}[dtype]).tobytes()


def write_safetensors(path: Path, arrays: Arrays, dtype: str = "BF16") -> None:
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    data = bytearray()
    for name, array in arrays.items():
        raw = packed(array, dtype)
        header[name] = {
            "dtype": dtype,
            "shape": list(array.shape),
            "data_offsets": [len(data), len(data) + len(raw)],
        }
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def write_bin(
    path: Path,
    arrays: Arrays,
    dtype: str = "BF16",
    entries: Mapping[str, bytes] = {},
    compression: int = zipfile.ZIP_STORED,
) -> None:
    """A file as torch.save writes it. entries: more for the archive, or in place of the usual."""
    top = path.stem
    files = {
        "data.pkl": state_dict(
            {
                name: rebuild(str(number), STORAGES[dtype], array.shape)
                for number, (name, array) in enumerate(arrays.items())
            }
        ),
        "byteorder": b"little",
        "version": b"3\n",
        **{f"data/{number}": packed(array, dtype) for number, array in enumerate(arrays.values())},
        **entries,
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo(f"{top}/{name}")
            # torch fills up the local header, so that the data begins at a multiple of 64
            info.extra = b"FB" + (24).to_bytes(2, "little") + b"Z" * 24
            archive.writestr(info, data, compression)


def text(value: str) -> bytes:
    """A string, in a pickle's opcodes."""
    raw = value.encode()
    return b"X" + len(raw).to_bytes(4, "little") + raw


def number(value: int) -> bytes:
    return b"J" + value.to_bytes(4, "little", signed=True)


def numbers(values: tuple[int, ...]) -> bytes:
    return b"(" + b"".join(map(number, values)) + b"t"


def named(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


def rebuild(
    key: str,
    storage: str,
    shape: tuple[int, ...],
    strides: tuple[int, ...] | None = None,
    skip: int = 0,
) -> bytes:
    """A tensor, in a pickle's opcodes."""
    if strides is None:
        strides = tuple(int(np.prod(shape[axis + 1 :])) for axis in range(len(shape)))
    persistent = b"(" + text("storage") + named("torch", storage) + text(key) + text("cpu")
    persistent += number(int(np.prod(shape))) + b"tQ"
    hooks = named("collections", "OrderedDict") + b")R"
    arguments = (
        b"(" + persistent + number(skip) + numbers(shape) + numbers(strides) + b"\x89" + hooks
    )
    return named("torch._utils", "_rebuild_tensor_v2") + arguments + b"tR"


def state_dict(values: Mapping[str, bytes]) -> bytes:
    """A pickle of an OrderedDict with an attribute, as torch's state dicts are."""
    items = b"".join(text(name) + value for name, value in values.items())
    attribute = b"}" + text("_metadata") + named("collections", "OrderedDict") + b")Rsb"
    return (
        b"\x80\x02" + named("collections", "OrderedDict") + b")R(" + items + b"u" + attribute + b"."
    )


def make_config(shape: Shape = SMALL, **others: object) -> dict[str, object]:
    return {
        "architectures": ["Qwen2ForTokenClassification"],
        "model_type": "qwen2",
        "hidden_act": "silu",
        "hidden_size": shape.hidden,
        "intermediate_size": shape.feed_forward,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.kv_heads,
        "vocab_size": shape.rows,
        "max_position_embeddings": 4096,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "tie_word_embeddings": shape.tied,
        "use_sliding_window": False,
        "sliding_window": 131072,
        "bos_token_id": words()["<|endoftext|>"],
        "eos_token_id": words()["<|im_end|>"],
        **others,
    }


def words() -> dict[str, int]:
    """The vocabulary: the letters that stand for bytes, merged ones, added ones."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    letters = [*map(chr, printable), *(chr(256 + i) for i in range(256 - len(printable)))]
    merged = [merge.replace(" ", "") for merge in MERGES]
    return {token: number for number, token in enumerate([*letters, *merged, *ADDED])}


def make_tokenizer() -> dict[str, Any]:
    """What tokenizer.json holds."""
    ids = words()
    split = {"type": "Split", "pattern": {"Regex": SPLIT}, "behavior": "Isolated", "invert": False}
    return {
        "version": "1.0",
        "added_tokens": [
            {"id": ids[token], "content": token, "special": token != "<tool_call>"}
            for token in ADDED
        ],
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [split, {"type": "ByteLevel", "use_regex": False}],
        },
        "model": {
            "type": "BPE",
            "vocab": {token: number for token, number in ids.items() if token not in ADDED},
            "merges": [merge.split(" ") for merge in MERGES],
        },
    }


def write_checkpoint(
    folder: Path,
    arrays: Arrays,
    shape: Shape = SMALL,
    *,
    files: int = 1,
    kind: str = "safetensors",
    dtype: str = "BF16",
    **config: object,
) -> Path:
    """A whole checkpoint in `folder`, its weights in a number of files of a kind ("safetensors", "bin")."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(make_config(shape, **config)))
    (folder / "tokenizer.json").write_text(json.dumps(make_tokenizer()))
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"eos_token": "<|im_end|>", "pad_token": {"content": "<|endoftext|>"}})
    )
    write = write_safetensors if kind == "safetensors" else write_bin
    stem = "model" if kind == "safetensors" else "pytorch_model"
    if files == 1:
        write(folder / f"{stem}.{kind}", arrays, dtype)
        return folder
    names = list(arrays)
    per_file = -(-len(names) // files)
    where: dict[str, str] = {}
    for part in range(files):
        own = names[part * per_file : (part + 1) * per_file]
        file = f"{stem}-{part + 1:05}-of-{files:05}.{kind}"
        write(folder / file, {name: arrays[name] for name in own}, dtype)
        where |= dict.fromkeys(own, file)
    (folder / f"{stem}.{kind}.index.json").write_text(json.dumps({"weight_map": where}))
    return folder
