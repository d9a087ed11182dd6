"""How long a decode takes by its number of rows, and by the cells that other sequences hold.

    python tests/benchmarks/rows.py [--policy NAME] [--repeats 5]

Each row is one token of a sequence of its own, eight sequences to a prompt of 200 tokens. Prints the
median of the repeats, the sizes in turn. What `pfsolve/engine/batching.py` says comes from here.
"""

from __future__ import annotations

import argparse
import statistics
import time

from pfsolve.engine.cache import Run
from pfsolve.settings import Settings
from pfsolve.solver import Solver

SIZES = (1, 2, 3, 4, 6, 7, 8, 10, 11, 12, 14, 15, 16, 20, 24, 32)
PROMPT, SIBLINGS = 200, 8


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--policy")
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    settings = Settings(policy=args.policy, reward="none", particles=64, context=512)
    with Solver(settings) as solver:
        cache = solver.policy.cache
        sequences: list[int] = []

        def grow(prompts: int) -> None:
            for k in range(prompts):
                tokens = [100 + (37 * (len(sequences) + k) + i) % 5000 for i in range(PROMPT)]
                first = cache.new()
                cache.decode([Run(first, tokens)])
                sequences.extend([first, *(cache.fork(first) for _ in range(SIBLINGS - 1))])

        grow(4)
        for held in (4 * PROMPT, 8 * PROMPT):
            if held > 4 * PROMPT:
                grow(4)
            taken: dict[int, list[float]] = {size: [] for size in SIZES}
            for _ in range(args.repeats):
                for size in SIZES:
                    start = time.perf_counter()
                    cache.decode([Run(sequence, [9]) for sequence in sequences[:size]])
                    taken[size].append(time.perf_counter() - start)
            print(f"{held} cells of prompts")
            for size, times in taken.items():
                median = statistics.median(times)
                print(f"{size:4} rows {1e3 * median:6.0f} ms {size / median:6.1f} rows/s")


if __name__ == "__main__":
    main()
