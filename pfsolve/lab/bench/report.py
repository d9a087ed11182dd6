"""What a comparison has found: accuracy of every method at every size, alone and against a baseline.

A problem counts once, however many seeds it was run with: its accuracy is the mean over them, and
intervals come from drawing whole problems (`pfsolve.lab.evaluation.intervals`). The baseline is given
the same problems and as many tokens, or as many particles.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pfsolve.errors import UsageError
from pfsolve.lab.bench.plan import FROM_ROLLOUTS, ROLLOUTS, BenchPlan, BenchRun
from pfsolve.lab.evaluation.curves import CHOICES
from pfsolve.lab.evaluation.intervals import Interval, draws, interval
from pfsolve.particle import Kind
from pfsolve.results.line import ResultLine
from pfsolve.results.summary import summarise, wilson
from pfsolve.search.log_odds import Floats


@dataclass(frozen=True, slots=True)
class Difference:
    """A method's accuracy less the baseline's."""

    n: float  # of the baseline's rollouts, a fraction where the tokens fall between two numbers
    gain: float
    interval: Interval | None  # 95 %
    beyond: bool  # there were not that many rollouts: the baseline has fewer tokens


@dataclass(frozen=True, slots=True)
class OfKind:
    """What all particles of one kind came to. A share is a mean over the problems that have such."""

    kind: str  # "text" or "program"
    particles: float  # number of them on one problem
    answered: float  # share of them with an answer
    right: float  # share of them with the right one


@dataclass(frozen=True, slots=True)
class Line:
    """A method at one size. Shares are of the problems, tokens and seconds of one problem."""

    method: str
    n: int  # particles that a search may use, or rollouts
    problems: int
    seeds: int
    accuracy: float
    interval: Interval | None  # 95 %, of the accuracy
    vote: float  # accuracy of the plain vote of its particles
    oracle: float  # share with any particle right
    tokens: float  # written
    reward_tokens: float  # read to score them
    # Of the run's wall time; None for what follows from rollouts that were drawn for another size,
    # or scored for another method.
    seconds: float | None
    tokens_per_second: float | None  # written, of that time
    equal_tokens: Difference | None = None  # None for the baseline itself
    equal_n: Difference | None = None
    kinds: tuple[OfKind, ...] = ()  # of a search's final particles
    sandbox_seconds: float = 0.0  # of the programs' runs, added up


@dataclass(frozen=True, slots=True)
class Comparison:
    """All methods, in the order of the plan."""

    lines: tuple[Line, ...]
    baseline: str | None  # the method that all are measured against; None without rollouts
    settings: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


Results = Mapping[str, ResultLine]  # of one run, by problem


@dataclass(frozen=True, slots=True)
class _Measured:
    """A method at one size on P problems, means over the seeds."""

    method: str
    n: int
    seeds: int
    right: Floats  # (P,) probability that its answer is right
    vote: Floats  # (P,) the same of the plain vote
    oracle: Floats  # (P,) of any particle
    tokens: float  # written of one problem
    reward_tokens: float
    seconds: float | None  # of one problem
    kinds: tuple[OfKind, ...] = ()
    sandbox_seconds: float = 0.0  # of one problem


def compare(
    plan: BenchPlan,
    runs: Sequence[BenchRun],
    hashes: Sequence[str],
    problem_ids: Sequence[str],
    records: Sequence[ResultLine],
    settings: Mapping[str, Any],
) -> Comparison:
    """Measure finished runs.

    Args:
        hashes: the settings' hash of each run.
        problem_ids: each of which every run has finished.
        records: lines of the results file, other runs' and other problems' among them.
        settings: for the report.
    """
    found: dict[str, dict[str, ResultLine]] = {}
    wanted = frozenset(problem_ids)
    for record in records:
        if record["id"] in wanted:
            found.setdefault(record.get("settings_hash", ""), {}).setdefault(record["id"], record)
    by_size: dict[tuple[str, int], list[Results]] = {}  # of each seed
    for run, settings_hash in zip(runs, hashes, strict=True):
        by_size.setdefault((run.label, run.particles), []).append(found.get(settings_hash, {}))

    measured = [
        _searched(label, n, by_size[label, n], problem_ids)
        for method in plan.methods
        for label, n in by_size
        if label == method.label
    ]
    rollouts = None
    if plan.derived:
        rollouts = _rollouts(by_size[ROLLOUTS, plan.rollouts], problem_ids, plan.rollouts)
        powers = [1 << k for k in range(rollouts.most.bit_length())]
        sizes = sorted({n for n in (*powers, *plan.sizes, rollouts.most) if n <= rollouts.most})
        measured += [rollouts.measured(name, n) for name in plan.derived for n in sizes]
    lines = tuple(_line(of, rollouts, plan.baseline) for of in measured)
    return Comparison(lines, plan.baseline, dict(settings))


def _line(of: _Measured, rollouts: _Rollouts | None, baseline: str | None) -> Line:
    problems = len(of.right)
    weights = draws(problems)

    def spread(values: Floats) -> Interval | None:
        return interval(lambda w: float(np.average(values, weights=w)), weights)

    def against(n: float) -> Difference | None:
        if rollouts is None or baseline is None or of.method == baseline:
            return None
        gain = of.right - rollouts.accuracy(baseline, n)
        return Difference(n, float(np.mean(gain)), spread(gain), n > rollouts.most + 1e-9)

    whole = bool(np.all((of.right == 0) | (of.right == 1)))  # one seed, and no expectation
    return Line(
        method=of.method,
        n=of.n,
        problems=problems,
        seeds=of.seeds,
        accuracy=float(np.mean(of.right)),
        interval=wilson(int(of.right.sum()), problems) if whole else spread(of.right),
        vote=float(np.mean(of.vote)),
        oracle=float(np.mean(of.oracle)),
        tokens=of.tokens,
        reward_tokens=of.reward_tokens,
        seconds=of.seconds,
        tokens_per_second=of.tokens / of.seconds if of.seconds else None,
        equal_tokens=against(of.tokens / rollouts.tokens) if rollouts and rollouts.tokens else None,
        equal_n=against(of.n),
        kinds=of.kinds,
        sandbox_seconds=of.sandbox_seconds,
    )


def _searched(
    method: str, n: int, seeds: Sequence[Results], problem_ids: Sequence[str]
) -> _Measured:
    """A problem without a result, or without any particle alive, is wrong."""

    def mean(value: Callable[[ResultLine], float]) -> Floats:
        of_seeds = ([value(of[name]) for of in seeds if name in of] for name in problem_ids)
        return np.array([np.mean(values) for values in of_seeds])

    return _Measured(
        method=method,
        n=n,
        seeds=len(seeds),
        right=mean(lambda line: bool(line.get("correct"))),
        vote=mean(_vote),
        oracle=mean(lambda line: 0 in _classes(line)),
        tokens=float(np.mean(mean(lambda line: line.get("tokens", 0)))),
        reward_tokens=float(np.mean(mean(lambda line: line.get("reward_tokens", 0)))),
        seconds=_seconds(seeds, len(problem_ids)),
        kinds=tuple(_kinds([[of[name] for of in seeds if name in of] for name in problem_ids])),
        sandbox_seconds=float(np.mean(mean(_sandbox_seconds))),
    )


def _sandbox_seconds(line: ResultLine) -> float:
    return line["timings"].get("sandbox_seconds", 0.0) if "timings" in line else 0.0


def _kinds(problems: Sequence[Sequence[ResultLine]]) -> Iterator[OfKind]:
    """What there is to say of each kind, from each problem's lines."""
    for kind in Kind:
        classes = [[_classes(line, kind) for line in lines] for lines in problems]
        pools = [pool for of in classes if (pool := np.concatenate(of)).size]
        if pools:
            yield OfKind(
                kind=str(kind),
                particles=float(np.mean([np.mean([pool.size for pool in of]) for of in classes])),
                answered=float(np.mean([np.mean(pool >= 0) for pool in pools])),
                right=float(np.mean([np.mean(pool == 0) for pool in pools])),
            )


