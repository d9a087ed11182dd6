"""Problems an hour: side by side against one at a time.

    python tests/benchmarks/batch.py PROBLEMS.jsonl [--problems 16] [-n 4] [--parallel auto] ...

The first problems of a file are solved with the same seeds in both ways, each in a process of its own.
The two take turns of some seconds, one stopped while the other runs, so that a machine whose speed
changes is as fast for both; only a process's own turns count, and no loading. Prints for each the
problems an hour, tokens a second and, where the file has answers, how many are right; then the ratio.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path

from pfsolve.answers import equivalent
from pfsolve.engine.policy import StepDraft
from pfsolve.problems import Problem, read_problems
from pfsolve.settings import merge
from pfsolve.solution import Solution
from pfsolve.solver.solver import Solver


@dataclass
class Solved:
    """parallel: problems at a time. decodes: batches. answers: by the problems' ids."""

    parallel: int
    tokens: int
    decodes: int
    answers: dict[str, str | None]


def solve(
    problems: Sequence[Problem], parallel: str | int, settings: Mapping[str, object], to: Connection
) -> None:
    """Solve all, `parallel` at a time; sends None once all is loaded, and at the end what came of it."""
    with Solver(merge(settings, {"parallel": parallel}), problems=len(problems)) as solver:
        decodes = 0
        advance = solver.policy.advance

        def counting(drafts: Sequence[StepDraft]) -> None:
            nonlocal decodes
            decodes += 1
            advance(drafts)

        solver.policy.advance = counting  # type: ignore[method-assign]
        to.send(None)
        ends = {problem.id: end for problem, end in solver.solve_all(problems)}
        solutions = {name: end for name, end in ends.items() if isinstance(end, Solution)}
        tokens = sum(solution.tokens for solution in solutions.values())
        answers = {name: solution.answer for name, solution in solutions.items()}
        to.send(Solved(solver.parallel, tokens, decodes, answers))


class Contender:
    """A process that solves all problems in one way, in turns. seconds: of its turns after loading."""

    def __init__(
        self, problems: Sequence[Problem], parallel: str | int, settings: Mapping[str, object]
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self._heard, to = context.Pipe(duplex=False)
        self._process = context.Process(
            target=solve, args=(problems, parallel, settings, to), daemon=True
        )
        self._process.start()
        to.close()  # so that the end of the process can be heard
        self.seconds = 0.0
        self.solved: Solved | None = None
        self._until(None)
        self._signal(signal.SIGSTOP)

    def turn(self, seconds: float) -> None:
        """Run for so long, or to the end."""
        self._signal(signal.SIGCONT)
        start = time.perf_counter()
        self._until(seconds)
        self.seconds += time.perf_counter() - start
        if self.solved is None:
            self._signal(signal.SIGSTOP)

    def close(self) -> None:
        """End it, also where it is stopped: only a kill reaches it there, and it would be waited for."""
        self._process.kill()

    def _until(self, timeout: float | None) -> None:
        """Wait for a message; an end without a result is the process's failure."""
        if wait([self._heard], timeout):
            try:
                self.solved = self._heard.recv()
            except EOFError:
                raise SystemExit("a process has failed") from None

    def _signal(self, number: int) -> None:
        assert self._process.pid is not None
        os.kill(self._process.pid, number)

    def report(self, problems: Sequence[Problem]) -> None:
        solved = self.solved
        assert solved is not None
        right = sum(equivalent(p.answer or "", solved.answers.get(p.id) or "") for p in problems)
        print(
            f"{solved.parallel} at a time: {len(problems)} problems in {self.seconds:.0f} s, "
            f"{3600 * len(problems) / self.seconds:.1f} an hour; {solved.tokens} tokens, "
            f"{solved.tokens / self.seconds:.1f} a second, "
            f"{solved.tokens / solved.decodes:.1f} a decode; {right} of {len(problems)} right",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--problems", type=int, default=16)
    parser.add_argument("-n", "--particles", type=int, default=4)
    parser.add_argument("--parallel", default="auto")
    parser.add_argument("--policy")
    parser.add_argument("--reward")
    parser.add_argument("--max-steps", type=int)
    parser.add_argument("--turn", type=float, default=15, help="seconds of a turn")
    args = vars(parser.parse_args())
    file, count, parallel = args.pop("file"), args.pop("problems"), args.pop("parallel")
    seconds = args.pop("turn")
    rows = read_problems(file.read_bytes(), name=str(file)).rows
    problems = [row for row in rows if isinstance(row, Problem)][:count]
    with (
        closing(Contender(problems, parallel, args)) as together,
        closing(Contender(problems, 1, args)) as alone,
    ):
        while running := [each for each in (together, alone) if each.solved is None]:
            for each in running:
                each.turn(seconds)
                if each.solved is not None:
                    each.report(problems)
    assert together.solved is not None
    assert alone.solved is not None
    others = alone.solved.answers
    answers = together.solved.answers.items()
    same = sum(equivalent(answer or "", others.get(name) or "") for name, answer in answers)
    print(
        f"ratio of problems an hour {alone.seconds / together.seconds:.2f}; "
        f"{same} of {len(problems)} answers the same",
        flush=True,
    )


if __name__ == "__main__":
    main()
