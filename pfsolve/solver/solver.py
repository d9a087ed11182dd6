"""The solver: models loaded once, and problems solved with them, one or many side by side."""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from copy import copy
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

from pfsolve.answers import warm_up
from pfsolve.engine import backend
from pfsolve.engine.backend import LogSink
from pfsolve.engine.memory import this_machine
from pfsolve.environment import Environment
from pfsolve.errors import Interrupted, PfsolveError, ProblemTooLong, UsageError, named
from pfsolve.events import Listener, ignore
from pfsolve.events.search import InProblem, SearchEvent, SearchListener
from pfsolve.particle import Kind
from pfsolve.problems import Problem, numbered
from pfsolve.rewards.base import Reward, Uniform
from pfsolve.settings import Settings, need_of_scores
from pfsolve.solution import ScoredSolution, Solution
from pfsolve.solver.answering import answer_is_settled, solution_of
from pfsolve.solver.finding import find
from pfsolve.solver.loaded import Loaded
from pfsolve.solver.loading import open_models, rules_of
from pfsolve.solver.lots import search_of, waves_of
from pfsolve.solver.planning import plan
from pfsolve.solver.prompt import keep_heads, prompt_tokens, ways_of_asking
from pfsolve.solver.reading import score_solution
from pfsolve.solver.scheduler import Scheduler
from pfsolve.solver.streams import resampling_rng
from pfsolve.solver.task import Outcome, Task, Writer
from pfsolve.wording import listed

End: TypeAlias = tuple[Problem, Solution | PfsolveError]  # of a search


