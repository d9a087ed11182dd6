"""From a checkpoint in a directory to files that llama.cpp loads, number for number; or no files."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pfsolve.convert import run as running
from pfsolve.convert.family import FAMILIES
from pfsolve.convert.run import ConvertedFiles
from pfsolve.errors import (
    EngineError,
    ModelFileError,
    ModelMissing,
    PfsolveError,
    ResourceError,
    UsageError,
)
from pfsolve.events import Event
from pfsolve.events.work import Copying, DownloadWaits, ReadsLike
from pfsolve.models.prm_parsing import read_spec
from pfsolve.models.store import Store
from tests.convert import checkpoints as make
from tests.convert.conftest import LINEAR, LINEAR_HEAD, LOGITS, MLP, MLP_HEAD, Convert


def read_gguf(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Tensors and metadata of a GGUF of floats."""
    import gguf

    reader = gguf.GGUFReader(path)
    tensors = {tensor.name: np.array(tensor.data) for tensor in reader.tensors}
    return tensors, {name: field.contents() for name, field in reader.fields.items()}


@pytest.mark.parametrize(
    ("files", "kind", "dtype"),
    [(1, "safetensors", "BF16"), (3, "safetensors", "F32"), (1, "bin", "F16"), (4, "bin", "BF16")],
)
def test_every_tensor_arrives(
    run: Convert, checkpoint: Path, files: int, kind: str, dtype: str
) -> None:
    arrays = make.make_arrays(head=LINEAR_HEAD)
    make.write_checkpoint(checkpoint, arrays, files=files, kind=kind, dtype=dtype)
    made = run(checkpoint, kind="F16")
    assert made.gguf
    tensors, _ = read_gguf(made.gguf)
    theirs = {
        "token_embd.weight": "model.embed_tokens.weight",
        "output_norm.weight": "model.norm.weight",
        "blk.0.attn_norm.weight": "model.layers.0.input_layernorm.weight",
        "blk.1.attn_q.weight": "model.layers.1.self_attn.q_proj.weight",
        "blk.1.attn_k.bias": "model.layers.1.self_attn.k_proj.bias",
        "blk.0.attn_v.weight": "model.layers.0.self_attn.v_proj.weight",
        "blk.1.attn_output.weight": "model.layers.1.self_attn.o_proj.weight",
        "blk.0.ffn_norm.weight": "model.layers.0.post_attention_layernorm.weight",
        "blk.1.ffn_gate.weight": "model.layers.1.mlp.gate_proj.weight",
        "blk.0.ffn_up.weight": "model.layers.0.mlp.up_proj.weight",
        "blk.1.ffn_down.weight": "model.layers.1.mlp.down_proj.weight",
    }
    assert len(tensors) == 2 + 12 * make.SMALL.layers
    for ours, name in theirs.items():
        expected = arrays[name].astype(np.float16) if arrays[name].ndim == 2 else arrays[name]
        assert tensors[ours].dtype == expected.dtype
        atol = 1e-7 if dtype == "F16" else 0  # the smallest halves are further apart
        np.testing.assert_allclose(tensors[ours], expected, rtol=0, atol=atol)


def test_hyperparameters_and_vocabulary_arrive(run: Convert, checkpoint: Path) -> None:
    arrays = make.make_arrays(head=LINEAR_HEAD)
    make.write_checkpoint(checkpoint, arrays, rms_norm_eps=2e-6, rope_theta=54321.0)
    made = run(checkpoint, kind="F16")
    assert made.gguf
    _, facts = read_gguf(made.gguf)
    expected = {
        "general.architecture": "qwen2",
        "qwen2.block_count": 2,
        "qwen2.context_length": 4096,
        "qwen2.embedding_length": 64,
        "qwen2.feed_forward_length": 96,
        "qwen2.attention.head_count": 4,
        "qwen2.attention.head_count_kv": 2,
        "qwen2.rope.freq_base": 54321.0,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "qwen2",
        "tokenizer.ggml.eos_token_id": make.words()["<|im_end|>"],
        "tokenizer.ggml.add_bos_token": False,
    }
    assert {key: facts[key] for key in expected} == expected
    assert facts["qwen2.attention.layer_norm_rms_epsilon"] == pytest.approx(2e-6)
    assert len(facts["tokenizer.ggml.tokens"]) == make.SMALL.rows


