"""Searches on the real small model: reproducible, independent of each other, and tidy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pfsolve.engine.policy import Policy
from pfsolve.engine.runs import TokenRun
from pfsolve.errors import EngineError, NoAnswer, PfsolveError
from pfsolve.events import Event, Listener
from pfsolve.events.search import Began, Ended, Progressed, Resampled, Rewound, StepScored
from pfsolve.particle import Finish, Kind, Particle
from pfsolve.problems import Problem
from pfsolve.rewards.base import Memoryless, Prefix, Reward, Uniform
from pfsolve.rewards.self_evaluation import SelfEvaluation
from pfsolve.search.methods import METHODS
from pfsolve.settings import Settings
from pfsolve.solver import narrator
from pfsolve.solver.scheduler import Scheduler
from pfsolve.solver.streams import resampling_rng
from pfsolve.solver.task import Outcome, Task, Writer
from tests.engine.fixtures import TOLERANCE, distance, distribution, is_empty

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
    method: str = "pf",
    **settings: Any,
) -> Task:
    prompt = policy.chat.prompt("Think step by step.", problem)
    every_step = {"ess_threshold": 1.0, "softmax_temperature": 1.0}
    chosen = Settings(particles=n, beam_width=2, **{**every_step, **settings})
    search = METHODS[method](chosen, resampling_rng(seed))
    writers = [Writer(Kind.TEXT, prompt)] * n
    return Task(Problem(problem, 1, problem), writers, seed, search, listen)


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
    assert first.population.log_odds.tolist() == again.population.log_odds.tolist()
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
        assert all(step.log_odds is not None for step in particle.steps)
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


def test_particles_that_are_alike_take_one_row_and_leave_the_others_to_the_next_search(
    make_policy: MakePolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At temperature 0 all are alike: they write what one does, and count so many tokens."""
    policy = make_policy(temperature=0.0, max_step_tokens=5, max_steps=2)
    problems = ["What is 12 + 30?", "Name a prime number."]
    (alone,) = run(policy, Uniform(), task(policy, 5, 1, problems[0]))
    assert alone.counts.rows_saved == 0
    sizes: list[int] = []
    advance = policy.advance
    monkeypatch.setattr(
        policy, "advance", lambda drafts: sizes.append(len(drafts)) or advance(drafts)
    )
    tasks = [task(policy, 5, 4, problem) for problem in problems]
    before = policy.cache.tokens_decoded
    with Scheduler(policy, Uniform(), rows=2) as scheduler:
        ends = []
        for each in tasks:
            scheduler.begin(each)
        while scheduler.running:
            ends += [end for _, end in scheduler.advance()]
    assert set(sizes[:5]) == {8}, "the second search waits, though the first takes a single row"
    outcomes = [end for end in ends if isinstance(end, Outcome)]
    assert len(outcomes) == 2
    written = [outcome.counts.tokens for outcome in outcomes]
    assert [outcome.counts.rows_saved for outcome in outcomes] == [n * 3 // 4 for n in written]
    prompts = sum(len(each.writers[0].prompt) for each in tasks)
    assert policy.cache.tokens_decoded - before == prompts + sum(written) // 4
    assert all(p.tokens == outcomes[0].particles[0].tokens for p in outcomes[0].particles)
    assert outcomes[0].particles[0].tokens[:4] == alone.particles[0].tokens[:4]
    assert is_empty(policy.cache)


def test_beyond_a_tile_later_searches_fill_whole_ones_and_draw_the_same(
    make_policy: MakePolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order in which searches are served changes nothing of what they draw, but for last digits."""
    policy = make_policy(temperature=0.0, max_steps=1, max_step_tokens=4)
    rows: list[int] = []
    advance = policy.advance
    monkeypatch.setattr(
        policy,
        "advance",
        lambda drafts: rows.append(len(set(map(policy.row, drafts)))) or advance(drafts),
    )
    written, decodes = [], []
    for policy.tile in (1, 4):
        problems = ["What is 12 + 30?", "Name a prime number.", "What is 1 + 1?"] * 3
        named = [f"{problem}{' ' * i}" for i, problem in enumerate(problems)]
        tasks = [task(policy, 3, 1, problem) for problem in named]
        outcomes = run(policy, Uniform(), *tasks, parallel=9)
        written.append([tokens(outcome) for outcome in outcomes])
        decodes.append(rows.copy())
        rows.clear()
    assert max(decodes[0]) == 9
    assert max(decodes[1]) == 8
    assert all(number <= 4 or number % 4 == 0 for number in decodes[1])
    assert written[0] == written[1]
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


def test_events_tell_the_whole_story(
    make_policy: MakePolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(narrator, "_TICK_SECONDS", 0.0)
    policy = make_policy(temperature=1.0)
    events: list[Event] = []
    (outcome,) = run(policy, Longest(), task(policy, 3, listen=events.append))
    assert isinstance(events[0], Began)
    assert isinstance(events[-1], Ended)
    scored = [e for e in events if isinstance(e, StepScored)]
    assert [e.step for e in scored] == list(range(1, outcome.population.steps + 1))
    assert all(sum(e.weights) == pytest.approx(1) for e in scored)
    resampled = [e for e in events if isinstance(e, Resampled)]
    assert all(e.weights == pytest.approx([0.25] * 4) for e in resampled), "they count alike"
    writing = {sum(row.writes for row in e.rows) for e in events if isinstance(e, Progressed)}
    assert {0, 4} <= writing, "between two steps, and at the beginning of one"
    assert events[-1].tokens == outcome.counts.tokens
    seen = [e.tokens for e in events if isinstance(e, Progressed)]
    assert seen == sorted(seen)


@pytest.mark.parametrize("method", ["pf", "sc"])
def test_a_settled_search_ends_with_the_step_at_hand(make_policy: MakePolicy, method: str) -> None:
    """It is no interruption; what was under way says why it ended, and what had finished stays so."""
    policy = make_policy(temperature=1.0)
    seen: list[list[Finish | None]] = []

    def settled(particles: Sequence[Particle], log_odds: np.ndarray, weights: np.ndarray) -> bool:
        seen.append([particle.finish for particle in particles])
        assert log_odds.tolist() == [0.0] * 4
        assert weights.sum() == pytest.approx(1)
        return len(seen) == 2

    (outcome,) = run(policy, Uniform(), replace(task(policy, 1, method=method), settled=settled))
    assert len(seen) == outcome.population.steps == 2
    assert outcome.cut is None
    assert [p.finish for p in outcome.particles] == [f or Finish.SETTLED for f in seen[-1]]
    assert None in seen[-1]
    assert is_empty(policy.cache)


@pytest.mark.parametrize(("value", "error"), [(np.nan, EngineError), (-np.inf, NoAnswer)])
def test_useless_scores_end_the_search_cleanly(
    make_policy: MakePolicy, value: float, error: type[Exception]
) -> None:
    policy = make_policy()
    with pytest.raises(error, match="step 1"):
        run(policy, Fixed(value), task(policy, 1))
    assert is_empty(policy.cache)


def test_scores_of_the_wrong_shape_name_the_reward(make_policy: MakePolicy) -> None:
    class Short(Memoryless):
        name = "short"

        def score(self, prefixes: Sequence[Prefix]) -> np.ndarray:
            return np.zeros(1)

    policy = make_policy()
    with pytest.raises(EngineError, match=r"reward short gave scores of shape \(1,\) for 4"):
        run(policy, Short(), task(policy, 1))
    assert is_empty(policy.cache)


def test_an_exception_anywhere_leaves_the_cache_empty(make_policy: MakePolicy) -> None:
    policy = make_policy()

    def listen(event: Event) -> None:
        if isinstance(event, StepScored) and event.step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(policy, Longest(), task(policy, 1, listen=listen), task(policy, 2))
    assert is_empty(policy.cache)


def test_self_evaluation_reads_only_its_own_turn(make_policy: MakePolicy) -> None:
    """Decoded are the prompt, what is written, alike rows once, and one turn for each score."""
    policy = make_policy(temperature=1.0)
    reward = SelfEvaluation(policy.cache, policy.chat)
    scheduled = task(policy, 2)
    before = policy.cache.tokens_decoded
    (outcome,) = run(policy, reward, scheduled)
    decoded = policy.cache.tokens_decoded - before - len(scheduled.writers[0].prompt)
    decoded -= outcome.counts.tokens - outcome.counts.rows_saved
    assert outcome.counts.rows_saved > 0
    assert decoded % reward.reserve == 0
    assert decoded <= reward.reserve * 4 * outcome.population.steps
    scores = [step.log_odds for particle in outcome.particles for step in particle.steps]
    assert len({round(score, 3) for score in scores if score is not None}) > 1
    assert is_empty(policy.cache)


class Following(Memoryless):
    """A scorer that knows a prefix only by its steps, one at a time, and by forks and rewinds.

    It also looks whether branches hold their prefix.
    """

    name = "following"

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.scored = 0

    def open(self, problem: str, n: int) -> Following:
        self.prompt = self.policy.chat.prompt("Think step by step.", problem)
        self.given: list[tuple[tuple[int, ...], ...]] = [()] * n
        return self

    def score(self, prefixes: Sequence[Prefix]) -> np.ndarray:
        for prefix in prefixes:
            tokens = [step.tokens for step in prefix.particle.steps]
            self.given[prefix.slot] += (tokens[-1],)
            assert self.given[prefix.slot] == tuple(tokens), "the scorer follows another particle"
        one = prefixes[self.scored % len(prefixes)]  # to look at all of them would take long
        self.look(one, [*self.prompt, *one.particle.tokens])
        self.scored += 1
        return np.array([len(prefix.particle.text) / 20 for prefix in prefixes], dtype=np.float64)

    def look(self, prefix: Prefix, tokens: list[int]) -> None:
        cache = self.policy.cache
        assert cache.length(prefix.branch.sequence) == len(tokens)
        fresh = cache.new()
        logits = cache.decode([TokenRun(fresh, tokens)]).logits[0]
        cache.drop(fresh)
        here = distribution(prefix.branch.logits)
        assert distance(here, distribution(logits)) < TOLERANCE

    def fork(self, ancestors: np.ndarray) -> None:
        self.given = [self.given[ancestor] for ancestor in ancestors]

    def rewind(self, slots: np.ndarray, steps: np.ndarray) -> None:
        for slot, step in zip(slots, steps, strict=True):
            self.given[slot] = self.given[slot][:step]


def test_scorer_and_cache_follow_every_fork_and_every_way_back(make_policy: MakePolicy) -> None:
    """A scored prefix is what its scorer was told step by step.

    It stands in the cache as it would after a fresh decode.
    """
    policy = make_policy(temperature=1.0, max_step_tokens=5)
    for method in ("pg", "tempering", "beam"):
        reward = Following(policy)
        events: list[Event] = []
        (outcome,) = run(policy, reward, task(policy, 2, listen=events.append, method=method))
        assert reward.scored >= 3
        assert any(isinstance(e, Rewound) for e in events) == (method != "beam")
        assert reward.given == [
            tuple(step.tokens for step in particle.steps) for particle in outcome.particles
        ]
    assert is_empty(policy.cache)


def test_every_method_finishes_reproducibly_and_leaves_the_cache_empty(
    make_policy: MakePolicy,
) -> None:
    policy = make_policy(temperature=1.0, max_steps=2, max_step_tokens=5)
    for method in METHODS:
        first, again = (run(policy, Longest(), task(policy, 1, method=method))[0] for _ in range(2))
        assert tokens(first) == tokens(again), method
        assert all(particle.finish is not None for particle in first.particles)
        assert first.cut is None
        scored = {step.log_odds is None for p in first.particles for step in p.steps}
        assert scored == {method in ("sc", "greedy")}
        assert policy.cache.sequences == 0
    assert is_empty(policy.cache)


def test_particles_that_have_written_the_same_can_share_a_weight(make_policy: MakePolicy) -> None:
    """A cool policy repeats itself: each distinct solution weighs the odds of its one score."""
    policy = make_policy(temperature=0.1, max_step_tokens=4)
    for seed in range(20):  # what is sampled differs by processor: the first with some alike
        outcome, *_ = run(policy, Longest(), task(policy, seed, n=6, deduplicate=True))
        texts = [particle.text for particle in outcome.particles]
        odds = {text: np.exp(len(text) / 20) for text in texts}
        if 1 < len(odds) < len(texts):
            break
    assert 1 < len(odds) < len(texts)
    weights = outcome.population.weights.normalised
    for text, value in odds.items():
        held = sum(weights[i] for i, other in enumerate(texts) if other == text)
        assert held == pytest.approx(value / sum(odds.values()))


def test_particle_gibbs_keeps_its_reference_and_starts_the_others_afresh(
    make_policy: MakePolicy,
) -> None:
    policy = make_policy(temperature=1.0, max_step_tokens=8)
    events: list[Event] = []
    (outcome,) = run(policy, Longest(), task(policy, 4, listen=events.append, method="pg"))
    start = next(i for i, e in enumerate(events) if isinstance(e, Rewound) and not any(e.steps))
    rewound, forked = events[start], events[start - 1]
    assert isinstance(rewound, Rewound)
    assert isinstance(forked, Resampled)
    (slot,) = set(forked.ancestors)
    assert sorted([slot, *rewound.particles]) == [0, 1, 2, 3]
    before = [e for e in events[:start] if isinstance(e, StepScored)][-1]
    assert outcome.population.log_odds[slot] == before.log_odds[slot]
    kept = outcome.particles[slot].steps
    assert kept[-1].log_odds == before.log_odds[slot]
    last = [e for e in events if isinstance(e, StepScored)][-1]
    assert last.step == outcome.population.steps


def test_stopping_ends_particle_gibbs_with_the_sweep_at_hand(make_policy: MakePolicy) -> None:
    """In its second sweep: the others are cut off, the reference keeps its end."""
    policy = make_policy(temperature=1.0, max_steps=3, max_step_tokens=8)
    events: list[Event] = []
    (outcome,) = run(
        policy,
        Longest(),
        task(policy, 4, listen=events.append, method="pg"),
        stopping=lambda: (
            any(isinstance(e, Rewound) for e in events) and isinstance(events[-1], StepScored)
        ),
    )
    finishes = [particle.finish for particle in outcome.particles]
    assert outcome.cut is Finish.INTERRUPTED
    assert finishes.count(Finish.INTERRUPTED) == 3
    assert sum(len(particle.steps) == 1 for particle in outcome.particles) == 3
    assert is_empty(policy.cache)


def test_stopping_between_sweeps_counts_as_interrupted(make_policy: MakePolicy) -> None:
    """Every particle has come to its own end, but sweeps were left to make."""
    policy = make_policy(temperature=1.0, max_steps=1, max_step_tokens=8)
    events: list[Event] = []
    (outcome,) = run(
        policy,
        Longest(),
        task(policy, 4, method="pg", listen=events.append),
        stopping=lambda: any(isinstance(e, StepScored) for e in events),
    )
    assert outcome.cut is Finish.INTERRUPTED
    assert {particle.finish for particle in outcome.particles} == {Finish.MAX_STEPS}
    assert is_empty(policy.cache)


def test_an_exception_on_a_way_back_leaves_the_cache_empty(make_policy: MakePolicy) -> None:
    policy = make_policy(max_step_tokens=8)

    def listen(event: Event) -> None:
        if isinstance(event, Rewound):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(policy, Longest(), task(policy, 1, listen=listen, method="pg"), task(policy, 2))
    assert is_empty(policy.cache)
