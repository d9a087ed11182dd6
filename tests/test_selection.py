"""From a population to one answer, against counts done by hand."""

from __future__ import annotations

import numpy as np
import pytest

from pfsolve.selection import select

ANSWERS = ["1/2", "0.5", "3", None, "3", "3"]
CLASSES = [0, 0, 1, None, 1, 1]
SCORES = np.array([0.0, 2.0, 1.0, 9.0, 1.0, 1.0])
WEIGHTS = np.array([0.1, 0.35, 0.1, 0.25, 0.1, 0.1])


@pytest.mark.parametrize(
    ("how", "answer", "confidence"),
    [("argmax", "0.5", 0.45), ("vote", "3", 0.5), ("weighted-vote", "0.5", 0.45)],
)
def test_each_way_of_choosing(how: str, answer: str, confidence: float) -> None:
    choice = select(how, ANSWERS, CLASSES, SCORES, WEIGHTS)
    assert choice.answer == answer
    assert choice.confidence == pytest.approx(confidence)
    assert {c.answer: c.particles for c in choice.candidates} == {"0.5": 2, "3": 3}


def test_argmax_passes_over_particles_without_an_answer() -> None:
    assert (
        select("argmax", [None, "7"], [None, 0], np.array([5.0, -5.0]), np.array([1.0, 0.0])).answer
        == "7"
    )


def test_nobody_has_an_answer() -> None:
    choice = select("vote", [None, None], [None, None], np.zeros(2), np.full(2, 0.5))
    assert (choice.answer, choice.confidence, choice.candidates) == (None, 0.0, ())


def test_ties_go_to_the_lower_index() -> None:
    for how in ("argmax", "vote", "weighted-vote"):
        choice = select(how, ["b", "a"], [0, 1], np.zeros(2), np.full(2, 0.5))
        assert choice.answer == "b"
