"""Whether many solves in one process leave nothing behind.

    python tests/benchmarks/soak.py [--problems 500] [--policy NAME] [-n 4] [--max-steps 3] ...

Solves short problems through the library, half of the particles writing programs. After the first ones
memory may grow by a small share only, and open files, threads and child processes by none; at the end all
cells of the cache are free. Prints what it has measured, and ends with 1 where that does not hold.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import time
from collections import Counter
from dataclasses import dataclass

import llama_cpp
import psutil

from pfsolve.engine.cache import Cache
from pfsolve.problems import Problem
from pfsolve.settings import Settings
from pfsolve.solution import Solution
from pfsolve.solver.solver import Solver

_OPERATIONS = ("{} + {}", "{} * {}", "{} - {}", "({} + 1)({} - 1)", "\\frac{{{}}}{{{}}}")


@dataclass(frozen=True)
class Held:
    """What this process and its children hold. memory: bytes of this process that no other shares."""

    memory: int
    files: int
    threads: int
    children: int

    @classmethod
    def now(cls) -> Held:
        gc.collect()
        process = psutil.Process()
        return cls(
            process.memory_full_info().uss,
            process.num_fds() if psutil.POSIX else process.num_handles(),
            process.num_threads(),
            len(process.children(recursive=True)),
        )

    def __str__(self) -> str:
        counts = f"{self.files} open files, {self.threads} threads, {self.children} children"
        return f"{self.memory / 1e6:.1f} MB, {counts}"


def some_problems(count: int) -> list[Problem]:
    """Problems that differ, some of them from all before by their words."""
    texts = (
        f"Word number {n}: what is ${_OPERATIONS[n % len(_OPERATIONS)].format(n + 2, 7 * n + 3)}$?"
        for n in range(count)
    )
    return [Problem(str(n), n, text) for n, text in enumerate(texts, 1)]


def is_empty(cache: Cache) -> bool:
    """Whether llama.cpp itself has no cell in use, once the heads of prompts are given back."""
    cache.give_back()
    memory, sequences = (
        llama_cpp.llama_get_memory(cache.handle),
        llama_cpp.llama_n_seq_max(cache.handle),
    )
    ends = [llama_cpp.llama_memory_seq_pos_max(memory, number) for number in range(sequences)]
    return cache.sequences == 0 and set(ends) == {-1}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--problems", type=int, default=500)
    parser.add_argument("--first", type=int, default=50, help="problems after which memory counts")
    parser.add_argument("--growth", type=float, default=0.02, help="share by which it may grow")
    parser.add_argument("--policy", default="smollm2-135m-instruct")
    parser.add_argument("-n", "--particles", type=int, default=2)
    parser.add_argument("--max-steps", type=int, default=2)
    parser.add_argument("--max-step-tokens", type=int, default=8)
    parser.add_argument("--threads", type=int)
    args = parser.parse_args()
    settings = Settings(
        policy=args.policy,
        particles=args.particles,
        programs=0.5,
        reward="confidence",
        max_steps=args.max_steps,
        max_step_tokens=args.max_step_tokens,
        context=320,
        threads=args.threads,
        early_stop=False,
    )
    ends, seen, sandbox = Counter[str](), list[Held](), 0.0
    start = time.perf_counter()
    with Solver(settings, problems=args.problems) as solver:
        for number, (_, end) in enumerate(solver.solve_all(some_problems(args.problems)), 1):
            ends[type(end).__name__] += 1
            sandbox += end.sandbox_seconds if isinstance(end, Solution) else 0.0
            if number >= args.first:
                seen.append(Held.now())
            if number == args.first or number % 50 == 0:
                print(
                    f"{number:5} problems, {time.perf_counter() - start:5.0f} s: {Held.now()}",
                    flush=True,
                )
        empty = is_empty(solver.policy.cache)
    counts = ", ".join(f"{count} {kind}" for kind, count in ends.items())
    print(f"programs ran for {sandbox:.1f} s")
    growth = statistics.median(held.memory for held in seen[-10:]) / seen[0].memory - 1
    print(
        f"{counts}; memory grew by {100 * growth:.2f} %; the cache is {'' if empty else 'not '}empty"
    )
    wrong = [
        what
        for what, holds in {
            "memory": growth <= args.growth,
            "cells": empty,
            **{
                name: max(getattr(held, name) for held in seen) <= getattr(seen[0], name)
                for name in ("files", "threads", "children")
            },
        }.items()
        if not holds
    ]
    if wrong:
        raise SystemExit(f"what is left behind: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
