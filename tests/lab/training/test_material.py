"""What has been collected survives its file, and what a prefix is worth follows from its source."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pfsolve.lab.training.material import (
    AFTER_ERROR,
    LABELLED,
    ROLLOUTS,
    Folder,
    Item,
    MarkedSolution,
    key_of,
    prefix_labels,
)


def item(seed: int = 0) -> Item:
    rng = np.random.default_rng(seed)
    solutions = tuple(
        MarkedSolution(rng.normal(size=(steps, 5)).astype(np.float32), mark)
        for steps, mark in ((3, 1), (1, 0), (4, 1))
    )
    return Item("What is ½?", ROLLOUTS, "a.jsonl", solutions)


def test_an_item_survives_its_file(tmp_path: Path) -> None:
    folder, written = Folder(tmp_path / "kept"), item()
    assert not folder.has("k")
    folder.write("k", written)
    assert folder.has("k")
    (read,) = folder.read(["k", "another"])
    assert (read.problem, read.source, read.file) == ("What is ½?", ROLLOUTS, "a.jsonl")
    assert [solution.mark for solution in read.solutions] == [1, 0, 1]
    for one, other in zip(read.solutions, written.solutions, strict=True):
        assert one.vectors == pytest.approx(other.vectors, abs=2e-3)


def test_a_problem_without_any_step_is_kept_too(tmp_path: Path) -> None:
    """Else it would be solved again each time."""
    folder = Folder(tmp_path)
    folder.write("k", Item("p", ROLLOUTS, "a.jsonl", ()))
    assert folder.has("k")
    assert [read.solutions for read in folder.read(["k"])] == [()]


def test_a_damaged_file_is_passed_over(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.write("a", item(1))
    folder.write("b", item(2))
    (tmp_path / "a.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:100])
    assert len(list(folder.read(["a", "b"]))) == 1


def test_a_key_follows_from_every_fact() -> None:
    facts = {"policy": "f00", "problem": "p", "steps": ["a", "b"], "mark": 1}
    assert key_of(**facts) == key_of(**dict(reversed(facts.items())))
    others = [key_of(**{**facts, name: "x"}) for name in facts]
    assert len({key_of(**facts), *others}) == 1 + len(facts)


def test_a_labelled_prefix_is_right_until_its_first_error() -> None:
    vectors = np.zeros((4, 5), np.float32)
    labels, weights = prefix_labels(LABELLED, MarkedSolution(vectors, 1))
    assert labels.tolist() == [1, 0, 0, 0]
    assert weights.tolist() == [1, 1, AFTER_ERROR, AFTER_ERROR]
    labels, weights = prefix_labels(LABELLED, MarkedSolution(vectors, -1))
    assert labels.tolist() == weights.tolist() == [1] * 4


def test_a_rollouts_prefixes_are_as_right_as_its_answer() -> None:
    vectors = np.zeros((3, 5), np.float32)
    for mark in (0, 1):
        labels, weights = prefix_labels(ROLLOUTS, MarkedSolution(vectors, mark))
        assert labels.tolist() == [mark] * 3
        assert weights.tolist() == [1] * 3
