"""From a population to one answer, against counts done by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pfsolve.search.selection import is_settled, select

ANSWERS = ["1/2", "0.5", "3", None, "3", "3"]
CLASSES = [0, 0, 1, None, 1, 1]
SCORES = np.array([0.0, 2.0, 1.0, 9.0, 1.0, 1.0])
WEIGHTS = np.array([0.1, 0.35, 0.1, 0.25, 0.1, 0.1])


@pytest.mark.parametrize(
    ("how", "answer", "agreement"),
    [("argmax", "0.5", 0.45), ("vote", "3", 0.5), ("weighted-vote", "0.5", 0.45)],
)
def test_each_way_of_choosing(how: str, answer: str, agreement: float) -> None:
    choice = select(how, ANSWERS, CLASSES, SCORES, WEIGHTS)
    assert choice.answer == answer
    assert choice.agreement == pytest.approx(agreement)
    assert {c.answer: c.particles for c in choice.candidates} == {"0.5": 2, "3": 3}


def test_argmax_passes_over_particles_without_an_answer() -> None:
    assert (
        select("argmax", [None, "7"], [None, 0], np.array([5.0, -5.0]), np.array([1.0, 0.0])).answer
        == "7"
    )


def test_no_particle_has_an_answer() -> None:
    choice = select("vote", [None, None], [None, None], np.zeros(2), np.full(2, 0.5))
    assert (choice.answer, choice.agreement, choice.candidates) == (None, 0.0, ())


def test_ties_go_to_the_lower_index() -> None:
    for how in ("argmax", "vote", "weighted-vote"):
        choice = select(how, ["b", "a"], [0, 1], np.zeros(2), np.full(2, 0.5))
        assert choice.answer == "b"


@given(st.lists(st.tuples(st.sampled_from([None, 0, 1, 2]), st.booleans()), min_size=1, max_size=7))
def test_a_vote_is_settled_exactly_when_no_end_of_the_others_changes_it(
    particles: list[tuple[int | None, bool]],
) -> None:
    """Against all ways in which the unfinished could vote; 3 is an answer that no particle has given yet."""
    finished = np.array([has_ended for _, has_ended in particles])
    votes = [vote if has_ended else None for vote, has_ended in particles]
    n = len(votes)

    def ahead(all_votes: list[int | None]) -> set[int]:
        """The answers that none other is ahead of."""
        counts = {v: all_votes.count(v) for v in all_votes if v is not None}
        return {v for v, count in counts.items() if count == max(counts.values())}

    together = [
        ahead([vote if done else other for vote, done in zip(votes, finished, strict=True)])
        for other in (None, 0, 1, 2, 3)
    ]
    sure = len(together[0]) == 1 and all(each == together[0] for each in together)
    assert is_settled("vote", votes, finished, np.full(n, 1 / n)) == sure


def test_a_weighted_vote_is_settled_by_weight() -> None:
    finished = np.array([True, True, False])
    weights = np.array([0.6, 0.1, 0.3])
    assert is_settled("weighted-vote", [0, 1, None], finished, weights)
    assert not is_settled("vote", [0, 1, None], finished, weights)
    assert not is_settled("weighted-vote", [0, 1, None], finished, np.array([0.5, 0.2, 0.3]))


def test_nothing_is_settled_while_no_particle_has_an_answer() -> None:
    assert not is_settled("vote", [None, None], np.array([True, False]), np.full(2, 0.5))
    assert not is_settled("vote", [None, None], np.array([True, True]), np.full(2, 0.5))
