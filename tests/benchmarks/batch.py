"""Problems an hour: side by side against one at a time.

    python tests/benchmarks/batch.py PROBLEMS.jsonl [--problems 16] [-n 4] [--parallel auto] ...

The first problems of a file are solved with the same seeds in both ways, in turn. Prints for each the
problems an hour, tokens a second and, where the file has answers, how many are right; then the ratio.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pfsolve.answers import equivalent
from pfsolve.engine.policy import Draft
from pfsolve.problems import Problem, read_problems
from pfsolve.settings import merge
from pfsolve.solution import Solution
from pfsolve.solver import Solver


@dataclass
class Result:
    """seconds: of all problems together. answers: by the problems' ids."""

    seconds: float
    answers: dict[str, str | None]


def solve(problems: Sequence[Problem], parallel: str | int, settings: dict[str, object]) -> Result:
    """Solve all, `parallel` at a time, and print how that went."""
    with Solver(merge(settings, {"parallel": parallel}), problems=len(problems)) as solver:
        decodes = 0
        advance = solver.policy.advance

        def counting(drafts: Sequence[Draft]) -> None:
            nonlocal decodes
            decodes += 1
            advance(drafts)

        solver.policy.advance = counting  # type: ignore[method-assign]
        start = time.perf_counter()
        ends = {problem.id: end for problem, end in solver.solve_all(problems)}
        seconds = time.perf_counter() - start
        side_by_side = solver.parallel
    solutions = {id: end for id, end in ends.items() if isinstance(end, Solution)}
    tokens = sum(solution.tokens for solution in solutions.values())
    answers = {id: solution.answer for id, solution in solutions.items()}
    right = sum(equivalent(p.answer or "", answers.get(p.id) or "") for p in problems)
    print(
        f"{side_by_side} at a time: {len(problems)} problems in {seconds:.0f} s, "
        f"{3600 * len(problems) / seconds:.1f} an hour; {tokens} tokens, {tokens / seconds:.1f} a "
        f"second, {tokens / decodes:.1f} a decode; {right} of {len(problems)} right",
        flush=True,
    )
    return Result(seconds, answers)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--problems", type=int, default=16)
    parser.add_argument("-n", "--particles", type=int, default=4)
    parser.add_argument("--parallel", default="auto")
    parser.add_argument("--policy")
    parser.add_argument("--reward", default="self-evaluation")
    parser.add_argument("--max-steps", type=int)
    parser.add_argument("--rounds", type=int, default=1)
    args = vars(parser.parse_args())
    file, count, parallel = args.pop("file"), args.pop("problems"), args.pop("parallel")
    rounds = args.pop("rounds")
    rows = read_problems(file.read_bytes(), name=str(file)).rows
    problems = [row for row in rows if isinstance(row, Problem)][:count]
    for _ in range(rounds):
        together = solve(problems, parallel, args)
        alone = solve(problems, 1, args)
        same = sum(
            equivalent(answer or "", alone.answers[id] or "")
            for id, answer in together.answers.items()
        )
        print(
            f"ratio of problems an hour {alone.seconds / together.seconds:.2f}; "
            f"{same} of {len(problems)} answers the same",
            flush=True,
        )


if __name__ == "__main__":
    main()
