"""How long a decode takes by its number of rows.

    python tests/benchmarks/rows.py [--policy NAME] [--repeats 5] [--own 0]

Each row is one token of a sequence of its own, four sequences to a prompt of 100 tokens. With --own
each sequence holds so many tokens of its own already, alternating with the others' in the cache.
Prints the median and the least of the repeats, the sizes in turn. `pfsolve/engine/policy.py` and
`pfsolve/solver/planning.py` go by them.
"""

from __future__ import annotations

import argparse
import statistics
import time

from pfsolve.engine.runs import TokenRun
from pfsolve.settings import Settings
from pfsolve.solver.solver import Solver

SIZES = (1, 2, 3, 4, 6, 7, 8, 10, 11, 12, 14, 15, 16, 20, 24, 32, 48, 64)
PROMPT, SIBLINGS, PROMPTS = 100, 4, 16


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--policy")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--own", type=int, default=0)
    args = parser.parse_args()
    settings = Settings(policy=args.policy, reward="none", particles=64, context=1024)
    with Solver(settings) as solver:
        cache = solver.policy.cache
        sequences: list[int] = []

        for k in range(PROMPTS):
            tokens = [100 + (37 * k + i) % 5000 for i in range(PROMPT)]
            first = cache.new()
            cache.decode([TokenRun(first, tokens)])
            sequences += [first, *(cache.fork(first) for _ in range(SIBLINGS - 1))]
        for token in range(args.own):
            cache.decode(
                [TokenRun(sequence, [100 + token], output=False) for sequence in sequences]
            )
        taken: dict[int, list[float]] = {size: [] for size in SIZES}
        for _ in range(args.repeats):
            for size in SIZES:
                start = time.perf_counter()
                cache.decode([TokenRun(sequence, [9]) for sequence in sequences[:size]])
                taken[size].append(time.perf_counter() - start)
        for size, times in taken.items():
            median, least = statistics.median(times), min(times)
            print(
                f"{size:4} rows {1e3 * median:6.0f} ms, least {1e3 * least:6.0f} ms, "
                f"{size / median:6.1f} rows/s"
            )


if __name__ == "__main__":
    main()
