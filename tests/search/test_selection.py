"""From a population to one answer, against counts done by hand."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pfsolve.search.selection import chance_of_staying_ahead, is_settled, select

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
    assert (choice.answer, choice.chosen, choice.candidates) == (None, None, ())
    assert choice.agreement == 0.0


def test_ties_go_to_the_lower_index() -> None:
    for how in ("argmax", "vote", "weighted-vote"):
        choice = select(how, ["b", "a"], [0, 1], np.zeros(2), np.full(2, 0.5))
        assert choice.answer == "b"


@pytest.mark.parametrize(
    ("how", "log_odds", "weights", "preferred", "chosen"),
    [
        ("weighted-vote", [9, 0, 0, 0], [0.1, 0.2, 0.4, 0.3], None, 2),
        ("weighted-vote", [0, 0, 0, 0], [0.1, 0.3, 0.3, 0.3], [False, False, True, True], 2),
        ("weighted-vote", [0, 1, 2, 0], [0.1, 0.3, 0.3, 0.3], [True, True, False, True], 2),
        ("vote", [0, 0, 0, 0], [0.25] * 4, [False, False, False, True], 3),
        ("vote", [0, 0, 0, 0], [0.25] * 4, None, 1),
        ("argmax", [-1, 3, 3, 0], [0.1, 0.2, 0.3, 0.4], None, 2),
        ("argmax", [5, 3, 3, 0], [0.1, 0.2, 0.3, 0.4], None, 0),
    ],
)
def test_who_stands_for_the_answer(
    how: str, log_odds: list[float], weights: list[float], preferred: list[bool] | None, chosen: int
) -> None:
    """Three of four agree; the one of most weight, then of best odds, then a preferred one speaks."""
    answers = ["x", "a", "b", "c"]
    choice = select(how, answers, [0, 1, 1, 1], np.array(log_odds), np.array(weights), preferred)
    assert choice.chosen == chosen
    assert choice.answer == answers[chosen]


@given(st.lists(st.tuples(st.sampled_from([None, 0, 1, 2]), st.booleans()), min_size=1, max_size=7))
def test_a_vote_is_settled_for_certain_exactly_when_no_end_of_the_others_changes_it(
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
    assert is_settled("vote", votes, finished, np.full(n, 1 / n), 1 - 1e-9) == sure


def urn(leader: Fraction, second: Fraction, left: int) -> Fraction:
    """The same chance, one vote at a time: each goes as the next ball of Pólya's urn."""
    if not left:
        return Fraction(leader > second)
    chance = (leader + 1) / (leader + second + 2)
    return chance * urn(leader + 1, second, left - 1) + (1 - chance) * urn(
        leader, second + 1, left - 1
    )


@given(st.integers(0, 24), st.integers(0, 24), st.integers(0, 8))
def test_the_chance_of_staying_ahead_is_that_of_an_urn(one: int, other: int, left: int) -> None:
    """For quarters of votes, as weights make them."""
    leader, second = Fraction(max(one, other), 4), Fraction(min(one, other), 4)
    found = chance_of_staying_ahead(float(leader), float(second), left)
    assert found == pytest.approx(float(urn(leader, second, left)), abs=1e-12)


def test_three_votes_against_none_with_three_to_come() -> None:
    """The leader stays ahead unless all three go against it: a tie is no lead."""
    assert chance_of_staying_ahead(3, 0, 3) == pytest.approx(1 - 6 / 210)
    assert chance_of_staying_ahead(3, 0, 2) == pytest.approx(1)
    assert chance_of_staying_ahead(2, 2, 0) == 0.0


def test_with_many_to_come_it_is_the_chance_of_a_majority() -> None:
    """P(p > 1/2) of p ~ Beta(4, 2) is that of fewer than 4 heads in 5 throws, 26 / 32."""
    assert chance_of_staying_ahead(3, 1, 100_001) == pytest.approx(26 / 32, abs=1e-4)


def test_a_vote_is_settled_once_its_leader_very_probably_stays_ahead() -> None:
    """Three of one mind settle six; two do not settle four, at nine chances in ten."""
    for begun, n, settled in ((3, 6, True), (2, 4, False)):
        classes = [0] * begun + [None] * (n - begun)
        finished = np.arange(n) < begun
        assert is_settled("vote", classes, finished, np.full(n, 1 / n)) == settled
        assert is_settled("vote", classes, finished, np.full(n, 1 / n), 0.89)


def test_who_has_finished_without_an_answer_votes_for_nothing() -> None:
    finished = np.array([True, True, True, True, False, False])
    weights = np.full(6, 1 / 6)
    assert not is_settled("vote", [0, 0, None, None, None, None], finished, weights)
    assert is_settled("vote", [0, 0, 0, None, None, None], finished, weights)


def test_in_a_weighted_vote_a_particle_has_its_share_of_the_votes() -> None:
    """Of four that have weight: 3.2 votes against 0.4 with one to come, or 2 against 1.6."""
    finished = np.array([True, True, False, True])
    classes = [0, 1, None, None]
    assert is_settled("weighted-vote", classes, finished, np.array([0.8, 0.1, 0.05, 0.05]))
    assert not is_settled("weighted-vote", classes, finished, np.array([0.5, 0.4, 0.05, 0.05]))
    assert not is_settled("vote", classes, finished, np.array([0.8, 0.1, 0.05, 0.05]))


def test_particles_that_have_not_begun_have_votes_to_come() -> None:
    """Their weight is zero, and so is that of the dead, who have none to come."""
    weights = np.array([0.5, 0.5, 0.0, 0.0])
    for how in ("vote", "weighted-vote"):
        for finished, settled in (([1, 1, 0, 0], False), ([1, 1, 1, 0], True)):
            ended = np.array(finished, dtype=np.bool_)
            assert is_settled(how, [0, 0, None, None], ended, weights) == settled


def test_nothing_is_settled_while_no_particle_has_an_answer() -> None:
    assert not is_settled("vote", [None, None], np.array([True, False]), np.full(2, 0.5))
    assert not is_settled("vote", [None, None], np.array([True, True]), np.full(2, 0.5))
    assert not is_settled("vote", [None, None], np.array([False, False]), np.full(2, 0.5), 0.2)