def test_another_family_is_one_record(
    run: Convert, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_up = replace(FAMILIES["qwen2"], title="Other", architecture="other", pre_tokenizer="words")
    make.write_checkpoint(checkpoint, make.make_arrays(head=LINEAR_HEAD), model_type="other")
    with pytest.raises(ModelFileError, match="model_type is 'other', not 'qwen2'") as caught:
        run(checkpoint, kind="F16")
    assert "families: Qwen2" in str(caught.value.hint)
    monkeypatch.setitem(FAMILIES, "other", made_up)
    made = run(checkpoint, kind="F16")
    assert made.gguf
    _, facts = read_gguf(made.gguf)
    assert facts["general.architecture"] == "other"
    assert facts["other.block_count"] == 2
    assert facts["tokenizer.ggml.pre"] == "words"


@pytest.mark.parametrize("kind", ["F16", "Q8_0", "Q4_K_M"])
def test_llama_cpp_loads_each_kind(run: Convert, checkpoint: Path, kind: str) -> None:
    from pfsolve.engine import backend, library

    arrays = make.make_arrays(make.LARGER, head={"score.weight": (2, 256)})
    make.write_checkpoint(checkpoint, arrays, make.LARGER, files=2)
    made = run(checkpoint, kind=kind)
    assert made.gguf
    assert made.gguf.name == f"own-prm-{kind}.gguf"
    backend.start()
    facts = library.inspect(made.gguf)
    assert (facts.layers, facts.embedding, facts.context) == (4, 256, 4096)
    bits = 8 * facts.file_bytes / sum(array.size for array in arrays.values())
    assert bits < {"F16": 17, "Q8_0": 10, "Q4_K_M": 7}[kind]
    ids = make.words()
    with library.LoadedModel(facts) as model:
        assert model.n_vocab == make.LARGER.rows
        assert model.tokenize("the = 12<extra_0>")[:4] == [
            *(ids[token] for token in ("the", "Ġ=", "Ġ", "1"))
        ]
        assert ids["<extra_0>"] not in model.tokenize("the = 12<extra_0>")
        assert model.tokenize("<extra_0>", special=True) == [ids["<extra_0>"]]
        assert model.is_end(ids["<|im_end|>"])


@pytest.mark.parametrize("kind", ["Q8_0", "Q4_K_M"])
@pytest.mark.parametrize("tied", [False, True])
def test_what_the_verdict_is_read_from_is_kept_at_eight_bits(
    run: Convert, checkpoint: Path, kind: str, tied: bool
) -> None:
    """The matrix of the logits; a head of its own needs none, and the rest is as small as ever."""
    import gguf

    shape = replace(make.LARGER, tied=tied)
    head = {"score.weight": (2, 256)}
    types = {}
    for reader, arrays in (("logits", {}), ("linear", head)):
        folder = checkpoint.with_name(f"my-{reader}")
        make.write_checkpoint(folder, make.make_arrays(shape, head=arrays), shape)
        made = run(folder, kind=kind, like=reader)
        assert made.gguf
        types[reader] = {t.name: t.tensor_type.name for t in gguf.GGUFReader(made.gguf).tensors}
    output = "token_embd.weight" if tied else "output.weight"
    assert types["logits"].pop(output) == "Q8_0"
    usual = types["linear"].pop("token_embd.weight")
    assert kind == "Q8_0" or usual in ("Q4_K", "Q6_K")
    types["logits"].pop("token_embd.weight", None)
    assert types["logits"] == types["linear"]


def test_the_head_travels_beside_as_float32(run: Convert, checkpoint: Path) -> None:
    from safetensors.numpy import load_file

    arrays = make.make_arrays(head=MLP_HEAD)
    make.write_checkpoint(checkpoint, arrays, files=3)
    made = run(checkpoint, kind="F16")
    assert made.head
    assert made.gguf
    assert made.head == made.gguf.with_name("own-prm-F16.head.safetensors")
    head = load_file(made.head)
    assert head.keys() == MLP_HEAD.keys()
    for name, array in head.items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, arrays[name])
    assert read_spec(made.gguf) == MLP


def test_the_way_of_reading_is_found_by_the_head_or_named(
    run: Convert, checkpoint: Path, heard: list[Event]
) -> None:
    make.write_checkpoint(checkpoint, make.make_arrays(head=LINEAR_HEAD))
    made = run(checkpoint, kind="F16")
    assert made.gguf
    assert read_spec(made.gguf) == LINEAR
    assert ReadsLike("own-prm", "linear") in heard
    shutil.rmtree(made.gguf.parent)
    with pytest.raises(ModelFileError, match=r"no score\.0\.weight"):
        run(checkpoint, kind="F16", like="mlp")


