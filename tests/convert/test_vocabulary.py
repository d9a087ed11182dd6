"""The vocabulary of a checkpoint: every row of the embedding has its token, of the right type."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from pfsolve.convert.qwen2 import PATTERN
from pfsolve.convert.vocabulary import (
    CONTROL,
    NORMAL,
    UNUSED,
    Vocabulary,
    read_vocabulary,
)
from pfsolve.errors import ModelFileError
from tests.convert.checkpoints import ADDED, MERGES, make_config, make_tokenizer, words

ROWS = 280


def read(files: dict[str, object], rows: int = ROWS, **config: object) -> Vocabulary:
    data = {
        name: content.encode() if isinstance(content, str) else json.dumps(content).encode()
        for name, content in files.items()
    }
    return read_vocabulary(data.get, make_config(**config), rows, PATTERN)


def in_parts() -> dict[str, object]:
    """The same tokenizer in the files of older checkpoints."""
    ids = words()
    return {
        "vocab.json": {token: number for token, number in ids.items() if token not in ADDED},
        "merges.txt": "#version: 0.2\n" + "\n".join(MERGES) + "\n",
        "tokenizer_config.json": {
            "added_tokens_decoder": {str(ids[token]): {"content": token} for token in ADDED},
            "eos_token": "<|im_end|>",
        },
    }


def test_words_added_tokens_and_empty_rows_get_their_types() -> None:
    found = read({"tokenizer.json": make_tokenizer()})
    ids = words()
    assert len(found.tokens) == len(found.types) == ROWS
    assert found.tokens[: len(ids)] == tuple(ids)
    for token, number in ids.items():
        assert found.types[number] == (CONTROL if token in ADDED else NORMAL)
    assert set(found.types[len(ids) :]) == {UNUSED}
    assert len(set(found.tokens)) == ROWS
    assert found.merges == MERGES


def test_older_files_give_the_same() -> None:
    assert read(in_parts()) == read({"tokenizer.json": make_tokenizer()})


def test_windows_line_ends_in_merges_are_no_part_of_them() -> None:
    files = in_parts()
    files["merges.txt"] = str(files["merges.txt"]).replace("\n", "\r\n")
    assert read(files).merges == MERGES


def test_merges_may_be_pairs_or_lines() -> None:
    tokenizer = make_tokenizer()
    tokenizer["model"]["merges"] = list(MERGES)
    assert read({"tokenizer.json": tokenizer}).merges == MERGES


@pytest.mark.parametrize(
    ("settings", "config", "which", "token"),
    [
        ({"eos_token": "<|im_end|>"}, {"eos_token_id": 0}, "eos", "<|im_end|>"),
        ({"eos_token": {"content": "<|im_end|>"}}, {}, "eos", "<|im_end|>"),
        ({"eos_token": None}, {"eos_token_id": words()["<extra_0>"]}, "eos", "<extra_0>"),
        ({}, {"eos_token_id": [words()["<extra_0>"], 1]}, "eos", "<extra_0>"),
        ({"bos_token": None}, {}, "bos", "<|endoftext|>"),
        ({"bos_token": None}, {"bos_token_id": None}, "bos", None),
        ({"pad_token": "unheard of"}, {}, "pad", None),
        ({}, {"pad_token_id": 10**6}, "pad", None),
    ],
)
def test_special_tokens_come_from_the_tokenizer_then_the_config(
    settings: dict[str, Any], config: dict[str, Any], which: str, token: str | None
) -> None:
    files = {"tokenizer.json": make_tokenizer(), "tokenizer_config.json": settings}
    found = read(files, **config)
    assert found.special.get(which) == (words()[token] if token else None)


def change(edit: Callable[[dict[str, Any]], object]) -> dict[str, object]:
    tokenizer = make_tokenizer()
    edit(tokenizer)
    return {"tokenizer.json": tokenizer}


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"vocab.json": {"a": 0}},
        {"tokenizer.json": "{"},
        {"tokenizer.json": []},
        change(lambda t: t.pop("model")),
        change(lambda t: t["model"].update(type="Unigram")),
        change(lambda t: t.pop("pre_tokenizer")),
        change(lambda t: t["pre_tokenizer"]["pretokenizers"].pop(0)),
        change(
            lambda t: t["pre_tokenizer"]["pretokenizers"][0]["pattern"].update(Regex=r"\d{1,3}")
        ),
        change(lambda t: t["added_tokens"].append({"id": ROWS, "content": "<one too many>"})),
        change(lambda t: t["added_tokens"].append({"content": "<without id>"})),
        change(lambda t: t["model"]["vocab"].update(x="y")),
    ],
)
def test_a_tokenizer_that_would_read_texts_wrongly_is_refused(files: dict[str, object]) -> None:
    with pytest.raises(ModelFileError):
        read(files)
