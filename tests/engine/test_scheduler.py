"""Searches on the real small model: reproducible, independent of each other, and tidy."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from pfsolve.engine.policy import Policy
from pfsolve.engine.scheduler import Outcome, Scheduler, Task, resampling_rng
from pfsolve.errors import EngineError, NoAnswer, PfsolveError
from pfsolve.events import Began, Ended, Event, Listener, Progressed, Resampled, Scored
from pfsolve.particle import Finish
from pfsolve.problems import Problem
from pfsolve.rewards.base import Memoryless, Prefix, Reward
from pfsolve.rewards.self_evaluation import SelfEvaluation
from pfsolve.rewards.uniform import Uniform
from pfsolve.search.particle_filter import FilterRules, particle_filter
from tests.engine.conftest import is_empty

MakePolicy = Callable[..., Policy]


class Longest(Memoryless):
    """Prefers long text: uneven weights, so that particles do get copied and dropped."""

    name = "longest"

    def score(self, prefixes: Sequence[Prefix]) -> np.ndarray:
        return np.array([len(prefix.particle.text) / 20 for prefix in prefixes], dtype=np.float64)


class Fixed(Memoryless):
    """The same score for all."""

    name = "fixed"

    def __init__(self, value: float) -> None:
        self.value = value

    def score(self, prefixes: Sequence[Prefix]) -> np.ndarray:
        return np.full(len(prefixes), self.value)


def task(
    policy: Policy,
    seed: int,
    n: int = 4,
    problem: str = "What is 12 + 30?",
    listen: Listener | None = None,
) -> Task:
    prompt = policy.chat.prompt("Think step by step.", problem)
    search = particle_filter(n, FilterRules(), resampling_rng(seed))
    return Task(Problem(problem, 1, problem), prompt, n, seed, search, listen)


def run(
    policy: Policy,
    reward: Reward,
    *tasks: Task,
    parallel: int = 8,
    stopping: Callable[[], bool] = lambda: False,
) -> list[Outcome]:
    """Outcomes in the order of the tasks, of which `parallel` run at a time."""
    ends: dict[str, Outcome | PfsolveError] = {}
    waiting = list(tasks)
    with Scheduler(policy, reward, stopping=stopping) as scheduler:
        while waiting or scheduler.running:
            while waiting and scheduler.running < parallel:
                scheduler.begin(waiting.pop(0))
            for ended, end in scheduler.advance():
                ends[ended.problem.id] = end
    outcomes = []
    for each in tasks:
        end = ends[each.problem.id]
        if isinstance(end, PfsolveError):
            raise end
        outcomes.append(end)
    return outcomes


def tokens(outcome: Outcome) -> list[list[tuple[int, ...]]]:
    return [[step.tokens for step in particle.steps] for particle in outcome.particles]


def test_a_seed_gives_one_result_and_leaves_the_cache_empty(make_policy: MakePolicy) -> None:
    policy = make_policy(temperature=1.0)
    first, again, other = (run(policy, Longest(), task(policy, seed))[0] for seed in (1, 1, 2))
    assert tokens(first) == tokens(again)
    assert first.population.log_scores.tolist() == again.population.log_scores.tolist()
    assert tokens(first) != tokens(other)
    assert is_empty(policy.cache)


def test_every_particle_finishes_with_a_reason_and_a_line_of_ancestors(
    make_policy: MakePolicy,
) -> None:
    policy = make_policy(temperature=1.0)
    events: list[Event] = []
    (outcome,) = run(policy, Longest(), task(policy, 3, listen=events.append))
    forks = {e.step: e.ancestors for e in events if isinstance(e, Resampled)}
    for slot, particle in enumerate(outcome.particles):
        assert particle.finish is not None
        assert len(particle.steps) <= policy.rules.max_steps
        assert all(step.log_score is not None for step in particle.steps)
        line = [step.slot for step in particle.steps]
        for step in range(outcome.population.steps, 0, -1):
            if step <= len(line):
                assert line[step - 1] == slot, "a step was written by someone who is no ancestor"
            slot = forks.get(step - 1, range(4))[slot]
    assert any(tuple(range(4)) != ancestors for ancestors in forks.values()), "nothing was copied"


def test_searches_side_by_side_do_not_change_each_other(make_policy: MakePolicy) -> None:
    """Up to the last digits of logits, which at temperature 0 do not matter: the same tokens."""
    policy = make_policy(temperature=0.0, max_step_tokens=12)
    problems = ["What is 12 + 30?", "Name a prime number."]
    tasks = [task(policy, 5, 2, problem) for problem in problems]
    alone = [run(policy, Uniform(), task(policy, 5, 2, problem))[0] for problem in problems]
    beside = run(policy, Uniform(), *tasks)
    firsts = [outcome.particles[0].steps[0].tokens[:6] for outcome in alone]
    assert firsts == [outcome.particles[0].steps[0].tokens[:6] for outcome in beside]
    assert is_empty(policy.cache)


def test_a_search_that_ends_makes_room_for_the_next(make_policy: MakePolicy) -> None:
    """More problems than the cache has room for at a time: each is searched, none is lost."""
    policy = make_policy(temperature=1.0, max_steps=2, max_step_tokens=8)
    problems = [f"What is {n} + {n}?" for n in range(9)]
    outcomes = run(policy, Longest(), *(task(policy, 1, 4, p) for p in problems), parallel=2)
    assert len(outcomes) == len(problems)
    assert all(particle.finish for outcome in outcomes for particle in outcome.particles)
    assert is_empty(policy.cache)


def test_a_search_that_fails_does_not_take_the_others_with_it(make_policy: MakePolicy) -> None:
    policy = make_policy(max_steps=2, max_step_tokens=8)

    class Picky(Memoryless):
        def open(self, problem: str, n: int) -> Memoryless:
            return Fixed(np.nan if "bad" in problem else 0.0)

    tasks = [task(policy, 1, 2, problem) for problem in ("good", "bad", "good too")]
    ends = {}
    with Scheduler(policy, Picky()) as scheduler:
        for each in tasks:
            scheduler.begin(each)
        while scheduler.running:
            ends |= {ended.problem.id: end for ended, end in scheduler.advance()}
    assert isinstance(ends["bad"], EngineError)
    assert isinstance(ends["good"], Outcome)
    assert isinstance(ends["good too"], Outcome)
    assert is_empty(policy.cache)


def test_events_tell_the_whole_story(make_policy: MakePolicy) -> None:
    policy = make_policy(temperature=1.0)
    events: list[Event] = []
    (outcome,) = run(policy, Longest(), task(policy, 3, listen=events.append))
    assert isinstance(events[0], Began)
    assert isinstance(events[-1], Ended)
    scored = [e for e in events if isinstance(e, Scored)]
    assert [e.step for e in scored] == list(range(1, outcome.population.steps + 1))
    assert all(sum(e.weights) == pytest.approx(1) for e in scored)
    assert any(isinstance(e, Progressed) for e in events)
    assert events[-1].tokens == outcome.tokens
    seen = [e.tokens for e in events if isinstance(e, Progressed)]
    assert seen == sorted(seen)


def test_stopping_finishes_the_step_at_hand(make_policy: MakePolicy) -> None:
    policy = make_policy(temperature=1.0)
    (outcome,) = run(policy, Uniform(), task(policy, 1), stopping=lambda: True)
    assert outcome.interrupted
    assert all(len(particle.steps) == 1 for particle in outcome.particles)
    assert Finish.INTERRUPTED in {particle.finish for particle in outcome.particles}
    assert is_empty(policy.cache)


@pytest.mark.parametrize(("value", "error"), [(np.nan, EngineError), (-np.inf, NoAnswer)])
def test_useless_scores_end_the_search_cleanly(
    make_policy: MakePolicy, value: float, error: type[Exception]
) -> None:
    policy = make_policy()
    with pytest.raises(error, match="step 1"):
        run(policy, Fixed(value), task(policy, 1))
    assert is_empty(policy.cache)


def test_an_exception_anywhere_leaves_the_cache_empty(make_policy: MakePolicy) -> None:
    policy = make_policy()

    def listen(event: Event) -> None:
        if isinstance(event, Scored) and event.step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(policy, Longest(), task(policy, 1, listen=listen), task(policy, 2))
    assert is_empty(policy.cache)


def test_self_evaluation_reads_only_its_own_turn(make_policy: MakePolicy) -> None:
    """Tokens decoded = prompt + tokens written + one verification turn for each score."""
    policy = make_policy(temperature=1.0)
    reward = SelfEvaluation(policy)
    scheduled = task(policy, 2)
    before = policy.cache.tokens_decoded
    (outcome,) = run(policy, reward, scheduled)
    decoded = policy.cache.tokens_decoded - before - len(scheduled.prompt) - outcome.tokens
    assert decoded % reward.reserve == 0
    assert decoded <= reward.reserve * 4 * outcome.population.steps
    scores = [step.log_score for particle in outcome.particles for step in particle.steps]
    assert len({round(score, 3) for score in scores if score is not None}) > 1
    assert is_empty(policy.cache)
