"""From a population to one answer, against counts done by hand."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pfsolve.search.selection import Voters, chance_of_staying_ahead, is_settled, select

ANSWERS = ["1/2", "0.5", "3", None, "3", "3"]
CLASSES = [0, 0, 1, None, 1, 1]
SCORES = np.array([0.0, 2.0, 1.0, 9.0, 1.0, 1.0])
WEIGHTS = np.array([0.1, 0.35, 0.1, 0.25, 0.1, 0.1])


def voters(
    classes: Sequence[int | None],
    log_odds: Sequence[float] | None = None,
    weights: Sequence[float] | None = None,
    **more: Any,
) -> Voters:
    """Particles whose answers are the numbers of their classes, unless others are given."""
    n = len(classes)
    answers = more.pop("answers", [None if each is None else str(each) for each in classes])
    scores = np.zeros(n) if log_odds is None else np.array(log_odds, float)
    shares = np.full(n, 1 / n) if weights is None else np.array(weights, float)
    return Voters(answers, classes, scores, shares, **more)


@pytest.mark.parametrize(
    ("how", "answer", "agreement"),
    [("argmax", "0.5", 0.45), ("vote", "3", 0.5), ("weighted-vote", "0.5", 0.45)],
)
def test_each_way_of_choosing(how: str, answer: str, agreement: float) -> None:
    choice = select(how, Voters(ANSWERS, CLASSES, SCORES, WEIGHTS))
    assert choice.answer == answer
    assert choice.agreement == pytest.approx(agreement)
    assert {c.answer: c.particles for c in choice.candidates} == {"0.5": 2, "3": 3}


def test_argmax_passes_over_particles_without_an_answer() -> None:
    assert select("argmax", voters([None, 7], [5.0, -5.0], [1.0, 0.0])).answer == "7"


def test_no_particle_has_an_answer() -> None:
    choice = select("vote", voters([None, None]))
    assert (choice.answer, choice.chosen, choice.candidates) == (None, None, ())
    assert choice.agreement == 0.0


@pytest.mark.parametrize(
    ("classes", "log_odds", "answer"),
    [
        ([0, 0, 1, 1], [0, 3, 1, 1], "0"),  # ranks 1 + 4 against 2.5 + 2.5: equal
        ([0, 0, 1, 1], [0, 2, 1, 3], "1"),
        ([0, 0, 1, 1, 1], [9, 8, 1, 2, 3], "0"),  # a lead of one: 1.4 + 1.2 against 0.6 + 0.8 + 1
        ([0, 0, 1, 1, 1], [9, 1, 8, 2, 3], "1"),
        ([0, 0, 1, 1, 1, 1], [9, 8, 1, 2, 3, 4], "1"),  # a lead of two is one
        ([0, 1, 1, None], [9, 1, 2, 99], "1"),  # what has no answer has no rank either
        ([0, 1, 2, 3], [1, 3, 2, -np.inf], "1"),
    ],
)
def test_a_lead_of_one_vote_or_none_is_for_the_ranks_to_decide(
    classes: list[int | None], log_odds: list[float], answer: str
) -> None:
    assert select("vote", voters(classes, log_odds)).answer == answer


def test_only_the_order_of_log_odds_matters_to_a_vote() -> None:
    classes, log_odds = [0, 0, 1, 1, 1], np.array([0.4, 0.3, 0.1, 0.2, -0.5])
    for scale in (1e-3, 1, 1e3):
        assert select("vote", voters(classes, (log_odds * scale).tolist())).answer == "0"


def test_log_odds_of_texts_and_programs_are_not_compared() -> None:
    """Programs without scores have log-odds 0, which is neither good nor bad among texts."""
    classes, kinds = [0, 0, 1, 1], [0, 1, 0, 1]
    for shift in (-50.0, 50.0):
        scores = [shift + 1, 0.0, shift + 2, 0.0]
        assert select("vote", voters(classes, scores, kinds=kinds)).answer == "1"


def test_what_is_alike_to_the_letter_has_one_vote() -> None:
    three = voters([0, 0, 0, 1, 1], alike=[0, 0, 0, 3, 4])
    choice = select("vote", three)
    assert (choice.answer, choice.agreement) == ("1", pytest.approx(2 / 3))
    assert {c.answer: c.particles for c in choice.candidates} == {"0": 3, "1": 2}
    assert select("weighted-vote", three).answer == "0", "weights count what was drawn"


@pytest.mark.parametrize(
    ("more", "answer"),
    [
        ({}, "0"),
        ({"kinds": [0, 0, 0, 1]}, "1"),  # a text and a program agree
        ({"lengths": [9, 5, 4, 6]}, "1"),
        ({"lengths": [9, 5, 4, 6], "kinds": [0, 1, 0, 0]}, "0"),
        (
            {"lengths": [30, 10, 90, 9], "kinds": [0, 1, 0, 1]},
            "0",
        ),  # each in its kind, and so equal
    ],
)
@pytest.mark.parametrize("how", ["vote", "weighted-vote"])
def test_without_scores_more_kinds_then_shorter_solutions_then_the_alphabet_decide(
    how: str, more: dict[str, list[int]], answer: str
) -> None:
    assert select(how, voters([0, 0, 1, 1], **more)).answer == answer


@given(
    st.permutations(range(6)),
    st.lists(st.sampled_from([None, 0, 1, 2]), min_size=6, max_size=6),
    st.lists(st.sampled_from([-np.inf, 0.0, 1.0, 2.0]), min_size=6, max_size=6),
    st.lists(st.integers(0, 1), min_size=6, max_size=6),
    st.lists(st.integers(1, 3), min_size=6, max_size=6),
    st.sampled_from(["vote", "weighted-vote"]),
)
def test_the_order_of_particles_decides_nothing(
    order: list[int],
    classes: list[int | None],
    log_odds: list[float],
    kinds: list[int],
    lengths: list[int],
    how: str,
) -> None:
    def chosen(order: Sequence[int]) -> str | None:
        def taken(values: list[Any]) -> list[Any]:
            return [values[i] for i in order]

        more = {
            "kinds": taken(kinds),
            "lengths": taken(lengths),
            "alike": taken([0, 0, 2, 3, 4, 4]),
        }
        return select(how, voters(taken(classes), taken(log_odds), **more)).answer

    classes[1], classes[5] = classes[0], classes[4]  # what is alike has the same answer,
    for values in (log_odds, kinds, lengths):
        values[1], values[5] = values[0], values[4]  # and all else
    assert chosen(order) == chosen(range(6))


@pytest.mark.parametrize(
    ("how", "log_odds", "weights", "kinds", "chosen"),
    [
        ("weighted-vote", [9, 0, 0, 0], [0.1, 0.2, 0.4, 0.3], None, 2),
        ("weighted-vote", [0, 0, 0, 0], [0.1, 0.3, 0.3, 0.3], [1, 1, 0, 0], 2),
        ("weighted-vote", [0, 1, 2, 0], [0.1, 0.3, 0.3, 0.3], None, 2),
        ("vote", [0, 0, 0, 0], [0.25] * 4, [1, 1, 1, 0], 3),
        ("vote", [0, 0, 0, 0], [0.25] * 4, None, 1),
        ("vote", [9, 0, 2, 1], [0.1, 0.4, 0.1, 0.4], None, 2),
        ("argmax", [-1, 3, 3, 0], [0.1, 0.2, 0.3, 0.4], None, 2),
        ("argmax", [5, 3, 3, 0], [0.1, 0.2, 0.3, 0.4], None, 0),
    ],
)
def test_who_stands_for_the_answer(
    how: str, log_odds: list[float], weights: list[float], kinds: list[int] | None, chosen: int
) -> None:
    """Three of four agree; the one of most weight, then of best odds, then the most readable speaks."""
    answers = ["x", "a", "b", "c"]
    choice = select(how, voters([0, 1, 1, 1], log_odds, weights, kinds=kinds, answers=answers))
    assert choice.chosen == chosen
    assert choice.answer == answers[chosen]


@given(st.lists(st.tuples(st.sampled_from([None, 0, 1, 2]), st.booleans()), min_size=1, max_size=7))
def test_a_vote_is_settled_for_certain_exactly_when_no_end_of_the_others_changes_it(
    particles: list[tuple[int | None, bool]],
) -> None:
    """Against all ways in which the unfinished could vote; 3 is an answer that no particle has given yet."""
    finished = np.array([has_ended for _, has_ended in particles])
    votes = [vote if has_ended else None for vote, has_ended in particles]

    def ahead(all_votes: list[int | None]) -> set[int]:
        """The answers that none other is ahead of."""
        counts = {v: all_votes.count(v) for v in all_votes if v is not None}
        return {v for v, count in counts.items() if count == max(counts.values())}

    together = [
        ahead([vote if done else other for vote, done in zip(votes, finished, strict=True)])
        for other in (None, 0, 1, 2, 3)
    ]
    sure = len(together[0]) == 1 and all(each == together[0] for each in together)
    assert is_settled("vote", voters(votes), finished, 1 - 1e-9) == sure


BALLOT = st.tuples(
    st.sampled_from([None, 0, 1, 2]), st.booleans(), st.sampled_from([-1.0, 0.5, 1.0, 2.0])
)


@given(st.lists(BALLOT, min_size=1, max_size=6))
def test_what_scores_may_turn_is_not_settled(
    ballots: list[tuple[int | None, bool, float]],
) -> None:
    """A vote that is settled for certain is not turned by any scores that the others may get."""
    finished = np.array([has_ended for _, has_ended, _ in ballots])
    classes = [group if has_ended else None for group, has_ended, _ in ballots]
    scores = [score for *_, score in ballots]
    if not is_settled("vote", voters(classes, scores), finished, 1 - 1e-9):
        return
    leader = select("vote", voters(classes, scores)).answer
    for other in (None, 0, 1, 2, 3):
        for score in (-9.0, 9.0):
            all_classes = [c if f else other for c, f in zip(classes, finished, strict=True)]
            all_scores = [s if f else score for s, f in zip(scores, finished, strict=True)]
            assert select("vote", voters(all_classes, all_scores)).answer == leader


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


def test_a_lead_of_one_vote_is_none_where_log_odds_may_turn_it() -> None:
    assert chance_of_staying_ahead(4, 0, 3) == pytest.approx(1)
    assert chance_of_staying_ahead(4, 0, 3, by=1) == pytest.approx(1 - 1 / 56)
    finished = np.array([True] * 4 + [False] * 3)
    classes = [0] * 4 + [None] * 3
    assert is_settled("vote", voters(classes), finished, 0.99)
    assert not is_settled("vote", voters(classes, [1, 2, 3, 4, 0, 0, 0]), finished, 0.99)


def test_copies_of_what_has_finished_settle_nothing() -> None:
    finished, classes = np.array([True] * 3 + [False] * 3), [0] * 3 + [None] * 3
    assert is_settled("vote", voters(classes, alike=range(6)), finished)
    assert not is_settled("vote", voters(classes, alike=[0, 0, 0, 3, 4, 5]), finished)


def test_a_vote_is_settled_once_its_leader_very_probably_stays_ahead() -> None:
    """Three of one mind settle six; two do not settle four, at nine chances in ten."""
    for begun, n, settled in ((3, 6, True), (2, 4, False)):
        seen = voters([0] * begun + [None] * (n - begun))
        finished = np.arange(n) < begun
        assert is_settled("vote", seen, finished) == settled
        assert is_settled("vote", seen, finished, 0.89)


def test_who_has_finished_without_an_answer_votes_for_nothing() -> None:
    finished = np.array([True, True, True, True, False, False])
    assert not is_settled("vote", voters([0, 0, None, None, None, None]), finished)
    assert is_settled("vote", voters([0, 0, 0, None, None, None]), finished)


def test_in_a_weighted_vote_a_particle_has_its_share_of_the_votes() -> None:
    """Of four that have weight: 3.2 votes against 0.4 with one to come, or 2 against 1.6."""
    finished, classes = np.array([True, True, False, True]), [0, 1, None, None]
    for how, leader, second, settled in (
        ("weighted-vote", 0.8, 0.1, True),
        ("weighted-vote", 0.5, 0.4, False),
        ("vote", 0.8, 0.1, False),
    ):
        seen = voters(classes, weights=[leader, second, 0.05, 0.05])
        assert is_settled(how, seen, finished) == settled


def test_particles_that_have_not_begun_have_votes_to_come() -> None:
    """Their weight is zero, and so is that of the dead, who have none to come."""
    seen = voters([0, 0, None, None], weights=[0.5, 0.5, 0.0, 0.0])
    for how in ("vote", "weighted-vote"):
        for finished, settled in (([1, 1, 0, 0], False), ([1, 1, 1, 0], True)):
            assert is_settled(how, seen, np.array(finished, dtype=np.bool_)) == settled


def test_nothing_is_settled_while_no_particle_has_an_answer() -> None:
    for finished, threshold in (([1, 0], 0.95), ([1, 1], 0.95), ([0, 0], 0.2)):
        ended = np.array(finished, dtype=np.bool_)
        assert not is_settled("vote", voters([None, None]), ended, threshold)
