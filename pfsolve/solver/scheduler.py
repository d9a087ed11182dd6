"""Runs searches: one or many, all their drafts in one batch.

Each search (see `pfsolve.search.requests`) has its own population, scorer and random streams; what
they share is the decode. A search that waits for its slowest step leaves its other rows of the batch
to the rest, and one that has ended makes room for the next.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pfsolve.engine.policy import Branch, Policy, StepDraft, Trace
from pfsolve.errors import EngineError, NoAnswer, PfsolveError
from pfsolve.events import (
    Began,
    Ended,
    ParticleRow,
    Progressed,
    Resampled,
    Rewound,
    SearchEvent,
    SearchListener,
    StepScored,
)
from pfsolve.particle import Finish, Particle, first_alike
from pfsolve.problems import Problem
from pfsolve.rewards.base import Prefix, Reward, Scorer
from pfsolve.search.log_odds import Floats, sigmoid
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

_TICK_SECONDS = 0.1  # between two reports of progress
_TEXT_SHOWN = 400  # bytes of a particle's end that a watcher is given

# Which use a random stream has; part of its key, so that streams never overlap.
_RESAMPLING, _SAMPLING = 0, 1


@dataclass(frozen=True, slots=True)
class Task:
    """One problem to search.

    prompt: its tokens. particles: how many the search has. seed: of all sampling. listen: receives
    the events of this search, see `pfsolve.events`. settled: asked after each step with the particles
    and their normalised weights (n,); once true, the search ends there.
    """

    problem: Problem
    prompt: Sequence[int]
    particles: int
    seed: int
    search: Search
    listen: SearchListener | None = None
    settled: Callable[[Sequence[Particle], Floats], bool] | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of one search. tokens: written by the policy; reward_tokens: read to score them."""

    particles: tuple[Particle, ...]
    population: FinalPopulation
    tokens: int
    reward_tokens: int
    seconds: float
    interrupted: bool