def _seconds(seeds: Sequence[Results], problems: int) -> float:
    """Wall time of one problem, the mean over the seeds."""
    return sum(s.seconds for of in seeds for s in summarise(of.values())) / len(seeds) / problems


def _classes(line: ResultLine, kind: Kind | None = None) -> NDArray[np.intp]:
    """The classes of the answers of all particles, or of one kind; none where there is no solution."""
    if "pool" not in line:
        return np.array([], np.intp)
    classes = line["pool"]["classes"]
    kinds = line["pool"].get("kinds", [Kind.TEXT] * len(classes))
    found = [of for of, its in zip(classes, kinds, strict=True) if kind in (None, its)]
    return np.array(found, np.intp)


def _vote(line: ResultLine) -> float:
    """Whether the class most particles are in is the right one; a tie is shared."""
    classes = _classes(line)
    counts = np.bincount(classes[classes >= 0], minlength=1)
    most = counts == counts.max()
    return float(most[0] / most.sum()) if counts.any() else 0.0


@dataclass(frozen=True, slots=True)
class _Rollouts:
    """What follows from M rollouts of each of P problems."""

    accuracies: Mapping[str, Floats]  # (P, M) with 1 to M rollouts, by way of choosing
    tokens: float  # of one rollout
    reward_tokens: float  # of one rollout
    seeds: int  # in which they were drawn
    of_a_seed: int  # drawn with each
    seconds: float  # it took to draw these of one problem

    @property
    def most(self) -> int:
        return len(self.accuracies["oracle"][0])

    def accuracy(self, name: str, n: float) -> Floats:
        """Accuracy (P,) with `n` rollouts, which may be between two whole numbers; at most with all."""
        values = self.accuracies[FROM_ROLLOUTS.get(name, name)]
        n = min(max(n, 1.0), float(self.most))
        low = int(n)
        high = min(low + 1, self.most)
        mixed: Floats = values[:, low - 1] + (n - low) * (values[:, high - 1] - values[:, low - 1])
        return mixed

    def measured(self, method: str, n: int) -> _Measured:
        vote = method == "sc"  # which needs no score
        timed = n == self.of_a_seed and not (vote and self.reward_tokens)
        return _Measured(
            method=method,
            n=n,
            seeds=self.seeds,
            right=self.accuracy(method, n),
            vote=self.accuracy("sc", n),
            oracle=self.accuracy("oracle", n),
            tokens=n * self.tokens,
            reward_tokens=0.0 if vote else n * self.reward_tokens,
            seconds=self.seconds if timed else None,
        )


