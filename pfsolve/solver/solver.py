"""From problems and settings to solutions: resolves and loads models, runs the searches, selects."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pfsolve.errors import Interrupted, PfsolveError, ProblemTooLong, UsageError
from pfsolve.events import InProblem, Listener, SearchListener, ignore
from pfsolve.problems import Problem
from pfsolve.search.selection import is_settled, select
from pfsolve.settings import Settings, merge
from pfsolve.solution import Solution

if TYPE_CHECKING:
    from pfsolve.engine.library import LogSink
    from pfsolve.environment import Environment
    from pfsolve.particle import Particle
    from pfsolve.search.log_odds import Floats
    from pfsolve.solution import ScoredSolution
    from pfsolve.solver.scheduler import Outcome, Task

# The prompt the policies' makers recommend for mathematics (Qwen2.5-Math's model card).
SYSTEM_PROMPT = "Please reason step by step, and put your final answer within \\boxed{}."

# Bytes a token of any sensible text holds at most: what is longer need not be tokenised, which takes
# long, and with some vocabularies' regular expressions overflows the stack.
_MOST_BYTES = 64

_SHORTEST_SOLUTION = 16  # tokens that must fit behind the prompt


class Solver:
    """Models loaded once, for any number of problems. Close it, or use it in a `with`.

    Args:
        settings: how to solve; the models it names are fetched first if they are missing.
        problems: how many are to be solved, if that is known. So many at most are searched side by
            side; where `Settings.parallel` leaves it open and this too, one at a time.
        environment: directories and variables; this process's by default.
        listen: hears of each model that is loaded.
        log: receives llama.cpp's log lines.

    Raises:
        ModelMissing: a model is unknown or cannot be fetched.
        ModelFileError: a model file cannot be used.
        ResourceError: there is too little memory or disk.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        problems: int | None = None,
        environment: Environment | None = None,
        listen: Listener = ignore,
        log: LogSink | None = None,
    ) -> None:
        from pfsolve.environment import Environment
        from pfsolve.solver.loading import load

        loaded = load(
            settings or Settings(),
            problems,
            environment or Environment(),
            listen=listen,
            log=log,
        )
        self.settings = loaded.settings
        self.policy = loaded.policy
        self.reward = loaded.reward
        self.parallel = loaded.parallel
        self.versions = loaded.versions
        self.load_seconds = loaded.seconds
        self._batch_rows = loaded.batch_rows
        self._system = loaded.system or SYSTEM_PROMPT
        self._models = loaded.models

    def close(self) -> None:
        """Free models and caches; twice does no harm."""
        self._models.close()

    def __enter__(self) -> Solver:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def solve(
        self,
        problem: str,
        *,
        seed: int | None = None,
        stopping: Callable[[], bool] = lambda: False,
        listen: Listener | None = None,
    ) -> Solution:
        """Solve one problem.

        Args:
            seed: of every random draw; by default that of the settings, or else a fresh one.
            stopping: asked now and then; once true, the search ends with the step it is at.
            listen: receives the search's events (`pfsolve.events`).

        Raises:
            UsageError: the problem is empty.
            ProblemTooLong: it leaves no room for a solution in the context.
            NoAnswer: every particle went in circles.
            Interrupted: it was to stop before it began.
        """
        if seed is None:
            seed = self.settings.seed if self.settings.seed is not None else secrets.randbits(32)
        alone = Problem("1", 1, problem.strip())
        for _, end in self._search([(alone, seed)], stopping, lambda _: listen):
            if isinstance(end, PfsolveError):
                raise end
            return end
        raise Interrupted("interrupted before the search began")

    def solve_all(
        self,
        problems: Iterable[Problem],
        *,
        seed: int | None = None,
        stopping: Callable[[], bool] = lambda: False,
        listen: Listener | None = None,
    ) -> Iterator[tuple[Problem, Solution | PfsolveError]]:
        """Solve many problems, several side by side; each comes with its end as soon as it has one.

        A problem's own seed follows from `seed` (by default that of the settings, or else 0) and its
        id, so that its solution does not depend on what runs beside it.

        Args:
            stopping: asked now and then; once true, no further problem is begun, and those under way
                end with the step they are at.
            listen: receives the searches' events, each as `InProblem`.

        Raises:
            EngineError: llama.cpp fails; one problem's failure is its end instead.
        """
        if seed is None:
            seed = self.settings.seed or 0
        seeded = ((problem, problem.seed(seed)) for problem in problems)

        def listener(problem: Problem) -> SearchListener | None:
            return None if listen is None else lambda event: listen(InProblem(problem.id, event))

        return self._search(seeded, stopping, listener)

    def read_solution(self, problem: str, steps: Sequence[str]) -> ScoredSolution:
        """Let the reward judge a given solution, step by step.

        Args:
            steps: their texts; at least one.

        Raises:
            UsageError: the problem is empty.
            ProblemTooLong: problem and solution do not fit into a particle's context.
            EngineError: llama.cpp fails.
        """
        import numpy as np

        from pfsolve.solution import ScoredSolution
        from pfsolve.solver.reading import read_steps

        started = time.monotonic()
        problem = problem.strip()
        prompt = self._prompt(problem)
        scorer = self.reward.open(problem, 1)
        log_odds, tokens = [], len(prompt) - self.reward.tokens_read
        prefixes = read_steps(self.policy, prompt, steps, traced=self.reward.wants_trace)
        try:
            for prefix in prefixes:
                log_odds.append(float(scorer.score([prefix])[0]))
                tokens += len(prefix.particle.steps[-1].tokens)
        finally:
            prefixes.close()
            scorer.close()
        tokens += self.reward.tokens_read
        return ScoredSolution(np.array(log_odds), tokens, time.monotonic() - started)

    def _search(
        self,
        problems: Iterable[tuple[Problem, int]],
        stopping: Callable[[], bool],
        listener: Callable[[Problem], SearchListener | None],
    ) -> Iterator[tuple[Problem, Solution | PfsolveError]]:
        """Keep `parallel` searches going until there are no more problems, given with their seeds."""
        from pfsolve.solver.scheduler import Scheduler

        waiting = iter(problems)
        with Scheduler(
            self.policy, self.reward, rows=self._batch_rows, stopping=stopping
        ) as scheduler:
            while True:
                while scheduler.running < self.parallel and not stopping():
                    following = next(waiting, None)
                    if following is None:
                        break
                    problem, seed = following
                    try:
                        scheduler.begin(self._task(problem, seed, listener(problem)))
                    except (UsageError, ProblemTooLong) as error:
                        yield problem, error
                if not scheduler.running:
                    return
                for task, end in scheduler.advance():
                    if isinstance(end, PfsolveError):
                        yield task.problem, end
                    else:
                        yield task.problem, self._solution(task, end)

    def _task(self, problem: Problem, seed: int, listen: SearchListener | None) -> Task:
        from pfsolve.search.methods import METHODS
        from pfsolve.solver.scheduler import Task, resampling_rng

        settings = self.settings
        prompt = self._prompt(problem.text)
        search = METHODS[settings.method](settings, resampling_rng(seed))
        settled = self._is_settled if settings.early_stop else None
        return Task(problem, prompt, settings.particles, seed, search, listen, settled)

    def _is_settled(self, particles: Sequence[Particle], weights: Floats) -> bool:
        import numpy as np

        from pfsolve.answers import group_equivalent

        finished = np.array([particle.finish is not None for particle in particles])
        classes = group_equivalent([particle.answer for particle in particles])
        return is_settled(self.settings.final, classes, finished, weights)

    def _prompt(self, problem: str) -> list[int]:
        """Tokens that ask for a problem's solution."""
        if not problem:
            raise UsageError("the problem is empty", 'try: pfsolve "Solve x^2=4"')
        context = self.policy.rules.context
        size = len(problem.encode(errors="replace"))
        if size > _MOST_BYTES * context:
            raise ProblemTooLong(
                f"the problem has {size} bytes, and a particle holds {self.settings.context} tokens",
                "shorten it, or use a larger --context",
            )
        prompt = self.policy.chat.prompt(self._system, problem)
        if context - len(prompt) < _SHORTEST_SOLUTION:
            raise ProblemTooLong(
                f"the problem takes {len(prompt)} tokens, and a particle holds "
                f"{self.settings.context}",
                "shorten it, or use a larger --context",
            )
        return prompt

    def _solution(self, task: Task, outcome: Outcome) -> Solution:
        from pfsolve.answers import group_equivalent

        answers = [particle.answer for particle in outcome.particles]
        weights = outcome.population.weights.normalised
        choice = select(
            self.settings.final,
            answers,
            group_equivalent(answers),
            outcome.population.log_odds,
            weights,
        )
        return Solution(
            problem=task.problem.text,
            answer=choice.answer,
            agreement=choice.agreement,
            candidates=choice.candidates,
            particles=outcome.particles,
            weights=tuple(weights.tolist()),
            log_evidence=outcome.population.log_evidence,
            settings=self.settings,
            seed=task.seed,
            versions=self.versions,
            tokens=outcome.tokens,
            reward_tokens=outcome.reward_tokens,
            seconds=outcome.seconds,
            load_seconds=self.load_seconds,
            interrupted=outcome.interrupted,
        )


def solve(problem: str, **settings: Any) -> Solution:
    """Solve one problem; keyword arguments are the fields of `Settings`, and `preset`.

    Loads the models anew each time: for more than one problem make a `Solver`.
    """
    with Solver(merge(settings)) as solver:
        return solver.solve(problem)