def resampling_rng(seed: int) -> np.random.Generator:
    """The stream a search of this seed resamples with."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_RESAMPLING,)))


def _sampling_rng(seed: int, step: int, slot: int) -> np.random.Generator:
    """A stream of its own for each step and slot: copies of a particle go different ways."""
    key = (_SAMPLING, step, slot)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


class Scheduler:
    """Drives searches on one policy and one reward, as many at a time as are begun.

    Whatever happens, closing it (or leaving its `with`) leaves none of its sequences in the cache.

    Args:
        rows: of a decode; the first search brings all of its own, and others fill up to so many.
        stopping: asked between steps; once true, particles finish the step they are at, and then
            count as finished.
    """

    def __init__(
        self,
        policy: Policy,
        reward: Reward,
        *,
        rows: int = 16,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self.policy = policy
        self.reward = reward
        self.rows = rows
        self.stopping = stopping
        self._runs: list[_Run] = []

    @property
    def running(self) -> int:
        """Searches begun whose end has not been handed out."""
        return len(self._runs)

    def begin(self, task: Task) -> None:
        """Decode a task's prompt and let its search take part from the next decode on.

        Raises:
            ProblemTooLong: the reward cannot take in the problem.
            EngineError: llama.cpp fails, or the cache has no room.
        """
        self._runs.append(_Run(self, task))

    def advance(self) -> list[tuple[Task, Outcome | PfsolveError]]:
        """One decode for the searches; the tasks that ended with it, each with what came of it.

        A search fails by itself, with NoAnswer when all its particles are dead or EngineError when
        the reward gives NaN; the others go on.

        Raises:
            EngineError: llama.cpp fails.
        """
        self.policy.advance(self._batch())
        ended = []
        for run in list(self._runs):
            run.proceed()
            if run.end is not None:
                ended.append((run.task, run.end))
                self._runs.remove(run)
        return ended

    def _batch(self) -> list[StepDraft]:
        """Drafts for the next decode: the oldest searches' first, so that they end and make room;
        what they leave over is filled by the others."""
        batch: list[StepDraft] = []
        for run in self._runs:
            writing = [draft for draft in run.drafts if not draft.done]
            batch += writing[: max(0, self.rows - len(batch))] if batch else writing
        return batch

    def close(self) -> None:
        """End all searches where they are; twice does no harm."""
        while self._runs:
            self._runs.pop().close()

    def __enter__(self) -> Scheduler:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Run:
    """One search on its way: its population, branches and the drafts it waits for."""

    def __init__(self, scheduler: Scheduler, task: Task) -> None:
        self.policy = scheduler.policy
        self.reward = scheduler.reward
        self.stopping = scheduler.stopping
        self.task = task
        self.search = task.search
        self.listen = task.listen
        self.end: Outcome | PfsolveError | None = None
        self.drafts: list[StepDraft] = []
        self.started = self.ticked = time.monotonic()
        self.steps = self.tokens = self.reward_tokens = 0
        self.interrupted = self.settled = False
        n = task.particles
        self.particles = [Particle()] * n
        self.traces: list[Trace | None] = [None] * n
        self.ancestors: Ancestors = np.arange(n)
        self.weights = np.full(n, 1.0 / n)
        self.ess = float(n)
        self.branches: list[Branch] = []
        self.scorer: Scorer = self.reward.open(task.problem.text, n)
        try:
            self.branches.append(self.policy.open(task.prompt))
            while len(self.branches) < n:
                self.branches.append(self.policy.fork(self.branches[0]))
            self._tell(Began(task.problem.text, n, len(task.prompt)))
            self._serve(next(self.search))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Give everything back; twice does no harm."""
        self.search.close()
        while self.branches:
            self.policy.drop(self.branches.pop())
        self.scorer.close()

    @property
    def written(self) -> int:
        """Tokens, those of unfinished steps included."""
        return self.tokens + sum(len(draft.tokens) for draft in self.drafts)

    def proceed(self) -> None:
        """Go on as far as possible without a decode of the policy."""
        if self.end is not None:  # it ended as it began
            return
        if all(draft.done for draft in self.drafts):
            self._serve(self._send(self._take_steps()))
        elif self.listen is not None and time.monotonic() - self.ticked >= _TICK_SECONDS:
            self._tell(self._progress())

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
                    request = self._send(np.array(first_alike(self.particles)))
                case Fork(ancestors=ancestors):
                    self._fork(ancestors)
                    request = self._send(None)
                case Rewind(particles=slots, steps=steps):
                    self._rewind(slots, steps)
                    request = self._send(None)
                case StepInfo():
                    self._weighed(request)
                    request = self._send(self.interrupted or self.settled)

    def _send(self, answer: object) -> Request | None:
        try:
            return self.search.send(answer)
        except StopIteration as end:
            self._finish(end.value)
        except AllParticlesDead as error:
            self.end = NoAnswer(
                f"after step {self.steps} {error}: every solution went in circles",
                "try another --seed or a higher --temperature",
            )
        except InvalidLogWeight as error:
            self.end = EngineError(
                f"the reward {self.reward.name} failed at step {self.steps}: {error}",
                "use another --reward, or --reward none",
            )
        self.close()
        return None

    def _begin_steps(self, slots: Ancestors) -> None:
        self.drafts = []
        for slot in slots.tolist():
            draft = StepDraft(
                self.particles[slot],
                self.branches[slot],
                slot,
                _sampling_rng(self.task.seed, self.steps, slot),
                traced=self.reward.wants_trace,
            )
            self.policy.begin(draft)
            self.drafts.append(draft)

    def _take_steps(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """The finished drafts become steps; says which particles finished."""
        self.steps += 1
        self.interrupted = self.interrupted or self.stopping()
        for draft in self.drafts:
            finish = draft.finish
            if finish is None and self.interrupted:
                finish = Finish.INTERRUPTED
            self.particles[draft.slot] = draft.particle.extended(draft.step, finish)
            self.traces[draft.slot] = self.policy.trace(draft)
            self.tokens += len(draft.tokens)
        finished = [self.particles[draft.slot].finish is not None for draft in self.drafts]
        self.drafts = []
        return np.array(finished, dtype=np.bool_)

    def _score(self, slots: Ancestors) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """Log-odds; a particle that went in circles is dead, and not worth a look."""
        log_odds = np.full(slots.size, -np.inf)
        alive = [i for i, s in enumerate(slots.tolist()) if self.particles[s].finish != Finish.LOOP]
        if alive:
            prefixes = [
                Prefix(slot, self.particles[slot], self.branches[slot], self.traces[slot])
                for slot in slots[alive].tolist()
            ]
            read_before = self.reward.tokens_read
            log_odds[alive] = self.scorer.score(prefixes)
            self.reward_tokens += self.reward.tokens_read - read_before
        for slot, found in zip(slots.tolist(), log_odds.tolist(), strict=True):
            self.particles[slot] = self.particles[slot].scored(found)
        return log_odds

    def _fork(self, ancestors: Ancestors) -> None:
        """The first to go on from a branch takes it over, the others get forks of it."""
        sources = ancestors.tolist()
        for slot, branch in enumerate(self.branches):
            if slot not in sources:
                self.policy.drop(branch)
        self.branches = [
            self.policy.fork(self.branches[source])
            if source in sources[:number]
            else self.branches[source]
            for number, source in enumerate(sources)
        ]
        self.particles = [self.particles[source] for source in sources]
        self.traces = [self.traces[source] for source in sources]
        self.scorer.fork(ancestors)
        self.ancestors = ancestors
        # What they would be worth if the search ended now; all equal would tell a watcher nothing.
        weights = self.weights[ancestors]
        self.weights = (
            weights / weights.sum() if weights.any() else np.full_like(weights, 1 / len(weights))
        )
        self._tell(Resampled(self.steps, tuple(sources)))

    def _rewind(self, slots: Ancestors, steps: Ancestors) -> None:
        places = []
        for slot, length in zip(slots.tolist(), steps.tolist(), strict=True):
            particle = self.particles[slot].rewound(length)
            self.particles[slot], self.traces[slot] = particle, None
            places.append((self.branches[slot], (*self.task.prompt, *particle.tokens)))
        self.policy.rewind(places)
        self.scorer.rewind(slots, steps)
        self._tell(Rewound(self.steps, tuple(slots.tolist()), tuple(steps.tolist())))

    def _weighed(self, news: StepInfo) -> None:
        self.weights, self.ess = news.weights.normalised, news.weights.ess
        scores, weights = tuple(news.log_odds.tolist()), tuple(self.weights.tolist())
        self._tell(StepScored(news.step, scores, weights, self.ess, news.log_evidence))
        self._tell(self._progress())
        if self.task.settled is not None and self.task.settled(self.particles, self.weights):
            self.settled = True

    def _finish(self, population: FinalPopulation) -> None:
        seconds = time.monotonic() - self.started
        if self.settled and not self.interrupted:
            self.particles = [particle.ended(Finish.SETTLED) for particle in self.particles]
        particles = tuple(self.particles)
        self.weights = population.weights.normalised
        # Who ended by themselves in that very step were not interrupted.
        interrupted = self.interrupted and (
            population.stopped or any(p.finish is Finish.INTERRUPTED for p in particles)
        )
        self.end = Outcome(
            particles, population, self.tokens, self.reward_tokens, seconds, interrupted
        )
        self._tell(Ended(self._rows(), self.tokens, seconds))

    def _tell(self, event: SearchEvent) -> None:
        if self.listen is not None:
            self.listen(event)

    def _progress(self) -> Progressed:
        self.ticked = time.monotonic()
        seconds = self.ticked - self.started
        return Progressed(self.steps, self.ess, self._rows(), self.written, seconds)

    def _rows(self) -> tuple[ParticleRow, ...]:
        if self.listen is None:
            return ()
        writing = {draft.slot: draft for draft in self.drafts}
        return tuple(self._row(slot, writing.get(slot)) for slot in range(len(self.particles)))

    def _row(self, slot: int, draft: StepDraft | None) -> ParticleRow:
        particle = self.particles[slot]
        log_odds = particle.steps[-1].log_odds if particle.steps else None
        end = bytes(draft.data[-_TEXT_SHOWN:]) if draft is not None else b""
        if not end.strip() and particle.steps:
            end = particle.steps[-1].data[-_TEXT_SHOWN:]
        return ParticleRow(
            weight=float(self.weights[slot]),
            score=None if log_odds is None else sigmoid(log_odds),
            steps=len(particle.steps),
            tokens=particle.n_tokens + (len(draft.tokens) if draft is not None else 0),
            ancestor=int(self.ancestors[slot]),
            text=end.decode("utf-8", errors="ignore"),
            answer=particle.answer,
            finish=None if particle.finish is None else str(particle.finish),
        )
