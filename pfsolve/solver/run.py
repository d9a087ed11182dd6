"""One search on its way: its population, its branches in the cache, and the steps it waits for.

A search (see `pfsolve.search.requests`) speaks of indices and numbers; a run answers its requests with
a policy and a reward.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pfsolve.engine.policy import Branch, Policy, StepDraft, Trace
from pfsolve.errors import EngineError, NoAnswer, PfsolveError, named
from pfsolve.events import SearchListener
from pfsolve.particle import Finish, Particle, first_alike
from pfsolve.problems import Problem
from pfsolve.rewards.base import Prefix, Reward, Scorer
from pfsolve.search.log_odds import Floats
from pfsolve.search.requests import (
    Alike,
    Extend,
    FinalPopulation,
    Fork,
    Request,
    Rewind,
    Score,
    Search,
    StepInfo,
)
from pfsolve.search.resampling import Ancestors
from pfsolve.search.weights import AllParticlesDead, InvalidLogWeight
from pfsolve.solver.narrator import Narrator

# Which use a random stream has; part of its key, so that streams never overlap.
_RESAMPLING, _SAMPLING = 0, 1


def resampling_rng(seed: int) -> np.random.Generator:
    """The stream a search of this seed resamples with."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_RESAMPLING,)))


def _sampling_rng(seed: int, step: int, slot: int) -> np.random.Generator:
    """A stream of its own for each step and slot: copies of a particle go different ways."""
    key = (_SAMPLING, step, slot)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