def _rollouts(seeds: Sequence[Results], problem_ids: Sequence[str], of_a_seed: int) -> _Rollouts:
    """Rollouts of all seeds are one set; every problem is measured with the same number of them."""
    pools = [_pool([of[name] for of in seeds if name in of]) for name in problem_ids]
    most = min((len(pool.classes) for pool in pools if len(pool.classes)), default=0)
    if not most:
        raise UsageError("no problem has rollouts", "the results file is of another plan")

    none = np.zeros(most)  # where every rollout failed

    def accuracies(method: Callable[[Floats, NDArray[np.intp]], Floats]) -> Floats:
        return np.array(
            [method(p.log_odds, p.classes)[:most] if len(p.classes) else none for p in pools]
        )

    read = sum(line.get("reward_tokens", 0) for of in seeds for line in of.values())
    return _Rollouts(
        accuracies={name: accuracies(choice) for name, choice in CHOICES.items()},
        tokens=float(np.mean([np.mean(pool.tokens) if pool.tokens else 0.0 for pool in pools])),
        reward_tokens=read / sum(len(pool.classes) for pool in pools),
        seeds=len(seeds),
        of_a_seed=of_a_seed,
        seconds=_seconds(seeds, len(problem_ids)),
    )


@dataclass(frozen=True, slots=True)
class _Pool:
    """All M rollouts of a problem; none where every seed failed."""

    classes: NDArray[np.intp]  # (M,) as in `pfsolve.lab.evaluation.votes`
    log_odds: Floats  # (M,)
    tokens: list[int]  # (M,)


def _pool(lines: Sequence[ResultLine]) -> _Pool:
    pools = [line["pool"] for line in lines if "pool" in line]
    log_odds = [-np.inf if x is None else x for pool in pools for x in pool["log_odds"]]
    return _Pool(
        np.array([of for pool in pools for of in pool["classes"]], np.intp),
        np.array(log_odds, float),
        [tokens for pool in pools for tokens in pool["tokens"]],
    )
