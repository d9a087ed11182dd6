"""What has been collected survives its file, under a name that follows from every fact."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pfsolve.errors import ResourceError, UsageError
from pfsolve.lab.training.material import Folder, Item, Provenance, Rollout, SeenStep, origin_of
from tests.faults import files_of_at_most

ORIGIN = Provenance(
    "What is ½?", "0.5", "a.jsonl", "aa", "tiny", "f00", 3, {"particles": 2}, (0.5,)
)


def step(rng: np.random.Generator, tokens: int, *, ends: bool = False, width: int = 4) -> SeenStep:
    """A step of this number of tokens; one that `ends` has an end token behind them, without a state."""
    return SeenStep(
        rng.integers(0, 9, tokens).astype(np.int32),
        b"\xc2\xbd" * tokens,
        rng.normal(size=(tokens + ends, 3)).astype(np.float32),
        rng.random(tokens + ends) < 0.5,
        rng.normal(size=(2, width)).astype(np.float16) if tokens else None,
    )


def item(seed: int = 0) -> Item:
    rng = np.random.default_rng(seed)
    rollouts = (
        Rollout("text", (step(rng, 3), step(rng, 0, ends=True)), "1/2", True, "end"),
        Rollout("program", (), None, False, "failed", "NameError: x"),
        Rollout("program", (step(rng, 2, ends=True), step(rng, 1)), None, False, "loop"),
    )
    return Item(replace(ORIGIN, seed=seed), rollouts)


def test_an_item_survives_its_file(tmp_path: Path) -> None:
    folder, written = Folder(tmp_path / "kept"), item()
    assert not folder.has(written.origin)
    folder.write(written)
    assert folder.has(written.origin)
    assert not list(folder.read("another"))
    (read,) = folder.read("tiny")
    assert read.origin == written.origin
    for one, other in zip(read.rollouts, written.rollouts, strict=True):
        assert replace(one, steps=()) == replace(other, steps=())
        for a, b in zip(one.steps, other.steps, strict=True):
            assert a.data == b.data
            for name in ("tokens", "sureness", "digits", "states"):
                assert np.array_equal(getattr(a, name), getattr(b, name)), name


def test_a_problem_without_any_rollout_is_kept_too(tmp_path: Path) -> None:
    """Else it would be solved again each time."""
    folder = Folder(tmp_path)
    folder.write(Item(ORIGIN, ()))
    assert [read.rollouts for read in folder.read("tiny")] == [()]


def test_a_full_disk_names_the_file_and_leaves_what_is_there(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.write(item(1))
    there = list(tmp_path.iterdir())
    with files_of_at_most(100), pytest.raises(ResourceError) as caught:
        folder.write(item(2))
    assert caught.value.message.startswith(f"cannot write to {tmp_path / item(2).origin.key}.npz: ")
    assert "the same command does the rest" in str(caught.value.hint)
    assert list(tmp_path.iterdir()) == there
    assert not folder.has(item(2).origin)


def test_a_damaged_file_is_passed_over(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    for seed in (1, 2):
        folder.write(item(seed))
    path = min(tmp_path.glob("*.npz"))
    whole = path.read_bytes()
    with np.load(path) as arrays:
        good = dict(arrays)
    path.write_bytes(whole[:100])
    assert len(list(folder.read("tiny"))) == 1
    for name, wrong in (
        *(
            ("about", np.array(text))
            for text in ("[" * 100_000, "[1, {}, [3]]", "[1, [], []]", "{}")
        ),
        *(("lengths", wrong) for wrong in (np.zeros(4, int), np.full((9, 4), 7), np.ones((5, 2)))),
        ("states", good["states"][:0]),
        ("tokens", np.array({"a": 1})),  # a pickle, which is not read
    ):
        np.savez(path, **{**good, name: wrong})
        assert len(list(folder.read("tiny"))) == 1, (name, wrong)


def test_a_name_follows_from_every_fact_but_the_file() -> None:
    assert replace(ORIGIN, file="b.jsonl", file_sha256="bb").key == ORIGIN.key
    others = {
        replace(ORIGIN, **{name: value}).key  # type: ignore[arg-type]
        for name, value in (
            *((name, "x") for name in ("problem", "gold", "policy", "policy_sha256")),
            ("seed", 4),
            ("settings", {"particles": 3}),
            ("depths", ()),
        )
    }
    assert len({ORIGIN.key, *others}) == 8


def test_where_a_head_is_from() -> None:
    other = replace(ORIGIN, file="b.jsonl", file_sha256="bb", settings={"particles": 2, "top_k": 1})
    items = [item(0), item(1), Item(other, ())]
    assert origin_of(items) == {
        "policy": "tiny",
        "policy_sha256": "f00",
        "files": [
            {"file": "a.jsonl", "rows": 2, "sha256": "aa"},
            {"file": "b.jsonl", "rows": 1, "sha256": "bb"},
        ],
        "settings": {"particles": 2},
    }
    with pytest.raises(UsageError, match="2 different files of tiny"):
        origin_of([item(0), Item(replace(ORIGIN, policy_sha256="f01"), ())])