@dataclass(frozen=True, slots=True)
class Task:
    """One problem to search."""

    problem: Problem  # as the reward is given it
    prompt: Sequence[int]  # tokens that ask for its solution
    particles: int  # number of particles that the search has
    seed: int  # of all sampling
    search: Search  # what to do
    listen: SearchListener | None = None  # receives the events of this search
    # Asked after each step with the particles and their normalised weights (n,); once true, the search
    # ends there. None for never.
    settled: Callable[[Sequence[Particle], Floats], bool] | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of one search."""

    particles: tuple[Particle, ...]  # (n,), the last population
    population: FinalPopulation  # its scores and weights
    tokens: int  # number of tokens written by the policy
    reward_tokens: int  # number of tokens read to score them
    seconds: float  # from the search's beginning
    interrupted: bool  # whether it was stopped before its own end


class SearchRun:
    """Carries out one search, each time as far as it can without a decode of the policy.

    Between two calls of `proceed` the scheduler decodes `drafts`, until there is an `end`.

    Args:
        stopping: asked after each step; once true, unfinished particles count as finished.

    Attributes:
        task: what is searched.
        drafts: steps that the search waits for.
        end: the outcome, or an error where all particles are dead or the reward gave NaN; None until
            then.

    Raises:
        ProblemTooLong: the reward cannot take in the problem.
        EngineError: llama.cpp fails, or the cache has no room.
    """

    def __init__(
        self, task: Task, policy: Policy, reward: Reward, stopping: Callable[[], bool]
    ) -> None:
        self.task = task
        self.drafts: list[StepDraft] = []
        self.end: Outcome | PfsolveError | None = None
        self._policy = policy
        self._reward = reward
        self._stopping = stopping
        self._started = time.monotonic()
        self._steps = self._tokens = self._reward_tokens = 0
        self._interrupted = self._settled = False
        n = task.particles
        self._particles = [Particle()] * n
        self._traces: list[Trace | None] = [None] * n
        self._branches: list[Branch] = []
        self._narrator = Narrator(task.listen, n)
        self._scorer: Scorer = reward.open(task.problem.text, n)
        try:
            self._branches.append(policy.open(task.prompt))
            while len(self._branches) < n:
                self._branches.append(policy.fork(self._branches[0]))
            self._narrator.began(task.problem.text, len(task.prompt))
            self._serve(next(task.search))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Give everything back; twice does no harm."""
        self.task.search.close()
        while self._branches:
            self._policy.drop(self._branches.pop())
        self._scorer.close()

    def proceed(self) -> None:
        """Continue after a decode of `drafts`, until the search wants the next one or has ended."""
        if self.end is not None:  # it ended as it began
            return
        if all(draft.done for draft in self.drafts):
            self._serve(self._send(self._take_steps()))
        else:
            tokens = self._tokens + sum(len(draft.tokens) for draft in self.drafts)
            self._narrator.tick(self._steps, self._particles, self.drafts, tokens)

    def _serve(self, request: Request | None) -> None:
        """Answer the search's requests until it wants steps, or ends."""
        while request is not None:
            match request:
                case Extend(particles=slots):
                    self._begin_steps(slots)
                    if not all(draft.done for draft in self.drafts):
                        return
                    request = self._send(self._take_steps())
                case Score(particles=slots):
                    request = self._send(self._score(slots))
                case Alike():
                    request = self._send(np.array(first_alike(self._particles)))
                case Fork(ancestors=ancestors):
                    self._fork(ancestors)
                    request = self._send(None)
                case Rewind(particles=slots, steps=steps):
                    self._rewind(slots, steps)
                    request = self._send(None)
                case StepInfo():
                    request = self._send(self._ends_here(request))

    def _send(self, answer: object) -> Request | None:
        """The search's next request; None once it has ended."""
        try:
            return self.task.search.send(answer)
        except StopIteration as end:
            self._finish(end.value)
        except AllParticlesDead as error:
            self.end = NoAnswer(
                f"after step {self._steps} {error}: every solution went in circles",
                f"try another {named('seed')} or a higher {named('temperature')}",
            )
        except InvalidLogWeight as error:
            self.end = EngineError(
                f"the reward {self._reward.name} failed at step {self._steps}: {error}",
                f"use another {named('reward')}, or {named('reward', 'none')}",
            )
        self.close()
        return None

    def _begin_steps(self, slots: Ancestors) -> None:
        self.drafts = []
        for slot in slots.tolist():
            draft = StepDraft(
                self._particles[slot],
                self._branches[slot],
                slot,
                _sampling_rng(self.task.seed, self._steps, slot),
                traced=self._reward.wants_trace,
            )
            self._policy.begin(draft)
            self.drafts.append(draft)

    def _take_steps(self) -> NDArray[np.bool_]:
        """The finished drafts become steps; which particles have finished, (k,)."""
        self._steps += 1
        self._interrupted = self._interrupted or self._stopping()
        for draft in self.drafts:
            finish = draft.finish
            if finish is None and self._interrupted:
                finish = Finish.INTERRUPTED
            self._particles[draft.slot] = draft.particle.extended(draft.step, finish)
            self._traces[draft.slot] = self._policy.trace(draft)
            self._tokens += len(draft.tokens)
        finished = [self._particles[draft.slot].finish is not None for draft in self.drafts]
        self.drafts = []
        return np.array(finished, dtype=np.bool_)

    def _score(self, slots: Ancestors) -> Floats:
        """Log-odds (k,); a particle that went in circles is dead, and not worth a look."""
        log_odds = np.full(slots.size, -np.inf)
        alive = [
            i for i, s in enumerate(slots.tolist()) if self._particles[s].finish != Finish.LOOP
        ]
        if alive:
            prefixes = [
                Prefix(slot, self._particles[slot], self._branches[slot], self._traces[slot])
                for slot in slots[alive].tolist()
            ]
            read_before = self._reward.tokens_read
            scored = np.asarray(self._scorer.score(prefixes))
            if scored.shape != (len(prefixes),):
                raise EngineError(
                    f"the reward {self._reward.name} gave scores of shape {scored.shape} for "
                    f"{len(prefixes)} prefixes"
                )
            log_odds[alive] = scored
            self._reward_tokens += self._reward.tokens_read - read_before
        for slot, found in zip(slots.tolist(), log_odds.tolist(), strict=True):
            self._particles[slot] = self._particles[slot].scored(found)
        return log_odds

    def _fork(self, ancestors: Ancestors) -> None:
        """The first to continue a branch takes it over, the others get forks of it."""
        sources = ancestors.tolist()
        for slot, branch in enumerate(self._branches):
            if slot not in sources:
                self._policy.drop(branch)
        self._branches = [
            self._policy.fork(self._branches[source])
            if source in sources[:number]
            else self._branches[source]
            for number, source in enumerate(sources)
        ]
        self._particles = [self._particles[source] for source in sources]
        self._traces = [self._traces[source] for source in sources]
        self._scorer.fork(ancestors)
        self._narrator.resampled(self._steps, ancestors)

    def _rewind(self, slots: Ancestors, steps: Ancestors) -> None:
        places = []
        for slot, length in zip(slots.tolist(), steps.tolist(), strict=True):
            particle = self._particles[slot].rewound(length)
            self._particles[slot], self._traces[slot] = particle, None
            places.append((self._branches[slot], (*self.task.prompt, *particle.tokens)))
        self._policy.rewind(places)
        self._scorer.rewind(slots, steps)
        self._narrator.rewound(self._steps, slots, steps)

    def _ends_here(self, info: StepInfo) -> bool:
        """Tell of a step that is scored and weighed; whether the search is to end with it."""
        self._narrator.scored(info, self._steps, self._particles, self._tokens)
        settled = self.task.settled
        if settled is not None and settled(self._particles, info.weights.normalised):
            self._settled = True
        return self._interrupted or self._settled

    def _finish(self, population: FinalPopulation) -> None:
        seconds = time.monotonic() - self._started
        if self._settled and not self._interrupted:
            self._particles = [particle.ended(Finish.SETTLED) for particle in self._particles]
        particles = tuple(self._particles)
        # Particles that ended by themselves in that very step were not interrupted.
        interrupted = self._interrupted and (
            population.stopped or any(p.finish is Finish.INTERRUPTED for p in particles)
        )
        self.end = Outcome(
            particles, population, self._tokens, self._reward_tokens, seconds, interrupted
        )
        self._narrator.ended(particles, population.weights, self._tokens, seconds)
