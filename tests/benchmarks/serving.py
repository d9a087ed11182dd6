"""Which searches to serve first where a decode has no row for every draft: a simulation without a model.

    python tests/benchmarks/serving.py [--problems 48] [--seeds 5] [--machines cpu even gpu] [--times 1]

A search is what the solver makes of a problem: waves of particles, steps that end with their slowest
draft, and on a CPU an end after a wave, which half of the problems reach with the first one. Lengths are
drawn: steps of 25 tokens or so, programs of one long step, problems that take more steps than others. A
decode costs what its rows cost: on a CPU by the kernels' tiles, or evenly beyond the first; on a GPU next
to the same for any number. Prints for each rule, as ratios to the rule "oldest" and medians over the
seeds: the time of the whole file, the mean and the 95th percentile of the time from a problem's beginning
to its end, and the mean time until an answer is printed in the file's order; and the share of a full
decode's rows that were left empty. With --times so many times as many problems are side by side.
`pfsolve/solver/scheduler.py` goes by it.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from pfsolve.engine.policy import CPU_TILE, GPU_TILE, padding
from pfsolve.solver.planning import CPU_ROWS, GPU_ROWS, choose_parallel

# A decode of a tile of 16 rows takes three times as long as one of four (`pfsolve/engine/policy.py`).


def tiled(rows: int) -> float:
    """On a CPU, in decodes of four rows, as the kernels go: by tiles, then fours, then ones."""
    tiles, left_over = divmod(rows + padding(rows, CPU_TILE), CPU_TILE)
    fours, ones = divmod(left_over, 4)
    return 0.2 + 2.8 * tiles + 0.8 * fours + 0.35 * ones


def even(rows: int) -> float:
    """On a CPU where what is left over beyond a tile takes no longer a row than the tile does."""
    return float(np.interp(rows + padding(rows, CPU_TILE), [1, 4, 16, 32], [0.43, 1, 3, 5.8]))


def flat(rows: int) -> float:
    """On a GPU, in decodes of one row."""
    return 1.0 + rows / 64


@dataclass(frozen=True)
class Machine:
    cost: Callable[[int], float]  # of a decode, by its rows
    rows: int  # of a full decode
    tile: int
    at_once: bool  # whether there is one wave


MACHINES = {
    "cpu": Machine(tiled, CPU_ROWS, CPU_TILE, False),
    "even": Machine(even, CPU_ROWS, CPU_TILE, False),
    "gpu": Machine(flat, GPU_ROWS, GPU_TILE, True),
}


@dataclass
class Draft:
    left: int  # tokens to write
    written: int = 0


@dataclass
class Search:
    """A problem: its waves, of steps, of lengths of drafts, 0 for a particle that has ended."""

    waves: list[list[list[int]]]
    began: float = 0.0
    ended: float = 0.0
    drafts: list[Draft] = field(default_factory=list)
    served: int = 0  # rows it has had
    last: int = 0  # number of the decode that served it last

    def proceed(self) -> bool:
        """Begin the next step once this one is done; whether there is none."""
        self.drafts = [draft for draft in self.drafts if draft.left]
        while not self.drafts and self.waves:
            if self.waves[0]:
                self.drafts = [Draft(length) for length in self.waves[0].pop(0) if length]
            else:
                self.waves.pop(0)
        return not self.drafts

    def to_come(self) -> int:
        """Tokens it has still to write, which nobody knows."""
        later = sum(sum(step) for wave in self.waves for step in wave)
        return later + sum(draft.left for draft in self.drafts)


def sizes_of_waves(particles: int, programs: float, at_once: bool) -> list[list[int]]:
    """The numbers of texts and of programs in each wave, as `pfsolve/solver/lots.py` has them."""
    counts = [particles - round(programs * particles), round(programs * particles)]
    if at_once or particles == 1:
        return [counts]
    waves = [[min(1, n) for n in counts], [min(2, max(0, n - 1)) for n in counts]]
    waves.append([max(0, n - 3) for n in counts])
    return [wave for wave in waves if any(wave)]


def draw(rng: np.random.Generator, waves: Sequence[Sequence[int]]) -> Search:
    """A problem's search."""
    hardness = rng.lognormal(0, 0.5)
    begun = min(len(waves), int(rng.choice([1, 2, 3], p=[0.5, 0.2, 0.3])))

    def steps(texts: int, programs: int) -> list[list[int]]:
        lengths = []
        for _ in range(texts):
            number = max(1, rng.poisson(7 * hardness))
            lengths.append(np.clip(rng.lognormal(3.0, 0.7, number), 2, 160).astype(int).tolist())
        long = rng.lognormal(4.4, 0.5, programs) * hardness**0.5
        lengths += [[int(length)] for length in np.clip(long, 20, 400)]
        deepest = max(map(len, lengths))
        return [[own[i] if i < len(own) else 0 for own in lengths] for i in range(deepest)]

    return Search([steps(*wave) for wave in waves[: begun if len(waves) > 1 else 1]])


