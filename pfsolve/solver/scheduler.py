"""Many searches in one batch: one decode for the drafts of all.

Each search has its own population, scorer and random streams; what they share is the decode. A search
that waits for its slowest step leaves its other rows of the batch to the rest, and one that has ended
makes room for the next.
"""

from __future__ import annotations

from collections.abc import Callable

from pfsolve.engine.policy import Policy, StepDraft
from pfsolve.errors import PfsolveError
from pfsolve.programs.base import Sandbox
from pfsolve.rewards.base import Reward
from pfsolve.solver.run import SearchRun
from pfsolve.solver.task import Outcome, Task


class Scheduler:
    """Drives all searches that are begun, on one policy and one reward.

    Closing it, or leaving its `with`, leaves none of its sequences in the cache.

    Args:
        sandbox: runs programs; None where no search writes any.
        rows: of a decode; the first search brings all of its own, and others fill up to this number.
        stopping: asked after each decode; once true, all particles are cut where they are.
    """

    def __init__(
        self,
        policy: Policy,
        reward: Reward,
        sandbox: Sandbox | None = None,
        *,
        rows: int = 16,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._policy = policy
        self._reward = reward
        self._sandbox = sandbox
        self._rows = rows
        self._stopping = stopping
        self._runs: list[SearchRun] = []

    @property
    def running(self) -> int:
        """The number of searches begun whose end has not been handed out."""
        return len(self._runs)

    def begin(self, task: Task) -> None:
        """Decode a task's prompt and let its search take part from the next decode on.

        Raises:
            ProblemTooLong: the reward cannot take in the problem.
            EngineError: llama.cpp fails, or the cache has no room.
        """
        self._runs.append(
            SearchRun(task, self._policy, self._reward, self._sandbox, self._stopping)
        )

    def advance(self) -> list[tuple[Task, Outcome | PfsolveError]]:
        """One decode for the searches; the tasks that ended with it, each with what came of it.

        A search fails by itself, with NoAnswer when all its particles are dead or EngineError when
        the reward gives NaN; the others continue.

        Raises:
            EngineError: llama.cpp fails.
        """
        self._policy.advance(self._batch())
        ended = []
        for run in list(self._runs):
            run.proceed()
            if run.end is not None:
                ended.append((run.task, run.end))
                self._runs.remove(run)
        return ended

    def _batch(self) -> list[StepDraft]:
        """Drafts for the next decode: the oldest search's, and others' for the rows that are left.

        So the oldest searches end first, and make room. Others fill whole tiles: rows that are left over
        beyond one take longer, and fill the next decode (`tests/benchmarks/serving.py`).
        """
        rows: dict[object, int] = {}  # the number of each, in order
        drafts: list[tuple[int, StepDraft]] = []
        own = 0
        for run in self._runs:
            for draft in run.drafts:
                if not draft.done:
                    number = rows.setdefault(self._policy.row(draft), len(rows))
                    drafts.append((number, draft))
            own = own or len(rows)
        wanted = min(len(rows), self._rows)
        if wanted > self._policy.tile:
            wanted -= wanted % self._policy.tile
        return [draft for number, draft in drafts if number < max(own, wanted)]

    def close(self) -> None:
        """End all searches where they are; twice does no harm."""
        while self._runs:
            self._runs.pop().close()

    def __enter__(self) -> Scheduler:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
