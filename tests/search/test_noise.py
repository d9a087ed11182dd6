"""Filters as they come do no harm with a reward that is pure noise, and lose nothing of a perfect one.

The problems are those of tests/benchmarks/filters.py, which measures more of this with more problems.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from pfsolve.lab.evaluation.votes import vote
from pfsolve.search.independent import independent_samples
from pfsolve.settings import Settings, merge
from pfsolve.solver.lots import waves_of
from tests.benchmarks.filters import (
    SimulatedReward,
    Writing,
    draw_problems,
    slipped_shares,
    solve,
)

PROBLEMS = draw_problems(200)


@cache
def right(reward: str, **given: Any) -> tuple[float, list[Writing]]:
    """The share of right answers, and what was written."""
    settings = merge({"programs": 0.0, "early_stop": False}, given)
    waves = waves_of(settings, at_once=False)
    scores = SimulatedReward.named(reward, slipped_shares(PROBLEMS[:50]))
    ends = [solve(settings, waves, of, scores, [1, i]) for i, of in enumerate(PROBLEMS)]
    return float(np.mean([is_right for is_right, _ in ends])), [writing for _, writing in ends]


def voted(writings: list[Writing]) -> float:
    """The share of right answers of a plain vote of the same solutions."""
    return float(np.mean([vote(np.zeros(8), of.answer_numbers)[-1] for of in writings]))


@pytest.mark.parametrize("method", ["pf", "entropic", "islands"])
def test_by_noise_hardly_any_solution_is_dropped(method: str) -> None:
    """What is left is to the letter what independent samples would be."""
    _, writings = right("noise", method=method)
    undisturbed = [number for number, of in enumerate(writings) if not of.forks]
    assert len(undisturbed) > 0.98 * len(writings)
    for number in undisturbed[:20]:
        alone = Writing(PROBLEMS[number], SimulatedReward(np.zeros(8), 1.0), 8, [1, number, 1])
        alone.run(independent_samples(8, scored=False))
        assert writings[number].answer_numbers.tolist() == alone.answer_numbers.tolist()


def test_with_noise_the_answers_are_as_good_as_those_of_a_vote() -> None:
    share, writings = right("noise")
    assert share - voted(writings) > -0.03
    early, _ = right("noise", early_stop=True)
    assert early - share > -0.05, "and the more so where it ends early"


def test_with_a_perfect_reward_they_are_much_better() -> None:
    share, _ = right("perfect")
    assert share - voted(right("noise")[1]) > 0.15
    greedier, _ = right("perfect", ess_threshold=1.0, softmax_temperature=1.0)
    assert share - greedier > -0.06, "hardly worse than with resampling at every step"


def test_resampling_at_every_step_does_harm_with_noise() -> None:
    """What these problems can show."""
    share, _ = right("noise", ess_threshold=1.0, softmax_temperature=1.0, final="weighted-vote")
    assert share - voted(right("noise")[1]) < -0.1


def test_the_defaults_are_what_was_found() -> None:
    assert (Settings().weights, Settings().finished) == ("score", "stay")
    assert (Settings().ess_threshold, Settings().softmax_temperature) == (0.5, 3.0)
