"""A search that is stopped, or out of time, ends with the next token: cut where it is, and tidy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from pfsolve.engine.policy import Policy, StepDraft
from pfsolve.engine.runs import TokenRun
from pfsolve.engine.stopping import BATCH_TOKENS
from pfsolve.particle import Finish
from pfsolve.rewards.base import Memoryless, Prefix, Uniform
from pfsolve.search.methods import METHODS
from tests.engine.fixtures import is_empty
from tests.solver.test_scheduler import MakePolicy, run, task

LONG = {"max_step_tokens": 64, "context": 160}  # steps of which none ends by itself within 5 tokens


class Decodes:
    """Counts the decodes of a policy; also a clock that ticks with each."""

    def __init__(self, policy: Policy) -> None:
        self.count = 0
        self._advance = policy.advance
        policy.advance = self.advance  # type: ignore[method-assign]

    def advance(self, drafts: Sequence[StepDraft]) -> None:
        self.count += 1
        self._advance(drafts)

    def monotonic(self) -> float:
        return float(self.count)


class NeverAsked(Memoryless):
    """A reward that a search which is cut in its first step has no use for."""

    name = "never asked"

    def score(self, prefixes: Sequence[Prefix]) -> np.ndarray:
        raise AssertionError("the reward was asked for a step that was cut")


@pytest.mark.parametrize("method", METHODS)
def test_stopping_cuts_every_particle_at_the_next_token(
    make_policy: MakePolicy, method: str
) -> None:
    policy = make_policy(temperature=1.0, **LONG)
    decodes = Decodes(policy)
    (outcome,) = run(
        policy,
        NeverAsked(),
        task(policy, 1, method=method),
        stopping=lambda: decodes.count >= 5,
    )
    assert decodes.count == 5
    assert outcome.cut is Finish.INTERRUPTED
    for particle in outcome.particles:
        assert particle.n_tokens == 6, "one is drawn from the prompt, and one after each decode"
        assert particle.finish is Finish.INTERRUPTED
        assert particle.steps[-1].log_odds is None, "what is not scored does not look so"
    assert outcome.counts.tokens == 6 * len(outcome.particles)
    assert is_empty(policy.cache)


def test_a_search_that_is_stopped_before_its_first_token_decodes_nothing(
    make_policy: MakePolicy,
) -> None:
    policy = make_policy(**LONG)
    (outcome,) = run(policy, NeverAsked(), task(policy, 1), stopping=lambda: True)
    assert outcome.cut is Finish.INTERRUPTED
    assert (outcome.counts.tokens, [p.text for p in outcome.particles]) == (0, [""] * 4)
    assert is_empty(policy.cache)


@pytest.mark.parametrize("method", ["islands"])
def test_a_long_prompt_is_given_up_on_the_way(make_policy: MakePolicy, method: str) -> None:
    policy = make_policy(**LONG)
    long = task(policy, 1, method=method, problem="seven " * 150)
    (outcome,) = run(policy, NeverAsked(), long, stopping=lambda: True)
    assert outcome.cut is Finish.INTERRUPTED
    assert [p.text for p in outcome.particles] == [""] * len(outcome.particles)
    assert policy.cache.tokens_decoded == BATCH_TOKENS
    assert is_empty(policy.cache)


@pytest.mark.parametrize("method", ["pg"])
def test_a_long_read_of_a_reward_is_given_up_on_the_way(
    make_policy: MakePolicy, method: str
) -> None:
    policy = make_policy(temperature=1.0, max_step_tokens=6, context=160)
    read: list[int] = []

    class Reader(Memoryless):
        name = "reader"

        def score(self, prefixes: Sequence[Prefix]) -> np.ndarray:
            sequence = policy.cache.new()
            read.append(policy.cache.tokens_decoded)
            try:
                policy.cache.decode([TokenRun(sequence, [5] * 150)])
            finally:
                policy.cache.drop(sequence)
            raise AssertionError("it was read to its end")

    (outcome,) = run(policy, Reader(), task(policy, 1, method=method), stopping=lambda: bool(read))
    assert outcome.cut is Finish.INTERRUPTED
    assert [policy.cache.tokens_decoded - before for before in read] == [BATCH_TOKENS]
    assert all(len(particle.steps) == 1 for particle in outcome.particles)
    assert set(outcome.population.log_odds.tolist()) == {0.0}
    assert is_empty(policy.cache)


def test_a_cut_step_weighs_what_its_particle_weighed_before(make_policy: MakePolicy) -> None:
    policy = make_policy(temperature=1.0, max_step_tokens=6, context=160, max_steps=9)

    class BySlot(Memoryless):
        name = "by slot"

        def score(self, prefixes: Sequence[Prefix]) -> np.ndarray:
            return np.array([prefix.slot / 10 for prefix in prefixes])

    decodes = Decodes(policy)
    (outcome,) = run(
        policy, BySlot(), task(policy, 1, method="bon"), stopping=lambda: decodes.count >= 9
    )
    assert outcome.cut is Finish.INTERRUPTED
    assert outcome.population.log_odds.tolist() == [0.0, 0.1, 0.2, 0.3]
    cut = [p for p in outcome.particles if p.finish is Finish.INTERRUPTED]
    assert cut
    for particle in cut:
        assert len(particle.steps) == 2
        assert particle.steps[0].log_odds is not None
        assert particle.steps[1].log_odds is None


def test_each_search_has_a_time_of_its_own(
    make_policy: MakePolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = make_policy(temperature=1.0, **LONG)
    decodes = Decodes(policy)
    monkeypatch.setattr("pfsolve.solver.ending.time", decodes)
    short, long, free = (
        replace(task(policy, 1, 2, f"What is {seconds}?"), seconds=seconds)
        for seconds in (5.0, 9.0, None)
    )
    first, second, third = run(policy, Uniform(), short, long, free, parallel=2)
    assert (first.cut, first.seconds) == (Finish.OUT_OF_TIME, 5.0)
    assert (second.cut, second.seconds) == (Finish.OUT_OF_TIME, 9.0)
    assert third.cut is None, "it began when the first had ended, and has no limit"
    for outcome, tokens in ((first, 6), (second, 10)):
        assert [p.finish for p in outcome.particles] == [Finish.OUT_OF_TIME] * 2
        assert [p.n_tokens for p in outcome.particles] == [tokens] * 2
    assert is_empty(policy.cache)


def test_a_search_that_ends_in_time_is_as_without_a_limit(make_policy: MakePolicy) -> None:
    policy = make_policy(temperature=1.0, max_steps=2, max_step_tokens=8)
    limited = replace(task(policy, 1, 2), seconds=600.0)
    outcomes = [run(policy, Uniform(), each)[0] for each in (task(policy, 1, 2), limited)]
    assert outcomes[1].cut is None
    texts = [[particle.text for particle in outcome.particles] for outcome in outcomes]
    assert texts[0] == texts[1]


def test_a_user_who_stops_during_a_slow_reward_gets_what_was_scored(
    make_policy: MakePolicy,
) -> None:
    policy = make_policy(temperature=1.0, max_step_tokens=6)
    asked: list[int] = []

    class Slow(Memoryless):
        name = "slow"

        def score(self, prefixes: Sequence[Prefix]) -> np.ndarray:
            asked.append(len(prefixes))
            return np.arange(float(len(prefixes)))

    (outcome,) = run(policy, Slow(), task(policy, 1), stopping=lambda: bool(asked))
    assert asked == [4]
    assert outcome.population.log_odds.tolist() == [0.0, 1.0, 2.0, 3.0]
    assert all(len(particle.steps) == 1 for particle in outcome.particles)
