"""Shows solutions to a recorder: labelled ones, and the policy's own of problems with known answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pfsolve.answers import equivalent
from pfsolve.errors import Interrupted, PfsolveError, ProblemTooLong, UsageError
from pfsolve.events import Event, Listener
from pfsolve.events.search import InProblem, Progressed
from pfsolve.events.work import Collecting
from pfsolve.lab.evaluation.labelled import Labelled
from pfsolve.lab.training.material import LABELLED, ROLLOUTS, Folder, Item, MarkedSolution, key_of
from pfsolve.lab.training.recorder import Recorder
from pfsolve.problems import Problem
from pfsolve.rewards.probe.features import FORMAT

if TYPE_CHECKING:
    from pfsolve.solver.solver import Solver

# How the policy must solve for its particles to be independent draws whose every step is shown to the
# reward, over what the user's config file says.
INDEPENDENT = {
    "method": "bon",
    "final": "vote",
    "aggregate": "last",
    "programs": 0.0,
    "early_stop": False,
}

# Settings that decide what the policy writes.
_WRITING = (
    "particles",
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "max_steps",
    "max_step_tokens",
    "context",
)


class Collector:
    """Collects what a probe learns from.

    Args:
        solver: of the policy, under settings with `INDEPENDENT`, with a particle for each rollout of
            a problem, and with the recorder for its reward.
        recorder: that reward.
        policy_sha256: of the policy's file.
        folder: where items are kept; what is there is not made again.
        stopping: asked now and then.
        listen: hears how far the collecting is.

    Every method returns the keys of a file's items, in its order; one that could not be made has a
    key and no item.
    """

    def __init__(
        self,
        solver: Solver,
        recorder: Recorder,
        policy_sha256: str,
        folder: Folder,
        stopping: Callable[[], bool],
        listen: Listener,
    ) -> None:
        self._solver = solver
        self._policy = policy_sha256
        self._folder = folder
        self._stopping = stopping
        self._listen = listen
        self._recorder = recorder

    def labelled(self, file: str, rows: Sequence[Labelled]) -> list[str]:
        """Read solutions whose first error is known.

        Raises:
            EngineError: llama.cpp fails.
            Interrupted: it was to stop.
        """
        keys = [
            key_of(
                format=FORMAT,
                policy=self._policy,
                source=LABELLED,
                problem=row.problem.text,
                steps=row.steps,
                mark=row.first_error,
            )
            for row in rows
        ]
        waiting = [
            (key, row) for key, row in zip(keys, rows, strict=True) if not self._folder.has(key)
        ]
        done, tokens, started = len(rows) - len(waiting), 0, time.monotonic()
        for worked, (key, row) in enumerate(waiting):
            seconds = time.monotonic() - started
            self._listen(Collecting(file, False, done + worked, len(rows), worked, tokens, seconds))
            if self._stopping():
                raise _interrupted()
            text = row.problem.text.strip()
            try:
                tokens += self._solver.read_solution(text, row.steps).tokens
            except (ProblemTooLong, UsageError):
                continue
            (vectors,) = self._recorder.take(text)
            solution = MarkedSolution(vectors, row.first_error)
            self._folder.write(key, Item(text, LABELLED, file, (solution,)))
        return keys

    def rollouts(self, file: str, problems: Sequence[Problem], seed: int) -> list[str]:
        """Let the policy solve problems with known answers, each with a rollout for every particle.

        A problem that stands in the file twice is solved once.

        Raises:
            EngineError, Interrupted: as above.
        """
        distinct: dict[str, Problem] = {}
        for problem in problems:
            distinct.setdefault(problem.text, problem)
        problems = list(distinct.values())
        settings = self._solver.settings
        how = {name: getattr(settings, name) for name in _WRITING}
        keys = {
            problem.id: key_of(
                format=FORMAT,
                policy=self._policy,
                source=ROLLOUTS,
                problem=problem.text,
                answer=problem.answer,
                seed=problem.seed(seed),
                **how,
            )
            for problem in problems
        }
        waiting = [problem for problem in problems if not self._folder.has(keys[problem.id])]
        before, worked, started = len(keys) - len(waiting), 0, time.monotonic()
        tokens: dict[str, int] = {}

        def progress() -> None:
            done, seconds = before + worked, time.monotonic() - started
            total = sum(tokens.values())
            self._listen(Collecting(file, True, done, len(keys), worked, total, seconds))

        def hear(event: Event) -> None:
            if isinstance(event, InProblem) and isinstance(event.event, Progressed):
                tokens[event.id] = event.event.tokens
                progress()

        progress()
        ends = self._solver.solve_all(waiting, seed=seed, stopping=self._stopping, listen=hear)
        for problem, end in ends:
            worked += 1
            seen = self._recorder.take(problem.text)
            if isinstance(end, PfsolveError) or end.interrupted or end.out_of_time:
                continue
            tokens[problem.id] = end.tokens
            solutions = tuple(
                MarkedSolution(vectors, int(_is_right(problem, particle.answer)))
                for particle, vectors in zip(end.particles, seen, strict=True)
                if len(vectors)
            )
            item = Item(problem.text, ROLLOUTS, file, solutions)
            self._folder.write(keys[problem.id], item)
            progress()
        if self._stopping():
            raise _interrupted()
        return list(keys.values())


def _is_right(problem: Problem, answer: str | None) -> bool:
    return answer is not None and problem.answer is not None and equivalent(problem.answer, answer)


def _interrupted() -> Interrupted:
    return Interrupted("interrupted", "the same command resumes where it stopped")
