"""What a token costs by the number of rows: llama_decode, sampling, and the rest of the engine.

    python tests/benchmarks/engine.py [--policy NAME] [--rows 1,8,16,32] [--reward none] [--own 0] ...

Each row is a particle that the policy writes, four to a prompt of 100 tokens; no two of them are alike,
and no row is padding. With --own each holds so many tokens of its own already, alternating with the
others' in the cache. The sizes take turns of some tokens. Prints the median milliseconds of llama_decode, of
draws with the uncertainties that the reward asks for, and of all else between two tokens; and by how much
these two exceed llama_decode alone, in %: over all turns and from the least to the most of a turn.
`pfsolve/engine/policy.py` and `pfsolve/solver/planning.py` go by what it prints.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import llama_cpp as llama
import numpy as np

from pfsolve.engine.policy import Branch, Policy, StepDraft
from pfsolve.engine.runs import TokenRun
from pfsolve.particle import Particle
from pfsolve.settings import Settings
from pfsolve.solver.solver import Solver

PROMPT, SIBLINGS = 100, 4


class Clock:
    """Adds up the seconds that functions take."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            start = time.perf_counter()
            result = function(*args)
            self.seconds += time.perf_counter() - start
            return result

        return call


def branches(policy: Policy, count: int, own: int) -> list[Branch]:
    """Places in the cache, each with tokens of its own behind its prompt."""
    found: list[Branch] = []
    for k in range(-(-count // SIBLINGS)):
        first = policy.open([100 + (37 * k + i) % 5000 for i in range(PROMPT)])
        found += [first, *(policy.fork(first) for _ in range(SIBLINGS - 1))]
    for i in range(max(own, 1)):
        runs = [TokenRun(b.sequence, [100 + (i + k) % 5000]) for k, b in enumerate(found)]
        for branch, row in zip(found, policy.cache.decode(runs).logits, strict=True):
            branch.logits = row.copy()
    return found[:count]


def begun(policy: Policy, branch: Branch, seed: int, traced: bool) -> StepDraft:
    """The next step of a branch. Its first token is dictated: the model might want to end."""
    rng = np.random.default_rng(seed)
    draft = StepDraft(Particle(), branch, 0, rng, traced, forced=[100 + seed % 5000])
    policy.begin(draft)
    return draft


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--policy")
    parser.add_argument("--reward", default="none")
    parser.add_argument("--rows", default="1,8,16,32")
    parser.add_argument("--tokens", type=int, default=8, help="of a turn")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--own", type=int, default=0)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--kv-type", default="f16")
    args = parser.parse_args()
    sizes = [int(size) for size in args.rows.split(",")]
    settings = Settings(
        policy=args.policy,
        reward=args.reward,
        particles=-(-max(sizes) // SIBLINGS) * SIBLINGS,
        context=1024,
        threads=args.threads,
        kv_type=args.kv_type,
    )
    with Solver(settings) as solver:
        policy, traced = solver.policy, solver.reward.wants_trace
        policy.tile = 1
        places = branches(policy, max(sizes), args.own)
        decoding, drawing = Clock(), Clock()

        def decode(*batch: Any, plain: Callable[..., int] = llama.llama_decode) -> int:
            status = plain(*batch)
            llama.llama_synchronize(policy.cache.handle)  # a GPU returns before it is done
            return status

        llama.llama_decode = decoding.timed(decode)
        policy.sampler.draw = drawing.timed(policy.sampler.draw)  # type: ignore[method-assign]
        policy.sampler.uncertainty = drawing.timed(policy.sampler.uncertainty)  # type: ignore[method-assign]

        parts: dict[int, list[tuple[float, float, float]]] = {size: [] for size in sizes}
        shares: dict[int, list[float]] = {size: [] for size in sizes}
        for turn in range(args.turns):
            for size in sizes:
                seeds = iter(range(1000 * turn, 1000 * (turn + 1)))
                drafts = [begun(policy, b, next(seeds), traced) for b in places[:size]]
                lengths = [policy.cache.length(branch.sequence) for branch in places]
                taken = []
                for _ in range(args.tokens):
                    decoding.seconds = drawing.seconds = 0.0
                    start = time.perf_counter()
                    policy.advance(drafts)
                    whole = time.perf_counter() - start
                    rest = whole - decoding.seconds - drawing.seconds
                    taken.append((decoding.seconds, drawing.seconds, rest))
                    drafts = [
                        begun(policy, d.branch, next(seeds), traced) if d.done else d
                        for d in drafts
                    ]
                for branch, length in zip(places, lengths, strict=True):
                    policy.cache.rewind(branch.sequence, length)
                decoded, drawn, rest = (sum(part) for part in zip(*taken, strict=True))
                shares[size].append(100 * (drawn + rest) / decoded)
                parts[size] += taken

        for size in sizes:
            decoded, drawn, rest = (
                1e3 * statistics.median(part) for part in zip(*parts[size], strict=True)
            )
            least, most = min(shares[size]), max(shares[size])
            print(
                f"{size:3} rows: llama_decode {decoded:7.2f} ms ({1e3 * size / decoded:6.1f} rows/s), "
                f"sampling {drawn:6.2f} ms, rest {rest:6.2f} ms; over llama_decode "
                f"{100 * (drawn + rest) / decoded:5.1f} % ({least:.1f} to {most:.1f})"
            )


if __name__ == "__main__":
    main()
