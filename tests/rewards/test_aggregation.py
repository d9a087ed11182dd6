"""Scores of steps become that of a prefix; tests/rewards/test_laws.py follows it through forks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pfsolve.engine.policy import Branch
from pfsolve.particle import Particle, Step
from pfsolve.rewards.aggregation import Aggregated
from pfsolve.rewards.base import Memoryless, Prefix, distinct

NOWHERE = cast(Branch, None)


class FromTokens(Memoryless):
    """The score of a step is its only token."""

    name = "from tokens"

    def score(self, prefixes: Sequence[Prefix]) -> NDArray[np.float64]:
        return np.array([float(prefix.particle.steps[-1].tokens[0]) for prefix in prefixes])


def prefix(slot: int, *tokens: int) -> Prefix:
    steps = tuple(Step((token,), b"a step", slot) for token in tokens)
    return Prefix(slot, Particle(steps), NOWHERE, None)


def sigmoid(x: float) -> float:
    return float(1 / (1 + np.exp(-x)))


@given(st.lists(st.integers(-8, 8), min_size=1, max_size=12))
def test_product_and_minimum_are_those_of_the_probabilities(scores: list[int]) -> None:
    product = Aggregated(FromTokens(), "prod").open("", 1)
    least = Aggregated(FromTokens(), "min").open("", 1)
    for end in range(1, len(scores) + 1):
        so_far = prefix(0, *scores[:end])
        probabilities = [sigmoid(score) for score in scores[:end]]
        got = product.score([so_far])[0]
        assert sigmoid(got) == pytest.approx(np.prod(probabilities), rel=1e-9)
        assert sigmoid(least.score([so_far])[0]) == pytest.approx(min(probabilities), rel=1e-9)


def test_a_step_without_text_does_not_count_in_the_product() -> None:
    """A particle that only says it has ended must not pay for its last step twice."""
    scorer = Aggregated(FromTokens(), "prod").open("", 1)
    before = scorer.score([prefix(0, -1)])[0]
    ended = Particle((*prefix(0, -1).particle.steps, Step((-1,), b"", 0)))
    assert scorer.score([Prefix(0, ended, NOWHERE, None)])[0] == pytest.approx(before)


def test_only_those_asked_for_change() -> None:
    """A particle that has finished is not scored again, nor is its score touched."""
    scorer = Aggregated(FromTokens(), "min").open("", 3)
    scorer.score([prefix(0, 5), prefix(1, 1), prefix(2, 5)])
    assert scorer.score([prefix(2, 5, 3)]).tolist() == [3.0]
    assert scorer.score([prefix(0, 5, 9)]).tolist() == [5.0]


def test_a_dead_step_kills_the_product_and_the_minimum() -> None:
    class Dead(Memoryless):
        def score(self, prefixes: Sequence[Prefix]) -> NDArray[np.float64]:
            return np.full(len(prefixes), -np.inf)

    for how in ("prod", "min"):
        assert Aggregated(Dead(), how).open("", 1).score([prefix(0, 1)])[0] == -np.inf


def test_equal_prefixes_are_found_by_their_tokens() -> None:
    found, which = distinct([prefix(0, 1, 2), prefix(3, 1, 3), prefix(5, 1, 2), prefix(6, 1)])
    assert [p.slot for p in found] == [0, 3, 6]
    assert which.tolist() == [0, 1, 0, 2]