class Solver:
    """Models loaded once, for any number of problems. Close it, or use it in a `with`.

    Args:
        settings: how to solve; the models it names are fetched first if they are missing.
        problems: number of problems to solve, None if that is not known. It bounds the number
            searched side by side; where `Settings.parallel` leaves that open too, it is one.
        environment: directories and variables; this process's by default.
        reward: a reward of the caller's own, in place of the one that settings name. The caller
            closes it.
        scoring: whether solutions are to be read and scored, for which "none" is no reward.
        listen: hears of downloads, and of each model that is loaded.
        log: receives llama.cpp's log lines.

    Attributes:
        settings: with everything decided that was left open.
        policy: writes steps.
        reward: scores them.
        parallel: number of problems that are searched side by side.
        versions: of all that results depend on.
        load_seconds: time that finding and loading the models took.

    Raises:
        UsageError: a name is unknown, or a value does not fit the model.
        ModelMissing: a model cannot be fetched.
        ModelFileError: a model file cannot be used.
        ResourceError: there is too little memory or disk.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        problems: int | None = None,
        environment: Environment | None = None,
        reward: Reward | None = None,
        scoring: bool = False,
        listen: Listener = ignore,
        log: LogSink | None = None,
    ) -> None:
        started = time.monotonic()
        settings = settings or Settings()
        backend.start(log)
        found = find(
            settings,
            environment or Environment(),
            reward=reward,
            scoring=scoring,
            listen=listen,
        )
        try:
            planned = plan(found, settings, problems, this_machine())
            warm_up()  # the process that compares answers starts while the models load
            opened = open_models(found, planned, settings, listen=listen)
        except BaseException:
            found.abandon()
            raise
        self.policy = opened.policy
        self.reward = self._loaded_reward = opened.reward
        self.parallel = planned.parallel
        self.versions = found.versions()
        self.load_seconds = time.monotonic() - started
        self._loaded = Loaded(found, planned, settings, opened.sandbox is not None)
        self._asking = ways_of_asking(found.policy.entry)
        keep_heads(self.policy, self._asking.values())
        self._sandbox = opened.sandbox
        self._models = opened.models
        self._set(settings)

    def close(self) -> None:
        """Free models and caches; twice does no harm."""
        self._models.close()

    def reloads(self, settings: Settings) -> list[str]:
        """Names of the settings for which models would have to be loaded again, if these were used."""
        return self._loaded.reloads(settings)

    def using(self, settings: Settings) -> Solver:
        """A solver with other settings and the same models, which closing either of them frees.

        Raises:
            UsageError: models would have to be loaded again, or the settings need scores and there
                are none.
        """
        if names := self.reloads(settings):
            raise UsageError(
                f"models are loaded for another {listed(map(named, names))}", "make another Solver"
            )
        other = copy(self)
        unscored = settings.reward == "none" != self._loaded.settings.reward
        other.reward = Uniform() if unscored else self._loaded_reward
        if other.reward.name == "none" and (needed := need_of_scores(settings)):
            what, hint = needed
            raise UsageError(f"{what} goes by scores, and there is no reward to give them", hint)
        policy, planned = self.policy, self._loaded.plan_of(settings)
        rules = rules_of(settings, planned, other.reward)
        other.policy = policy.using(planned.sampling, rules)
        other._set(settings)
        return other

    def _set(self, settings: Settings) -> None:
        """Take settings for the searches to come."""
        self.settings = self._loaded.resolve(settings, self.reward)
        self._waves = waves_of(self.settings, self._loaded.plan.at_once)

    def __repr__(self) -> str:
        names = ("policy", "reward", "method", "particles")
        values = (f"{name}={getattr(self.settings, name)!r}" for name in names)
        return f"{type(self).__name__}({', '.join(values)})"

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
            seed: random seed; by default that of the settings, or else a fresh one.
            stopping: asked after each token; once true, the search is cut where it is.
            listen: receives the search's events (`pfsolve.events`).

        Raises:
            UsageError: the problem is empty.
            ProblemTooLong: it leaves no room for a solution in the context.
            NoAnswer: every particle went in circles or failed.
            Interrupted: it was to stop before it began.
        """
        alone = self._alone(problem, seed)
        for _, end in self._ends([alone], stopping, lambda _: listen):
            if isinstance(end, PfsolveError):
                raise end
            return end
        raise Interrupted("interrupted before the search began")

    def events(
        self, problem: str, *, seed: int | None = None
    ) -> Generator[SearchEvent | Solution, None, None]:
        """Solve one problem step by step: the search's events as they come, and at last its solution.

        Closing it, as the end of a `for` does, ends the search where it is.

        Args:
            seed: random seed; by default that of the settings, or else a fresh one.

        Raises:
            UsageError, ProblemTooLong, NoAnswer: as in `solve`, once it runs.
        """
        heard: deque[SearchEvent] = deque()
        alone = self._alone(problem, seed)
        with closing(self._search([alone], lambda: False, lambda _: heard.append)) as decodes:
            for ended in decodes:
                while heard:
                    yield heard.popleft()
                for _, end in ended:
                    if isinstance(end, PfsolveError):
                        raise end
                    yield end

    def solve_all(
        self,
        problems: Iterable[str | Problem],
        *,
        seed: int | None = None,
        stopping: Callable[[], bool] = lambda: False,
        listen: Listener | None = None,
    ) -> Iterator[End]:
        """Solve many problems, several side by side; each comes with its end as soon as it has one.

        A problem's own seed follows from `seed` and its id, so that its solution does not depend on
        what runs beside it.

        Args:
            problems: each a text, which is numbered as a line of a file, or with an id of its own.
            seed: random seed; by default that of the settings, or else 0.
            stopping: asked after each token; once true, no further problem is begun, and those under
                way are cut where they are.
            listen: receives the searches' events, each as `InProblem`.

        Raises:
            UsageError: the problems are a single text.
            EngineError: llama.cpp fails; one problem's failure is its end instead.
        """
        root = (self.settings.seed or 0) if seed is None else seed
        seeded = ((problem, problem.seed(root)) for problem in numbered(problems))

        def listener(problem: Problem) -> SearchListener | None:
            return None if listen is None else lambda event: listen(InProblem(problem.id, event))

        return self._ends(seeded, stopping, listener)

    def read_solution(self, problem: str, steps: Sequence[str]) -> ScoredSolution:
        """Score a given solution, step by step.

        Args:
            steps: their texts; at least one.

        Raises:
            UsageError: the problem is empty.
            ProblemTooLong: problem and solution do not fit into a particle's context.
            EngineError: llama.cpp fails.
        """
        problem = problem.strip()
        asking = replace(self._asking[Kind.TEXT], thought=False)
        prompt = prompt_tokens(self.policy, asking, problem)
        return score_solution(self.policy, self.reward, problem, prompt, steps)

    def _alone(self, problem: str, seed: int | None) -> tuple[Problem, int]:
        """A problem that is solved by itself, with its seed."""
        if seed is None:
            seed = self.settings.seed if self.settings.seed is not None else secrets.randbits(32)
        return Problem("1", 1, problem.strip()), seed

    def _ends(self, *search: Any) -> Iterator[End]:
        """The problems' ends, one at a time; takes what `_search` does."""
        with closing(self._search(*search)) as decodes:
            for ended in decodes:
                yield from ended

    def _search(
        self,
        problems: Iterable[tuple[Problem, int]],
        stopping: Callable[[], bool],
        listener: Callable[[Problem], SearchListener | None],
    ) -> Generator[list[End], None, None]:
        """Keep `parallel` searches going until there are no more problems, given with their seeds.

        It yields after each decode, what ended with it.
        """
        waiting = iter(problems)
        with Scheduler(
            self.policy,
            self.reward,
            self._sandbox,
            rows=self._loaded.plan.batch_rows,
            stopping=stopping,
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
                        yield [(problem, error)]
                if not scheduler.running:
                    return
                yield [(task.problem, self._end(task, end)) for task, end in scheduler.advance()]

    def _end(self, task: Task, end: Outcome | PfsolveError) -> Solution | PfsolveError:
        if isinstance(end, PfsolveError):
            return end
        return solution_of(task, end, self.settings, self.versions, self.load_seconds)

    def _writer(self, kind: Kind, problem: str) -> Writer:
        asking = self._asking[kind]
        prompt = prompt_tokens(self.policy, asking, problem)
        return Writer(kind, prompt, opening=self.policy.chat.opening if asking.thought else "")

    def _task(self, problem: Problem, seed: int, listen: SearchListener | None) -> Task:
        settings, final = self.settings, self.settings.final or "vote"
        lots = [lot for wave in self._waves for lot in wave]
        writers = {kind: self._writer(kind, problem.text) for kind in {lot.kind for lot in lots}}
        return Task(
            problem=problem,
            writers=[
                replace(writers[lot.kind], greedy=lot.greedy)
                for lot in lots
                for _ in range(lot.particles)
            ],
            seed=seed,
            search=search_of(self._waves, settings, resampling_rng(seed)),
            listen=listen,
            settled=partial(answer_is_settled, final) if settings.stops_early else None,
            seconds=settings.time,
        )
