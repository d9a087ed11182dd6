"""What is asked of llama.cpp when it loads a model, and which models are refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from gguf import GGUFWriter
from hypothesis import given
from hypothesis import strategies as st

from pfsolve.engine import backend, library
from pfsolve.engine.header import read_header, recurrent_architecture
from pfsolve.environment import Environment
from pfsolve.errors import ModelFileError
from pfsolve.events import ignore
from pfsolve.models.catalogue import load_catalogue
from pfsolve.models.download import find
from pfsolve.models.store import Store
from pfsolve.settings import Settings
from pfsolve.solver import finding
from tests.conftest import SMALL
from tests.rewards.prm import tiny_llama


@pytest.mark.parametrize("amx", [False, True])
def test_only_a_build_with_amx_gives_up_the_extra_layouts(
    amx: bool, small_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With them such a build may end the process (an illegal instruction); others lose speed without."""
    asked: list[bool] = []
    load = library.llama.llama_model_load_from_file

    def watched(path: bytes, params: Any) -> Any:
        asked.append(params.use_extra_bufts)
        return load(path, params)

    features = f"CPU : AVX512 = 1 | {'AMX_INT8 = 1 | ' if amx else ''}REPACK = 1 | ".encode()
    monkeypatch.setattr(library.llama, "llama_print_system_info", lambda: features)
    monkeypatch.setattr(library.llama, "llama_model_load_from_file", watched)
    backend.start()
    library.inspect(small_path)
    assert asked == [not amx]


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="no Linux")
def test_pages_of_the_file_that_nobody_reads_any_more_are_let_go(small_path: Path) -> None:
    """llama.cpp has read all of it; of what it copied no page stays."""
    with library.LoadedModel(library.inspect(small_path), gpu_layers=0):
        mappings = Path("/proc/self/smaps").read_text()
    name = re.escape(str(small_path.resolve()))
    resident = re.findall(rf"{name}\nSize:.*?\nRss: +(\d+) kB", mappings, re.S)
    assert resident
    held = sum(map(int, resident))
    assert held < small_path.stat().st_size // 1024 // 10


def test_the_catalogue_knows_the_cache_of_a_model_before_its_file_is_there(
    small_path: Path,
) -> None:
    catalogue, store = load_catalogue(), Store(Environment().models_dir)
    here = {entry.name: find(entry, store) for entry in catalogue.entries.values()}
    assert here[SMALL] == small_path
    for name, path in here.items():
        if path is not None:
            facts = library.inspect(path)
            entry = catalogue.get(name)
            assert (entry.cell_bytes, entry.context) == (facts.cell_bytes, facts.context)