@pytest.mark.parametrize("tied", [False, True])
def test_a_prm_with_its_verdict_in_the_logits_keeps_its_output(
    run: Convert, checkpoint: Path, tied: bool
) -> None:
    shape = make.Shape(tied=tied)
    make.write_checkpoint(checkpoint, make.make_arrays(shape), shape)
    with pytest.raises(UsageError, match="holds the head of no"):
        run(checkpoint, kind="F16")
    made = run(checkpoint, kind="F16", like="logits")
    assert made.gguf
    assert made.head is None
    assert ("output.weight" in read_gguf(made.gguf)[0]) == (not tied)
    assert read_spec(made.gguf) == LOGITS
    with pytest.raises(UsageError, match="no head of its own"):
        run(checkpoint, kind="F16", like="logits", head_only=True)


def test_head_only_writes_the_head_and_no_model(run: Convert, checkpoint: Path) -> None:
    make.write_checkpoint(checkpoint, make.make_arrays(head=LINEAR_HEAD))
    made = run(checkpoint, head_only=True)
    assert made.gguf is None
    assert made.head
    assert sorted(file.name for file in made.head.parent.iterdir()) == [
        "own-prm-Q8_0.head.safetensors",
        "own-prm-Q8_0.prm.toml",
    ]


def test_a_second_run_only_names_the_files(
    run: Convert, checkpoint: Path, heard: list[Event]
) -> None:
    make.write_checkpoint(checkpoint, make.make_arrays(head=LINEAR_HEAD))
    first = run(checkpoint)
    assert first.gguf
    when = first.gguf.stat().st_mtime_ns
    shutil.rmtree(checkpoint)
    checkpoint.mkdir()
    heard.clear()
    assert run(checkpoint) == first
    assert first.gguf.stat().st_mtime_ns == when
    assert heard == []


def test_a_lost_head_is_written_again_and_the_model_left_alone(
    run: Convert, checkpoint: Path
) -> None:
    make.write_checkpoint(checkpoint, make.make_arrays(head=LINEAR_HEAD))
    first = run(checkpoint)
    assert first.gguf
    assert first.head
    when, head = first.gguf.stat().st_mtime_ns, first.head.read_bytes()
    first.head.unlink()
    assert run(checkpoint) == first
    assert first.head.read_bytes() == head
    assert first.gguf.stat().st_mtime_ns == when


def test_nothing_unfinished_is_left_behind(run: Convert, checkpoint: Path) -> None:
    make.write_checkpoint(checkpoint, make.make_arrays(head=LINEAR_HEAD), files=2)
    made = run(checkpoint)
    assert made.gguf
    assert sorted(file.name for file in made.gguf.parent.iterdir()) == [
        "own-prm-Q8_0.gguf",
        "own-prm-Q8_0.gguf.sha256",
        "own-prm-Q8_0.head.safetensors",
        "own-prm-Q8_0.prm.toml",
    ]
    recorded = made.gguf.with_name("own-prm-Q8_0.gguf.sha256").read_text()
    assert recorded.split()[0] == hashlib.sha256(made.gguf.read_bytes()).hexdigest()


def test_what_is_wrong_is_found_before_any_file_is_written(
    run: Convert, checkpoint: Path, store: Store
) -> None:
    good = make.make_arrays(head=LINEAR_HEAD)
    cases: list[tuple[make.Arrays, dict[str, object], str]] = [
        (good, {"model_type": "llama"}, "model_type"),
        (good, {"vocab_size": 281}, "embed_tokens"),
        (good, {"num_hidden_layers": 3}, "layers.2"),
        (good | {"score.weight": np.ones((2, 32), np.float32)}, {}, "score.weight has shape"),
        (good | {"score.weight": np.ones((3, 64), np.float32)}, {}, "score.bias has shape"),
        (good | {"extra.weight": np.ones((1, 1), np.float32)}, {}, "extra.weight"),
        ({k: v for k, v in good.items() if "norm" not in k}, {}, "norm"),
        (good | {"score.bias": np.full(2, np.inf, np.float32)}, {}, "not finite"),
    ]
    for arrays, config, complaint in cases:
        make.write_checkpoint(checkpoint, arrays, **config)  # type: ignore[arg-type]
        with pytest.raises(ModelFileError, match=complaint):
            run(checkpoint)
        files = [file for file in (store.directory / "own-prm").rglob("*") if file.is_file()]
        assert files == []


