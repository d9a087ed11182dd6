"""One search on its way: its population, its branches in the cache, and the steps it waits for.

A search (see `pfsolve.search.requests`) speaks of indices and numbers; a run answers it with models.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from pfsolve.engine.policy import Branch, Policy, StepDraft, Trace
from pfsolve.engine.stopping import GivenUp, given_up_once
from pfsolve.errors import EngineError, NoAnswer, PfsolveError, named
from pfsolve.particle import CUT, Finish, Kind, Particle, first_alike
from pfsolve.programs.base import Sandbox
from pfsolve.rewards.base import Prefix, Reward, Scorer, Uniform
from pfsolve.search.log_odds import Floats
from pfsolve.search.requests import (
    Alike,
    Extend,
    FinalPopulation,
    Fork,
    Request,
    Rewind,
    Score,
    StepInfo,
)
from pfsolve.search.resampling import Ancestors
from pfsolve.search.weights import AllParticlesDead, InvalidLogWeight
from pfsolve.solver.ending import Ending
from pfsolve.solver.narrator import Narrator
from pfsolve.solver.program_runs import ProgramRuns
from pfsolve.solver.streams import sampling_rng
from pfsolve.solver.task import Counts, Outcome, Task, those_that_began


class SearchRun:
    """Carries out one search, each time as far as it can without a decode of the policy.

    Between two calls of `proceed` the scheduler decodes `drafts`, until there is an `end`.

    Args:
        sandbox: runs programs; None where no writer writes any.
        stopping: asked after each decode; once true, all particles are cut where they are.

    Attributes:
        task: what is searched.
        drafts: steps that the search waits for.
        end: the outcome, or an error where all are dead or the reward gave NaN; None until then.

    Raises:
        ProblemTooLong: the reward cannot take in the problem.
        EngineError: llama.cpp fails, or the cache has no room.
    """

    def __init__(
        self,
        task: Task,
        policy: Policy,
        reward: Reward,
        sandbox: Sandbox | None,
        stopping: Callable[[], bool],
    ) -> None:
        self.task = task
        self.drafts: list[StepDraft] = []
        self.end: Outcome | PfsolveError | None = None
        self._policy = policy
        self._reward = reward
        self._programs = ProgramRuns(sandbox)
        self._unfinished_programs: list[StepDraft] = []  # drafts that are not done
        self._ending = Ending(stopping, task.seconds)
        self._steps, self._counts = 0, Counts()
        n = len(task.writers)
        self._particles = [Particle(kind=w.kind, opening=w.opening) for w in task.writers]
        self._greedy = [writer.greedy for writer in task.writers]
        self._traces: list[Trace | None] = [None] * n
        self._branches: list[Branch] = []
        self._narrator = Narrator(task.listen, n)
        self._scorer: Scorer = reward.open(task.problem.text, n)
        try:
            first, saved_before = dict[Kind, Branch](), policy.heads.tokens_saved
            for writer in task.writers:
                known = first.get(writer.kind)
                with given_up_once(self._ending.has_come):
                    branch = policy.fork(known) if known else policy.open(writer.prompt)
                first.setdefault(writer.kind, branch)
                self._branches.append(branch)
            self._counts.prompt_tokens = sum({w.kind: len(w.prompt) for w in task.writers}.values())
            self._counts.prompt_tokens_saved = policy.heads.tokens_saved - saved_before
            self._narrator.began(task.problem.text, self._counts.prompt_tokens)
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
        self._programs.close()

    def proceed(self) -> None:
        """Continue after a decode of `drafts`, until the search wants the next one or has ended."""
        if self.end is not None:  # it ended as it began
            return
        self._start_programs()
        if self._ending.has_come() or all(draft.done for draft in self.drafts):
            self._serve(self._send(self._take_steps()))
        else:
            tokens = self._counts.tokens + sum(len(draft.tokens) for draft in self.drafts)
            self._narrator.tick(self._steps, self._particles, self.drafts, tokens)

    def _serve(self, request: Request | None) -> None:
        """Answer the search's requests until it wants steps, or ends."""
        while request is not None:
            match request:
                case Extend(particles=slots) if self._ending.has_come():
                    request = self._send(self._cut(slots))
                case Extend(particles=slots):
                    self._begin_steps(slots)
                    if not all(draft.done for draft in self.drafts):
                        return
                    request = self._send(self._take_steps())
                case Score(particles=slots):
                    request = self._send(self._score(slots))
                case Alike():
                    request = self._send(np.array(first_alike(self._particles)))
                case Fork():
                    self._fork(request)
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
                f"after step {self._steps} {error}: every solution went in circles or failed",
                f"try another {named('seed')}, more {named('particles')} or another share of "
                f"{named('programs')}",
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
                sampling_rng(self.task.seed, self._steps, slot),
                traced=self._reward.wants_trace and self._is_scored(slot),
                greedy=self._greedy[slot],
            )
            self._policy.begin(draft)
            self.drafts.append(draft)
        self._unfinished_programs = [d for d in self.drafts if d.particle.kind is Kind.PROGRAM]

    def _take_steps(self) -> NDArray[np.bool_]:
        """The drafts become steps; which particles have finished, (k,).

        Once the search is over, drafts are cut where they are. The last token of such a step is in no
        branch, so that branches are not read any more: the reward is not asked, and nothing is decoded.
        """
        self._steps += 1
        for draft in self.drafts:
            finish = draft.finish or self._ending.why
            self._particles[draft.slot] = draft.particle.extended(draft.step, finish)
            self._traces[draft.slot] = self._policy.trace(draft) if draft.done else None
            self._counts.tokens += len(draft.tokens)
            self._counts.rows_saved += draft.saved
        slots = [draft.slot for draft in self.drafts]
        self._narrator.written(self._steps, slots, self._particles)
        for slot in slots:
            self._await_program(slot)
        finished = [self._particles[slot].finish is not None for slot in slots]
        self.drafts = []
        return np.array(finished, dtype=np.bool_)

    def _cut(self, slots: Ancestors) -> NDArray[np.bool_]:
        """The search is over, and learns of it with its next news: these particles write no more, (k,)."""
        for slot in slots.tolist():
            self._particles[slot] = self._particles[slot].ended(self._ending.why or Finish.SETTLED)
        return np.ones(slots.size, dtype=np.bool_)

    def _start_programs(self) -> None:
        """Run what the steps that are done have added to programs, while the others are written."""
        for draft in self._unfinished_programs:
            if draft.done:
                self._programs.start(draft.particle.extended(draft.step, draft.finish))
        self._unfinished_programs = [d for d in self._unfinished_programs if not d.done]

    def _await_program(self, slot: int) -> None:
        """Wait for what a particle's program does so far, which may end the particle.

        A search that is over waits a moment, for programs that are whole.
        """
        result = self._programs.result(self._particles[slot], self._ending.is_late)
        if result is not None:
            self._particles[slot] = self._particles[slot].ran(result)
            self._narrator.ran(self._steps, slot, self._particles[slot])

    def _is_scored(self, slot: int) -> bool:
        """Whether the reward was made for what is written in this slot."""
        return self._reward.reads_programs or self.task.writers[slot].kind is Kind.TEXT

    def _score(self, slots: Ancestors) -> Floats:
        """Log-odds (k,) of the newest prefixes."""
        known = [self._known_log_odds(slot) for slot in slots.tolist()]
        log_odds = np.array([0.0 if each is None else each for each in known])
        unknown = np.array([each is None for each in known])
        if unknown.any():
            try:
                with given_up_once(self._ending.has_come):
                    log_odds[unknown] = self._ask_reward(slots[unknown].tolist())
            except GivenUp:
                self._scorer.close()
                self._scorer = Uniform()  # the old one may have lost track of what it has read
                return self._score(slots)
        for slot, each, asked in zip(slots.tolist(), log_odds.tolist(), unknown, strict=True):
            if asked or self._particles[slot].is_dead:
                self._particles[slot] = self._particles[slot].scored(each)
        return log_odds

    def _known_log_odds(self, slot: int) -> float | None:
        """Log-odds that need no reward; None where it must be asked."""
        particle = self._particles[slot]
        if particle.is_dead:
            return -np.inf
        if not particle.steps or not self._is_scored(slot):
            return 0.0
        if self._ending.why is not None:  # those of the last step that was scored
            return next((s.log_odds for s in particle.steps[::-1] if s.log_odds is not None), 0.0)
        return particle.steps[-1].log_odds

    def _ask_reward(self, slots: Sequence[int]) -> Floats:
        prefixes = [
            Prefix(slot, self._particles[slot], self._branches[slot], self._traces[slot])
            for slot in slots
        ]
        read_before = self._reward.tokens_read
        log_odds = np.asarray(self._scorer.score(prefixes))
        if log_odds.shape != (len(prefixes),):
            raise EngineError(
                f"the reward {self._reward.name} gave scores of shape {log_odds.shape} for "
                f"{len(prefixes)} prefixes"
            )
        self._counts.reward_tokens += self._reward.tokens_read - read_before
        return log_odds

    def _fork(self, fork: Fork) -> None:
        """The first to continue a branch takes it over, the others get forks of it."""
        sources = fork.ancestors.tolist()
        self._count_redrawn(slot for slot, source in enumerate(sources) if slot != source)
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
        self._scorer.fork(fork.ancestors)
        self._narrator.resampled(self._steps, fork)

    def _rewind(self, slots: Ancestors, steps: Ancestors) -> None:
        places: list[tuple[Branch, tuple[int, ...]]] = []
        self._count_redrawn(slots.tolist())
        for slot, length in zip(slots.tolist(), steps.tolist(), strict=True):
            particle = self._particles[slot].rewound(length)
            self._particles[slot], self._traces[slot] = particle, None
            self._greedy[slot] = False  # or it would write the same again
            prompt = self.task.writers[slot].prompt
            places.append((self._branches[slot], (*prompt, *particle.tokens)))
        if self._ending.why is None:
            self._policy.rewind(places)
        self._scorer.rewind(slots, steps)
        self._narrator.rewound(self._steps, slots, steps)

    def _count_redrawn(self, slots: Iterable[int]) -> None:
        """Count the dead programs in these slots, which are about to hold something else."""
        if self._ending.why is None:  # else nothing more is written
            dead = [self._particles[slot] for slot in slots if self._particles[slot].is_dead]
            self._counts.redrawn += sum(particle.kind is Kind.PROGRAM for particle in dead)

    def _ends_here(self, info: StepInfo) -> bool:
        """Tell of a step that is scored and weighed; whether the search is to end with it."""
        self._narrator.scored(info, self._steps, self._particles, self._counts.tokens)
        settled, weights = self.task.settled, info.weights.normalised
        if not self._ending.why and settled and settled(self._particles, info.log_odds, weights):
            self._ending.settle(Finish.SETTLED)
        return self._ending.has_come()

    def _finish(self, population: FinalPopulation) -> None:
        why = self._ending.why
        if why is not None:
            self._particles = [particle.ended(why) for particle in self._particles]
        particles, population = those_that_began(self._particles, population)
        # Where all particles ended by themselves in that very step, nothing was cut.
        was_cut = population.stopped or any(p.finish is why for p in particles)
        seconds = self._ending.seconds
        self.end = Outcome(
            particles,
            population,
            self._counts,
            self._programs.seconds,
            seconds,
            why if was_cut and why in CUT else None,
        )
        self._narrator.ended(particles, population.weights, self._counts.tokens, seconds)
