"""From problems and settings to solutions: resolves and loads models, runs the searches, selects."""

from __future__ import annotations

import dataclasses
import platform
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from pfsolve.errors import Interrupted, PfsolveError, ProblemTooLong, UsageError
from pfsolve.events import BatchListener, InProblem, Listener, ModelLoaded
from pfsolve.problems import Problem
from pfsolve.selection import select
from pfsolve.settings import Settings, merge
from pfsolve.solution import Solution

if TYPE_CHECKING:
    from pfsolve.engine.library import LogSink
    from pfsolve.engine.scheduler import Outcome, Task
    from pfsolve.environment import Environment
    from pfsolve.models.events import Listener as PullListener

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
        pull_listen: receives those of downloads (`pfsolve.models.events`).
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
        listen: Callable[[ModelLoaded], None] | None = None,
        pull_listen: PullListener | None = None,
        log: LogSink | None = None,
    ) -> None:
        from pfsolve.answers import warm_up
        from pfsolve.engine import batching, library, memory
        from pfsolve.engine.cache import Cache
        from pfsolve.engine.policy import Policy
        from pfsolve.engine.sampling import Sampling
        from pfsolve.environment import Environment
        from pfsolve.models.events import ignore
        from pfsolve.models.resolve import resolve
        from pfsolve.particle import StepRules
        from pfsolve.rewards import make_reward

        started = time.monotonic()
        settings = settings or Settings()
        self._closers: list[Callable[[], None]] = []
        found = resolve(
            settings.policy,
            environment or Environment(),
            offline=settings.offline,
            listen=pull_listen or ignore,
        )
        entry = found.entry
        warm_up()  # the judge of answers starts while the model loads
        library.start(log)
        facts = library.inspect(found.path)
        context = memory.choose_context(facts, settings.context)
        n = settings.particles
        gpu = memory.on_gpu(settings.gpu_layers)
        self.batch_rows = batching.GPU_ROWS if gpu else batching.CPU_ROWS
        self.parallel = batching.choose_parallel(
            n,
            self.batch_rows,
            settings.parallel,
            problems,
            memory.most_parallel(facts, n, context, settings.gpu_layers),
        )
        memory.check_memory(facts, n, context, settings.gpu_layers, self.parallel)

        temperature = settings.temperature
        if temperature is None:
            temperature = entry.temperature if entry and entry.temperature is not None else 0.8
        self.settings = dataclasses.replace(
            settings,
            policy=found.name,
            temperature=temperature,
            context=context,
            threads=settings.threads or memory.physical_cores(),
            parallel=self.parallel,
        )
        try:
            model = library.Model(facts, settings.gpu_layers)
            self._closers.append(model.close)
            threads = self.settings.threads or 1
            rows = n * self.parallel  # cells for all of them: none is cut short by another
            cache = Cache(model, cells=rows * context, sequences=rows, threads=threads)
            self._closers.append(cache.close)
            sampling = Sampling(temperature, settings.top_k, settings.top_p, settings.min_p)
            rules = StepRules(settings.max_steps, settings.max_step_tokens, context)
            tile = batching.GPU_TILE if gpu else batching.CPU_TILE
            self.policy = Policy(model, cache, sampling, rules, tile)
            self.reward = make_reward(settings.reward, self.policy)
            self._closers.append(self.reward.close)
            self.policy.rules = dataclasses.replace(rules, context=context - self.reward.reserve)
        except BaseException:
            self.close()
            raise
        self._system = (entry.system if entry else None) or SYSTEM_PROMPT
        self.versions = {
            "pfsolve": _version("pfsolve"),
            "llama_cpp_python": _version("llama-cpp-python"),
            "numpy": _version("numpy"),
            "python": platform.python_version(),
            "policy_sha256": (entry.sha256 if entry else None) or "unknown",
        }
        device = model.device
        self.load_seconds = time.monotonic() - started
        if listen is not None:
            where = f"{device.name} ({device.description})" if device.is_gpu else device.name
            weights, cells = facts.file_bytes, memory.cache_bytes(facts, rows, context)
            listen(ModelLoaded("policy", found.name, where, weights, cells))

    def close(self) -> None:
        """Free models and caches; twice does no harm."""
        while self._closers:
            self._closers.pop()()

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
        listen: BatchListener | None = None,
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

        def listener(problem: Problem) -> Listener | None:
            return None if listen is None else lambda event: listen(InProblem(problem.id, event))

        return self._search(seeded, stopping, listener)

    def _search(
        self,
        problems: Iterable[tuple[Problem, int]],
        stopping: Callable[[], bool],
        listener: Callable[[Problem], Listener | None],
    ) -> Iterator[tuple[Problem, Solution | PfsolveError]]:
        """Keep `parallel` searches going until there are no more problems, given with their seeds."""
        from pfsolve.engine.scheduler import Scheduler

        waiting = iter(problems)
        with Scheduler(
            self.policy, self.reward, rows=self.batch_rows, stopping=stopping
        ) as scheduler:
            while True:
                while scheduler.running < self.parallel and not stopping():
                    following = next(waiting, None)
                    if following is None:
                        break
                    problem, seed = following
                    try:
                        task = self._task(problem, seed, listener(problem))
                    except (UsageError, ProblemTooLong) as error:
                        yield problem, error
                    else:
                        scheduler.begin(task)
                if not scheduler.running:
                    return
                for task, end in scheduler.advance():
                    if isinstance(end, PfsolveError):
                        yield task.problem, end
                    else:
                        yield task.problem, self._solution(task, end)

    def _task(self, problem: Problem, seed: int, listen: Listener | None) -> Task:
        from pfsolve.engine.scheduler import Task, resampling_rng
        from pfsolve.search.particle_filter import FilterRules, particle_filter

        if not problem.text:
            raise UsageError("the problem is empty", 'try: pfsolve "Solve x^2=4"')
        settings = self.settings
        context = self.policy.rules.context
        size = len(problem.text.encode(errors="replace"))
        if size > _MOST_BYTES * context:
            raise ProblemTooLong(
                f"the problem has {size} bytes, and a particle holds {settings.context} tokens",
                "shorten it, or use a larger --context",
            )
        prompt = self.policy.chat.prompt(self._system, problem.text)
        if context - len(prompt) < _SHORTEST_SOLUTION:
            raise ProblemTooLong(
                f"the problem takes {len(prompt)} tokens, and a particle holds {settings.context}",
                "shorten it, or use a larger --context",
            )
        rules = FilterRules(
            resampling=settings.resampling,
            weights=settings.weights,
            finished=settings.finished,
            ess_threshold=settings.ess_threshold,
            softmax_temperature=settings.softmax_temperature,
        )
        search = particle_filter(settings.particles, rules, resampling_rng(seed))
        return Task(problem, prompt, settings.particles, seed, search, listen)

    def _solution(self, task: Task, outcome: Outcome) -> Solution:
        from pfsolve.answers import group_equivalent
        from pfsolve.search.weights import normalise

        answers = [particle.answer for particle in outcome.particles]
        weights = normalise(outcome.population.log_weights)
        choice = select(
            self.settings.final,
            answers,
            group_equivalent(answers),
            outcome.population.log_scores,
            weights,
        )
        return Solution(
            problem=task.problem.text,
            answer=choice.answer,
            confidence=choice.confidence,
            candidates=choice.candidates,
            particles=outcome.particles,
            weights=tuple(weights.tolist()),
            log_evidence=outcome.population.log_evidence,
            settings=self.settings,
            seed=task.seed,
            versions=self.versions,
            tokens=outcome.tokens,
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


def _version(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
