"""Speed of a solve as a ratio to llama.cpp's own raw decode, and the cost of a fork.

    python tests/benchmarks/throughput.py [--policy NAME] [-n 16] [--reward NAME] [--against NAME] ...

A solve is run and everything it asks of the cache is recorded. Then the same batches, with the same
sequences, positions and forks, are replayed in a bare loop of llama_decode on a context of the same
kind: no sampling, no hidden states, no padding, no Python between the calls but a list. Both run in
turn on the same loaded model; the ratio is bare time over solve time, so 1 means that pfsolve adds
nothing. With --against a second solver, with another reward, takes its turn in every round too: tokens
a second by the two rewards. One step (--max-steps 1) is before any resampling, so both write the same.
"""

from __future__ import annotations

import argparse
import contextlib
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import llama_cpp as llama
import numpy as np

from pfsolve.engine.cache import Cache
from pfsolve.engine.runs import Distinct, Outputs, TokenRun
from pfsolve.settings import Settings
from pfsolve.solver.solver import Solver

PROBLEM = "Find all real x with x^4 - 5x^2 + 4 = 0, and the sum of their squares."


@dataclass
class Recorder:
    """Writes down every change of a cache while it goes on as usual."""

    cache: Cache

    def __post_init__(self) -> None:
        self.log: list[tuple[object, ...]] = []
        cache = self.cache
        self._originals = {name: getattr(cache, name) for name in ("decode", "fork", "rewind")}
        for name in self._originals:
            setattr(cache, name, getattr(self, "_" + name))

    def stop(self) -> None:
        for name in self._originals:
            delattr(self.cache, name)

    def _decode(self, runs: Sequence[TokenRun], **options: Any) -> Outputs:
        distinct = Distinct(runs, self.cache._histories).shared  # alike runs are decoded once
        starts = [self.cache.length(each.run.sequence) for each in distinct]
        self.log.append(("decode", distinct, starts))
        return self._originals["decode"](runs, **options)

    def _fork(self, sequence: int) -> int:
        copy = self._originals["fork"](sequence)
        self.log.append(("fork", sequence, copy))
        return copy

    def _rewind(self, sequence: int, length: int) -> None:
        self.log.append(("rewind", sequence, length))
        self._originals["rewind"](sequence, length)


def prepare(cache: Cache, log: list[tuple[object, ...]]) -> list[Callable[[], object]]:
    """Calls into llama.cpp alone, each ready to go, that repeat what was recorded."""
    memory, calls = llama.llama_get_memory(cache.handle), []

    def batch_of(rows: list[tuple[int, int, list[int], int]]) -> Callable[[], object]:
        batch = llama.llama_batch_init(len(rows), 0, max(len(row[2]) for row in rows))
        batch.n_tokens = len(rows)
        for i, (token, position, sequences, output) in enumerate(rows):
            batch.token[i], batch.pos[i], batch.logits[i] = token, position, output
            batch.n_seq_id[i] = len(sequences)
            for j, sequence in enumerate(sequences):
                batch.seq_id[i][j] = sequence

        def decode() -> None:
            if status := llama.llama_decode(cache.handle, batch):
                raise SystemExit(f"the replay failed: llama_decode gave {status}")

        return decode

    for kind, *what in log:
        if kind == "fork":
            source, copy = what
            calls.append(lambda s=source, c=copy: llama.llama_memory_seq_cp(memory, s, c, -1, -1))
        elif kind == "rewind":
            sequence, length = what
            calls.append(lambda s=sequence, n=length: llama.llama_memory_seq_rm(memory, s, n, -1))
        else:
            distinct, starts = what
            rows = [
                (
                    token,
                    start + i,
                    each.sequences,
                    int(each.run.output and i == len(each.run.tokens) - 1),
                )
                for each, start in zip(distinct, starts, strict=True)
                for i, token in enumerate(each.run.tokens)
            ]
            calls += [batch_of(rows[at : at + 512]) for at in range(0, len(rows), 512)]
    return calls


def time_forks(cache: Cache, length: int, times: int = 100) -> float:
    """Median microseconds of a fork of a sequence of this length."""
    root = cache.new()
    cache.decode([TokenRun(root, [1] * length, output=False)])
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        copy = cache.fork(root)
        taken.append(time.perf_counter() - start)
        cache.drop(copy)
    cache.drop(root)
    return statistics.median(taken) * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--policy")
    parser.add_argument("-n", "--particles", type=int, default=16)
    parser.add_argument("--reward")
    parser.add_argument("--against", metavar="REWARD")
    parser.add_argument("--max-steps", type=int, default=2)
    parser.add_argument("--max-step-tokens", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int)
    args = parser.parse_args()
    settings = Settings(
        policy=args.policy,
        particles=args.particles,
        reward=args.reward,
        max_steps=args.max_steps,
        max_step_tokens=args.max_step_tokens,
        threads=args.threads,
        temperature=0.8,
        programs=0.0,
        early_stop=False,
    )
    with contextlib.ExitStack() as stack:
        solver = stack.enter_context(Solver(settings))
        against = None
        if args.against:
            against = stack.enter_context(Solver(replace(settings, reward=args.against)))
            against.solve(PROBLEM, seed=1)
        cache = solver.policy.cache
        solver.solve(
            PROBLEM, seed=1
        )  # warms everything up, and the system prompt stays in the cache
        recorder = Recorder(cache)
        solver.solve(PROBLEM, seed=1)
        recorder.stop()
        sizes = [
            sum(len(each.run.tokens) for each in what[0])
            for kind, *what in recorder.log
            if kind == "decode"
        ]
        calls = prepare(cache, recorder.log)
        ratios, shares = [], []
        for turn in range(args.rounds):
            if against and turn % 2:  # in every other round it goes first: machines drift
                other = against.solve(PROBLEM, seed=1)
            solution = solver.solve(PROBLEM, seed=1)
            if against and not turn % 2:
                other = against.solve(PROBLEM, seed=1)
            start = time.perf_counter()
            for call in calls:
                call()
            llama.llama_synchronize(cache.handle)
            bare = time.perf_counter() - start
            ratios.append(bare / solution.seconds)
            print(
                f"solve {solution.seconds:.2f} s ({solution.tokens / solution.seconds:.1f} tokens/s "
                f"written), bare decode {bare:.2f} s, ratio {ratios[-1]:.3f}",
                flush=True,
            )
            if against:
                speeds = [each.tokens / each.seconds for each in (solution, other)]
                shares.append(speeds[0] / speeds[1])
                print(
                    f"reward {against.settings.reward}: solve {other.seconds:.2f} s "
                    f"({speeds[1]:.1f} tokens/s written), ratio {shares[-1]:.3f}",
                    flush=True,
                )
        print(
            f"{args.particles} particles, reward {solver.settings.reward}: {len(sizes)} decodes of "
            f"{np.mean(sizes):.1f} tokens on average, {sum(sizes)} in all; "
            f"median ratio {statistics.median(ratios):.3f}"
        )
        if not against:
            peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            size = cache.model.facts.file_bytes
            print(
                f"at most {peak / 1e6:.0f} MB of memory; the model's file has {size / 1e6:.0f} MB"
            )
        else:
            print(
                f"tokens a second against reward {against.settings.reward}: "
                f"median ratio {statistics.median(shares):.3f}"
            )
        for length in (100, 500, 1000, 2000):
            print(f"fork at {length} tokens: {time_forks(cache, length):.0f} us")


if __name__ == "__main__":
    main()