def test_three_outputs_are_no_verdict(run: Convert, checkpoint: Path) -> None:
    head = {"score.weight": (3, 64), "score.bias": (3,)}
    make.write_checkpoint(checkpoint, make.make_arrays(head=head))
    with pytest.raises(ModelFileError, match="3 outputs"):
        run(checkpoint)


def test_a_marker_outside_the_vocabulary_is_refused(run: Convert, checkpoint: Path) -> None:
    shape = make.Shape(rows=make.words()["<extra_0>"])
    make.write_checkpoint(checkpoint, make.make_arrays(shape, head=MLP_HEAD), shape)
    with pytest.raises(ModelFileError, match="marker is token"):
        run(checkpoint)


def test_values_too_large_for_16_bits_are_refused_and_leave_no_model(
    run: Convert, checkpoint: Path, store: Store
) -> None:
    arrays = make.make_arrays(head=LINEAR_HEAD)
    arrays["model.layers.1.mlp.up_proj.weight"][3, 5] = 1e6
    make.write_checkpoint(checkpoint, arrays, dtype="F32")
    with pytest.raises(ModelFileError, match=r"layers.1.mlp.up_proj.weight .* 16-bit"):
        run(checkpoint)
    assert not list((store.directory / "own-prm").glob("*.gguf"))


def test_a_directory_without_a_checkpoint_is_told(run: Convert, checkpoint: Path) -> None:
    checkpoint.mkdir()
    with pytest.raises(ModelMissing, match=r"no config\.json"):
        run(checkpoint)
    (checkpoint / "config.json").write_text("{}")
    with pytest.raises(ModelMissing, match="no weights"):
        run(checkpoint)
    (checkpoint / "config.json").write_text("[")
    with pytest.raises(ModelFileError, match="no JSON"):
        run(checkpoint)


@pytest.mark.parametrize(
    "index",
    [
        {},
        {"weight_map": {}},
        {"weight_map": {"a": "../../etc/passwd"}},
        {"weight_map": {"a": "/etc/x.safetensors"}},
        {"weight_map": {"a": "C:\\x.safetensors"}},
        {"weight_map": {"a": 3}},
        {"weight_map": {"a": "missing.safetensors"}},
    ],
)
def test_an_index_names_files_of_the_checkpoint_only(
    run: Convert, checkpoint: Path, index: dict[str, object]
) -> None:
    make.write_checkpoint(checkpoint, make.make_arrays(head=LINEAR_HEAD))
    text = json.dumps({"metadata": {}, **index})
    (checkpoint / "model.safetensors.index.json").write_text(text)
    with pytest.raises(ModelFileError):
        run(checkpoint)


def test_a_tensor_in_two_files_is_refused(run: Convert, checkpoint: Path) -> None:
    make.write_checkpoint(checkpoint, make.make_arrays(head=LINEAR_HEAD), files=2)
    first, second = sorted(checkpoint.glob("*.safetensors"))
    shutil.copy(first, second)
    with pytest.raises(ModelFileError, match="in two files"):
        run(checkpoint)