def test_a_control_token_is_no_text_unless_it_begins_or_ends_a_thought(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for tokens, pieces in (
        (("<s>", "</s>"), (b"", b"")),
        (("<think>", "</think>"), (b"<think>", b"</think>")),
    ):
        monkeypatch.setattr(tiny_llama, "TOKENS", ("<unk>", *tokens, *tiny_llama.TOKENS[3:]))
        tiny_llama.write_tiny_llama(tmp_path / "tiny.gguf")
        backend.start()
        with library.LoadedModel(library.inspect(tmp_path / "tiny.gguf")) as model:
            assert all(map(model.is_control, (1, 2)))
            assert (model.piece(1), model.piece(2)) == pieces
            assert model.tokenize("".join(tokens), special=True) == [1, 2]


# -- models whose state cannot be shortened --


def made(path: Path, architecture: str, *keys: str, pre: str | None = None) -> Path:
    """A GGUF that is a header and no more, with these keys of the architecture besides its dimensions."""
    dimensions = ("block_count", "embedding_length", "context_length", "attention.head_count")
    writer = GGUFWriter(path, architecture)
    writer.add_array("general.tags", ["mathematics", "ü"])
    for key in (*dimensions, *keys):
        writer.add_uint32(f"{architecture}.{key}", 4)
    writer.add_string("tokenizer.ggml.model", "gpt2" if pre else "none")
    if pre:
        writer.add_string("tokenizer.ggml.pre", pre)
        writer.add_array("tokenizer.ggml.tokens", ["a", "b"])
        writer.add_array("tokenizer.ggml.merges", ["a b"])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return path


@pytest.mark.parametrize(
    "architecture",
    ["qwen35", "qwen3next", "lfm2", "nemotron_h", "mamba2", "jamba", "falcon-h1", "rwkv7"],
)
def test_a_recurrent_or_hybrid_model_is_refused_for_that(architecture: str, tmp_path: Path) -> None:
    backend.start()
    with pytest.raises(library.RecurrentModel, match="cannot be shortened") as refused:
        library.inspect(made(tmp_path / "new.gguf", architecture))
    assert f"({architecture})" in refused.value.message


def test_what_is_known_to_fit_is_not_loaded_to_read_its_header(
    small_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its vocabulary would be read twice, which takes longer than all else before the first token."""
    backend.start()
    facts = library.inspect(small_path)
    assert (facts.architecture, facts.layers, facts.embedding) == ("llama", 30, 576)
    monkeypatch.setattr(library.llama, "llama_model_load_from_file", None)
    assert library.read_facts(small_path) == facts
    settings = Settings(policy=SMALL, reward="none", programs=0.0)
    assert finding.find(settings, Environment(), listen=ignore).facts == facts


def test_a_header_is_read_as_llama_cpp_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "every.gguf"
    writer = GGUFWriter(path, "qwen3")
    writer.add_uint8("a.u8", 255)
    writer.add_int16("a.i16", -3)
    writer.add_uint64("a.u64", 2**40)
    writer.add_float32("a.f32", 0.5)
    writer.add_bool("a.bool", True)
    writer.add_array("a.numbers", [1, 2, 3])
    writer.add_array("a.texts", ["", "bc"])
    writer.add_string("a.text", "ü")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    values = dict.fromkeys(("bool", "numbers", "texts"))
    values |= {"u8": 255, "i16": -3, "u64": 2**40, "f32": 0.5, "text": "ü"}
    expected = {"general.architecture": "qwen3", **{f"a.{k}": v for k, v in values.items()}}
    assert read_header(path) == expected


@pytest.mark.parametrize(
    ("architecture", "key", "pre"),
    [
        ("qwen9", "full_attention_interval", None),
        ("bamba", "ssm.conv_kernel", None),
        ("lfm9", "shortconv.l_cache", None),
        ("rwkv99", "wkv.head_size", None),
        ("lfm2", "shortconv.l_cache", "a-tokeniser-of-tomorrow"),
    ],
)
def test_the_header_tells_it_of_models_that_llama_cpp_cannot_load_yet(
    architecture: str, key: str, pre: str | None, tmp_path: Path
) -> None:
    """That a newer one might load it would be false hope."""
    backend.start()
    with pytest.raises(library.RecurrentModel, match=rf"\({architecture}\)"):
        library.inspect(made(tmp_path / "new.gguf", architecture, key, pre=pre))


def test_a_dense_model_is_not_called_recurrent(small_path: Path, tmp_path: Path) -> None:
    backend.start()
    assert library.inspect(made(tmp_path / "a.gguf", "qwen3")).layers == 4
    with pytest.raises(ModelFileError, match="cannot load") as refused:
        library.inspect(made(tmp_path / "b.gguf", "qwen9", "attention.ssm"))
    assert not isinstance(refused.value, library.RecurrentModel)
    assert recurrent_architecture(read_header(small_path)) is None


def test_a_damaged_header_tells_what_comes_before_the_damage(tmp_path: Path) -> None:
    whole = made(tmp_path / "whole.gguf", "lfm9", "shortconv.l_cache", pre="x").read_bytes()
    end = whole.index(b"shortconv.l_cache") + len(b"shortconv.l_cache")
    cut = tmp_path / "cut.gguf"
    for kept in range(4, len(whole)):
        cut.write_bytes(whole[:kept])
        assert (recurrent_architecture(read_header(cut)) == "lfm9") == (kept >= end)


@given(st.binary(max_size=80), st.integers(0, 2**64 - 1))
def test_a_header_of_nonsense_is_read_without_harm(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, count: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "nonsense.gguf"
    path.write_bytes(b"GGUF" + bytes(12) + count.to_bytes(8, "little") + data)
    assert recurrent_architecture(read_header(path)) is None