Rule = Callable[[Sequence[Search], Machine], list[Draft]]


def by(key: Callable[[Search], float]) -> Rule:
    """Searches in this order, each with all its drafts, the last with what rows are left."""
    return lambda running, machine: every(sorted(running, key=key))[: machine.rows]


def every(running: Iterable[Search]) -> list[Draft]:
    return [draft for search in running for draft in search.drafts]


def whole_tiles(running: Sequence[Search], machine: Machine) -> list[Draft]:
    """All of the oldest search's; others fill whole tiles, and what is left over beyond one waits."""
    drafts = every(running)
    wanted = min(len(drafts), machine.rows)
    if wanted > machine.tile:
        wanted -= wanted % machine.tile
    return drafts[: max(wanted, len(running[0].drafts))]


RULES: dict[str, Rule] = {
    "oldest": by(lambda search: search.began),
    "oldest, whole tiles": whole_tiles,
    "longest unserved": by(lambda search: search.last),
    "least served": by(lambda search: search.served),
    "most served": by(lambda search: -search.served),
    "fewest drafts": by(lambda search: len(search.drafts)),
    "shortest draft": lambda running, machine: sorted(every(running), key=lambda d: d.written)[
        : machine.rows
    ],
    "all": lambda running, machine: every(running),
    "least to come (not known)": by(Search.to_come),
    "most to come (not known)": by(lambda search: -search.to_come()),
}


@dataclass
class Result:
    total: float
    mean: float
    late: float  # the 95th percentile
    printed: float
    empty: float  # share of rows


def simulate(problems: list[Search], machine: Machine, rule: Rule, parallel: int) -> Result:
    waiting, running = list(problems), list[Search]()
    now, decodes, served, rows = 0.0, 0, 0, 0
    while waiting or running:
        while waiting and len(running) < parallel:
            running.append(waiting.pop(0))
            running[-1].began, running[-1].last = now, decodes
            running[-1].proceed()
        drafts = rule(running, machine)
        chosen = set(map(id, drafts))
        decodes += 1
        now += machine.cost(len(drafts))
        served += len(drafts)
        rows += max(machine.rows, len(drafts))
        for search in list(running):
            mine = [draft for draft in search.drafts if id(draft) in chosen]
            for draft in mine:
                draft.left -= 1
                draft.written += 1
            if mine:
                search.served += len(mine)
                search.last = decodes
            if search.proceed():
                search.ended = now
                running.remove(search)
    times = [search.ended - search.began for search in problems]
    printed = np.maximum.accumulate([search.ended for search in problems])
    return Result(
        now,
        float(np.mean(times)),
        float(np.quantile(times, 0.95)),
        float(np.mean(printed)),
        1 - served / rows,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--problems", type=int, default=48)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--machines", nargs="+", default=list(MACHINES), choices=MACHINES)
    parser.add_argument("--times", type=float, default=1.0)
    args = parser.parse_args()
    for name in args.machines:
        machine = MACHINES[name]
        for particles, programs in ((8, 0.5), (8, 0.0), (4, 0.0)):
            for at_once in {machine.at_once, True}:
                waves = sizes_of_waves(particles, programs, at_once)
                parallel = choose_parallel(
                    particles, max(map(sum, waves)), machine.rows, None, args.problems, 10**6
                )
                parallel = round(parallel * args.times)
                results: dict[str, list[Result]] = {}
                for seed in range(args.seeds):
                    for title, rule in RULES.items():
                        rng = np.random.default_rng(seed)
                        problems = [draw(rng, waves) for _ in range(args.problems)]
                        result = simulate(problems, machine, rule, parallel)
                        results.setdefault(title, []).append(result)
                print(
                    f"{name}: {particles} particles, {programs:.0%} of them programs, "
                    f"{len(waves)} waves at most, {parallel} problems side by side"
                )
                for title, found in results.items():
                    ratios = [
                        statistics.median(
                            getattr(each, what) / getattr(old, what)
                            for each, old in zip(found, results["oldest"], strict=True)
                        )
                        for what in ("total", "mean", "late", "printed")
                    ]
                    empty = statistics.median(each.empty for each in found)
                    print(
                        "  {:26} whole {:.3f}, mean {:.3f}, 95 % {:.3f}, printed {:.3f}, "
                        "empty {:.0%}".format(title, *ratios, empty),
                        flush=True,
                    )


if __name__ == "__main__":
    main()