def test_a_full_disk_is_told_before_the_work(
    run: Convert, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.write_checkpoint(checkpoint, make.make_arrays(head=LINEAR_HEAD))
    free = shutil._ntuple_diskusage(10**9, 10**9, 100_000)  # type: ignore[attr-defined]
    monkeypatch.setattr(shutil, "disk_usage", lambda path: free)
    with pytest.raises(ResourceError, match="100 kB are free"):
        run(checkpoint)


def test_a_failed_quantization_leaves_no_model_and_need_not_start_anew(
    run: Convert, checkpoint: Path, store: Store, heard: list[Event]
) -> None:
    make.write_checkpoint(checkpoint, make.make_arrays(head=LINEAR_HEAD), files=2)

    def fail(*anything: object) -> None:
        raise EngineError("no")

    with pytest.raises(EngineError):
        run(checkpoint, using=fail)
    assert not list((store.directory / "own-prm").glob("*.gguf"))
    heard.clear()
    assert run(checkpoint).gguf
    assert not any(isinstance(event, Copying) for event in heard)


class Stop(BaseException):
    """As sudden as a power cut: nothing in the program catches it."""


@pytest.mark.parametrize("stop_at", range(0, 60, 7))
def test_an_interrupted_conversion_goes_on_to_the_same_file(
    run: Convert, checkpoint: Path, heard: list[Event], stop_at: int
) -> None:
    make.write_checkpoint(checkpoint, make.make_arrays(head=LINEAR_HEAD), files=4)
    expected = run(checkpoint, kind="F16").gguf
    assert expected
    whole = expected.read_bytes()
    shutil.rmtree(expected.parent)
    count = 0

    def stop(event: Event) -> None:
        nonlocal count
        count += 1
        if count > stop_at:
            raise Stop

    stopped = False
    try:
        run(checkpoint, kind="F16", listen=stop)
    except Stop:
        stopped = True
    work = expected.parent / "converting-own-prm-F16"
    if stopped and work.is_dir() and (work / "f16.gguf").exists():
        with (work / "f16.gguf").open("ab") as draft:
            draft.write(b"torn")  # half a tensor, as a kill in the middle of a write leaves it
    heard.clear()
    again = run(checkpoint, kind="F16").gguf
    assert again
    assert again.read_bytes() == whole
    assert not work.exists()
    if stopped and stop_at > 20:  # at least the first file was done
        copied = [event.number for event in heard if isinstance(event, Copying)]
        assert 1 not in copied


def test_a_checkpoint_that_has_changed_since_is_converted_anew(
    run: Convert, checkpoint: Path
) -> None:
    """Half of one model and half of another would load, and be wrong."""
    make.write_checkpoint(checkpoint, make.make_arrays(seed=1, head=LINEAR_HEAD), files=2)

    def fail(*anything: object) -> None:
        raise EngineError("no")

    with pytest.raises(EngineError):
        run(checkpoint, using=fail)
    arrays = make.make_arrays(seed=2, head=LINEAR_HEAD)
    make.write_checkpoint(checkpoint, arrays, files=2)
    made = run(
        checkpoint, kind="Q8_0", using=lambda source, target, *_: shutil.copy(source, target)
    )
    assert made.gguf
    embedding = read_gguf(made.gguf)[0]["token_embd.weight"]
    np.testing.assert_array_equal(embedding, arrays["model.embed_tokens.weight"].astype(np.float16))


def test_a_second_process_waits_and_then_finds_the_file(
    run: Convert, checkpoint: Path, heard: list[Event]
) -> None:
    make.write_checkpoint(checkpoint, make.make_arrays(head=LINEAR_HEAD))
    begun, go_on = threading.Event(), threading.Event()

    def hold(event: Event) -> None:
        begun.set()
        assert go_on.wait(30)

    made: list[ConvertedFiles] = []
    first = threading.Thread(target=lambda: made.append(run(checkpoint, listen=hold)))
    first.start()
    assert begun.wait(30)

    def let_go(event: Event) -> None:
        heard.append(event)
        go_on.set()

    second = run(checkpoint, listen=let_go)
    first.join()
    assert [second] == made
    assert heard == [DownloadWaits("own-prm")]


def test_memory_stays_far_below_the_checkpoint(run: Convert, checkpoint: Path) -> None:
    shape = make.Shape(hidden=1024, feed_forward=16384, layers=2)  # matrices of 34 MB
    arrays = make.make_arrays(shape, head={"score.weight": (2, 1024)})
    make.write_checkpoint(checkpoint, arrays, shape, files=3)
    del arrays
    assert sum(file.stat().st_size for file in checkpoint.glob("*.safetensors")) > 200_000_000
    tracemalloc.start()  # numpy's arrays are counted too
    try:
        assert run(checkpoint, kind="F16").gguf
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak > 8_000_000  # one block of four million numbers, so they were counted
    assert peak < 80_000_000  # some of them, on their way from one type to another


@pytest.mark.parametrize("package", ["gguf", "safetensors"])
def test_a_missing_package_is_named_with_the_command_that_installs_it(
    run: Convert, checkpoint: Path, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.write_checkpoint(checkpoint, make.make_arrays(head=LINEAR_HEAD))
    real = running.find_spec
    monkeypatch.setattr(running, "find_spec", lambda name: None if name == package else real(name))
    with pytest.raises(PfsolveError, match=package) as caught:
        run(checkpoint)
    assert caught.value.hint == f"`pip install {package}` installs it"
