"""Whether a search can hurt: the searches themselves on simulated problems, with rewards of known quality.

    python tests/benchmarks/filters.py [--problems 2000] [-n 8] [--reward noise] [--method "pf weights=ratio"]

A solution has 4 to 8 steps. At each it may slip, with a chance that is the problem's and the step's, and
then comes to one of the problem's wrong answers, some of which are likelier than others. A copy keeps what
its original has done. A reward is 1 for "has not slipped" times a signal, plus noise that lasts from step to
step; the signal is such that it ranks the solutions of a problem as said below. No model takes part.

Each method is compared with a plain vote and with weighted best-of-n of as many steps, written alike. The
baselines are those of `pfsolve bench`, over all subsets of one solution more than there are particles.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from pfsolve.lab.bench.plan import make_plan
from pfsolve.lab.evaluation.votes import vote
from pfsolve.search.independent import independent_samples
from pfsolve.search.log_odds import Floats, log_sigmoid
from pfsolve.search.requests import Alike, Extend, FinalPopulation, Fork, Score, StepInfo
from pfsolve.search.selection import Voters, is_settled, select
from pfsolve.settings import Settings, merge
from pfsolve.solver.lots import Waves, search_of, waves_of

LONGEST, USUAL, ANSWERS = 8, 6, 12
LASTING = 0.7  # correlation of the noise of two steps in a row

# How well a reward ranks the solutions of a problem after step 1, 2, ... and later ones: the AUC of whether
# they will come out right; and the size of its log-odds, as their noise's standard deviation.
REWARDS: dict[str, tuple[tuple[float, ...], float]] = {
    "noise": ((0.5,), 1.0),
    "loud noise": ((0.5,), 2.0),
    "rising": ((0.52, 0.54, 0.56, 0.58, 0.6, 0.61), 1.0),
    "good": ((0.55, 0.59, 0.63, 0.67, 0.7, 0.72), 1.0),
    "loud good": ((0.55, 0.59, 0.63, 0.67, 0.7, 0.72), 2.0),
    "perfect": ((1.0,), 1.0),
}
METHODS = (
    "pf ess-threshold=1 softmax-temperature=1 final=weighted-vote early-stop=false",  # before
    "pf early-stop=false",
    "pf",
    "pf weights=ratio early-stop=false",
    "pf softmax-temperature=2 early-stop=false",
)


@dataclass(frozen=True, slots=True)
class SimulatedProblem:
    """What the solutions of one problem are drawn from."""

    slips: Floats  # (LONGEST,), chance of a slip at each step
    wrong: Floats  # (ANSWERS - 1,), cumulative chances of the wrong answers


def draw_problems(count: int, seed: int = 0) -> list[SimulatedProblem]:
    """Problems of which between a twentieth and nearly all of the solutions are right, half on average."""
    rng = np.random.default_rng(seed)
    problems = []
    for _ in range(count):
        hardness = 1 - (0.05 + 0.9 * rng.beta(1.6, 1.6)) ** (1 / USUAL)
        steps = rng.gamma(1.0, size=LONGEST)
        ranks = (1.0 + np.arange(ANSWERS)) ** -rng.uniform(0.3, 1.5)
        problems.append(
            SimulatedProblem(
                np.minimum(hardness * steps / steps[:USUAL].mean(), 0.95),
                np.cumsum(ranks / ranks.sum())[:-1],
            )
        )
    return problems


@dataclass(frozen=True, slots=True)
class SimulatedReward:
    """Log-odds of a prefix: scale * (signal where it has not slipped + noise)."""

    signal: Floats  # (LONGEST,), after each step
    scale: float
    noise: float = 1.0

    @classmethod
    def named(cls, name: str, slipped: Floats) -> SimulatedReward:
        """One of `REWARDS`.

        Args:
            slipped: (LONGEST,), the share of solutions that will come out wrong which have slipped.
        """
        aucs, scale = REWARDS[name]
        if name == "perfect":
            return cls(np.full(LONGEST, 6.0), scale, noise=0.1)
        wanted = np.array([*aucs, *[aucs[-1]] * (LONGEST - len(aucs))])
        told_apart = np.clip(0.5 + (wanted - 0.5) / slipped, 0.5, 0.9999)  # AUC of "has slipped"
        return cls(np.array([NormalDist().inv_cdf(p) * 2**0.5 for p in told_apart]), scale)


class Writing:
    """Answers a search's requests by n solutions of a problem; its draws do not depend on the reward.

    Attributes:
        answer_numbers: int (n,), 0 for the right one.
        steps: number of steps written.
        forks: number of times that particles were drawn anew.
        slipped: for each step which particles have slipped by then, bool (n,).
    """

    def __init__(
        self,
        problem: SimulatedProblem,
        reward: SimulatedReward,
        n: int,
        seed: Sequence[int],
        stops: Callable[[Writing, StepInfo], bool] = lambda *_: False,
    ) -> None:
        self._problem, self._reward, self._stops = problem, reward, stops
        self._rng = np.random.default_rng(seed)
        self.answer_numbers, self.taken, self.texts = np.zeros((3, n), dtype=np.intp)
        self.finished = np.zeros(n, dtype=np.bool_)
        self._noise = np.zeros(n)
        self.steps = self.forks = 0
        self.slipped: list[Any] = []

    def run(self, search: Generator[Any, Any, FinalPopulation]) -> FinalPopulation:
        answer: Any = None
        while True:
            try:
                answer = self._answer(search.send(answer))
            except StopIteration as end:
                population: FinalPopulation = end.value
                return population

    def _answer(self, request: object) -> Any:
        match request:
            case Extend(particles=slots):
                return self._extend(slots)
            case Score(particles=slots):
                signal = self._reward.signal[self.taken[slots] - 1]
                right = self.answer_numbers[slots] == 0
                noise = self._reward.noise * self._noise[slots]
                return self._reward.scale * (signal * right + noise)
            case Fork(ancestors=ancestors):
                self.forks += 1
                for name in ("answer_numbers", "taken", "texts", "finished", "_noise"):
                    setattr(self, name, getattr(self, name)[ancestors])
            case Alike():
                return self.texts.copy()
            case StepInfo():
                self.slipped.append(self.answer_numbers != 0)
                return self._stops(self, request)
        return None

    def _extend(self, slots: Any) -> Any:
        slip, which, last = self._rng.random((3, slots.size))
        fresh = self._rng.normal(size=slots.size)
        taken, right = self.taken[slots], self.answer_numbers[slots] == 0
        slips = right & (slip < self._problem.slips[taken])
        wrong = 1 + np.searchsorted(self._problem.wrong, which)
        self.answer_numbers[slots] = np.where(slips, wrong, self.answer_numbers[slots])
        before = LASTING * self._noise[slots] + np.sqrt(1 - LASTING**2) * fresh
        self._noise[slots] = np.where(taken == 0, fresh, before)
        self.taken[slots] = taken + 1
        self.texts[slots] = self.steps + 1 + np.arange(slots.size)  # no two are alike
        self.steps += slots.size
        self.finished[slots] = (taken + 1 >= 4) & (last < 0.4) | (taken + 1 == LONGEST)
        return self.finished[slots]

    def voters(self, log_odds: Floats, weights: Floats) -> Voters:
        numbers = np.where(self.finished, self.answer_numbers, -1).tolist()
        classes = [None if number < 0 else number for number in numbers]
        answers = [None if of is None else str((7 * of + 5) % 12) for of in classes]
        return Voters(answers, classes, log_odds, weights, alike=self.texts.tolist())


def solve(
    settings: Settings,
    waves: Waves,
    problem: SimulatedProblem,
    reward: SimulatedReward,
    seed: Sequence[int],
) -> tuple[bool, Writing]:
    """Whether a method's answer is right, and what it wrote.

    Args:
        waves: as `waves_of` has them for these settings.
    """
    how = settings.final or "vote"

    def stops(so_far: Writing, info: StepInfo) -> bool:
        seen = so_far.voters(info.log_odds, info.weights.normalised)
        return settings.stops_early and is_settled(how, seen, so_far.finished)

    writing = Writing(problem, reward, settings.particles, [*seed, 1], stops)
    end = writing.run(search_of(waves, settings, np.random.default_rng([*seed, 2])))
    choice = select(how, writing.voters(end.log_odds, end.weights.normalised))
    right = choice.chosen is not None and writing.answer_numbers[choice.chosen] == 0
    return bool(right), writing


def slipped_shares(problems: Sequence[SimulatedProblem]) -> Floats:
    """As `SimulatedReward.named` takes them."""
    silent, shares = SimulatedReward(np.zeros(LONGEST), 1.0), []
    for number, problem in enumerate(problems):
        writing = Writing(problem, silent, 8, [0, number])
        writing.run(independent_samples(8, scored=True))
        history = [*writing.slipped, *[writing.slipped[-1]] * (LONGEST - len(writing.slipped))]
        if 0 < writing.slipped[-1].sum() < 8:
            shares.append(np.array(history)[:, writing.slipped[-1]].mean(axis=1))
    return np.asarray(np.mean(shares, axis=0))


def rows(
    reward: SimulatedReward, problems: Sequence[SimulatedProblem], methods: Sequence[str], n: int
) -> Iterator[str]:
    """Lines of a Markdown table."""
    votes, steps = np.zeros((2, len(problems), n + 1)), 0
    for number, problem in enumerate(problems):
        writing = Writing(problem, reward, n + 1, [0, number])
        end = writing.run(independent_samples(n + 1, scored=True))
        votes[0, number] = vote(np.zeros(n + 1), writing.answer_numbers)
        votes[1, number] = vote(log_sigmoid(end.log_odds), writing.answer_numbers)
        steps += writing.steps
    usual = steps / len(problems) / (n + 1)
    yield f"| vote | {n} | {100 * votes[0, :, n - 1].mean():.1f} | | | |"
    yield f"| wbon | {n} | {100 * votes[1, :, n - 1].mean():.1f} | | | |"
    for method in make_plan(methods, [n], None, [0]).methods:
        settings = merge({"programs": 0.0}, method.layer, {"particles": n, "reward": "probe"})
        waves = waves_of(settings, at_once=False)
        ends = [solve(settings, waves, of, reward, [1, i]) for i, of in enumerate(problems)]
        right = np.array([is_right for is_right, _ in ends], dtype=np.float64)
        written = np.mean([writing.steps for _, writing in ends]) / usual
        gains = [right - _between(of, written) for of in votes]
        over = [f"{100 * g.mean():+.1f} ({_error(g):.1f})" for g in gains]
        forks = np.mean([writing.forks for _, writing in ends])
        yield (
            f"| {method.label} | {written:.1f} | {100 * right.mean():.1f} | {over[0]} | {over[1]} | "
            f"{forks:.1f} |"
        )


def _between(of: Floats, n: float) -> Floats:
    """Accuracies (P,) with a number of solutions that need not be whole, from (P, M) with 1 to M."""
    n = min(max(n, 1.0), of.shape[1])
    low = min(int(n), of.shape[1] - 1)
    mixed: Floats = of[:, low - 1] + (n - low) * (of[:, low] - of[:, low - 1])
    return mixed


def _error(values: Floats) -> float:
    """Half of the 95 % interval of a mean, in points."""
    return float(196 * values.std() / np.sqrt(values.size))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--problems", type=int, default=2000)
    parser.add_argument("-n", "--particles", type=int, default=8)
    parser.add_argument("--reward", action="append", choices=REWARDS)
    parser.add_argument("--method", action="append")
    args = parser.parse_args()
    problems = draw_problems(args.problems)
    slipped = slipped_shares(problems)
    for name in args.reward or REWARDS:
        print(f"\n{name}: AUC {REWARDS[name][0]}, size {REWARDS[name][1]:g}\n")
        print("| method | solutions' steps | right % | over vote | over wbon | resampled |")
        print("|---|---|---|---|---|---|")
        reward = SimulatedReward.named(name, slipped)
        for row in rows(reward, problems, args.method or METHODS, args.particles):
            print(row, flush=True)


if __name__ == "__main__":
    main()
