"""What a comparison has found: accuracy of every method at every size, and against a baseline that was
given as many tokens.

A problem counts once, however many seeds it was run with: its accuracy is the mean over them, and
intervals come from drawing whole problems (`pfsolve.lab.evaluation.intervals`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pfsolve.errors import UsageError
from pfsolve.lab.bench.plan import FROM_ROLLOUTS, ROLLOUTS, BenchRun, Plan
from pfsolve.lab.evaluation.curves import METHODS
from pfsolve.lab.evaluation.intervals import Interval, draws, interval
from pfsolve.lab.evaluation.metrics import Floats
from pfsolve.results.line import ResultLine
from pfsolve.results.summary import summarise, wilson


@dataclass(frozen=True, slots=True)
class Difference:
    """Accuracy less the baseline's, on the same problems with as many tokens, or with as many particles.

    n: of the baseline's rollouts, a fraction between two whole numbers if tokens fall there. beyond:
    there were not that many rollouts, so the baseline has fewer tokens.
    """

    n: float
    gain: float
    interval: Interval | None
    beyond: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A method at one size.

    accuracy, vote, oracle: shares of the problems, as the method chooses, by plain vote of its
    particles, and where any particle is right. tokens, reward_tokens: a problem. seconds: a problem,
    of the run's wall time; None for what follows from rollouts that were drawn for another size, or
    scored for another method. tokens_per_second: written, of that time. equal_tokens, equal_n: None
    for the baseline itself.
    """

    method: str
    n: int
    problems: int
    seeds: int
    accuracy: float
    interval: Interval | None
    vote: float
    oracle: float
    tokens: float
    reward_tokens: float
    seconds: float | None
    tokens_per_second: float | None
    equal_tokens: Difference | None = None
    equal_n: Difference | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """baseline: the method all are measured against, None without rollouts."""

    lines: tuple[Line, ...]
    baseline: str | None
    settings: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


@dataclass(frozen=True, slots=True)
class _Measured:
    """By problem (P,): means over the seeds. `seconds`: of a problem, None if unknown."""

    right: Floats
    vote: Floats
    oracle: Floats
    tokens: Floats
    reward_tokens: Floats
    seconds: float | None


def compare(
    plan: Plan,
    runs: Sequence[BenchRun],
    hashes: Sequence[str],
    ids: Sequence[str],
    records: Sequence[ResultLine],
    settings: Mapping[str, Any],
) -> Comparison:
    """Measure finished runs.

    Args:
        hashes: the settings' hash of each run.
        ids: of the problems, each of which every run has finished.
        records: lines of the results file, other runs' and other problems' among them.
        settings: for the report.
    """
    found: dict[str, dict[str, ResultLine]] = {}
    wanted = frozenset(ids)
    for record in records:
        if record["id"] in wanted:
            found.setdefault(str(record.get("settings_hash")), {}).setdefault(record["id"], record)
    by_run = {
        (run.label, run.particles, run.seed): found.get(hash, {})
        for run, hash in zip(runs, hashes, strict=True)
    }
    lines: list[tuple[str, int, int, _Measured]] = []
    for method in plan.methods:
        for n in dict.fromkeys(r.particles for r in runs if r.label == method.label):
            seeds = [by_run[key] for key in by_run if key[:2] == (method.label, n)]
            lines.append((method.label, n, len(seeds), _searched(seeds, ids)))
    rollouts = [by_run[key] for key in by_run if key[0] == ROLLOUTS]
    curves = _curves(rollouts, ids, plan.rollouts) if plan.derived else None
    if curves is not None:
        for name in plan.derived:
            sizes = _sizes(plan, curves.most)
            lines += [(name, n, len(rollouts), curves.at(name, n)) for n in sizes]
    return Comparison(
        tuple(_line(*of, curves=curves, baseline=plan.baseline) for of in lines),
        plan.baseline,
        dict(settings),
    )


def _sizes(plan: Plan, most: int) -> list[int]:
    """Sizes to show of what follows from rollouts."""
    powers = [1 << k for k in range(most.bit_length())]
    return sorted({n for n in (*powers, *plan.sizes, most) if n <= most})


def _line(
    method: str,
    n: int,
    seeds: int,
    of: _Measured,
    *,
    curves: _Curves | None,
    baseline: str | None,
) -> Line:
    problems = len(of.right)
    weights = draws(problems)

    def spread(values: Floats) -> Interval | None:
        return interval(lambda w: float(np.average(values, weights=w)), weights)

    def against(size: float) -> Difference | None:
        if curves is None or baseline is None or method == baseline:
            return None
        gain = of.right - curves.accuracy(baseline, min(size, curves.most))
        beyond = size > curves.most + 1e-9
        return Difference(size, float(np.mean(gain)), spread(gain), beyond)

    whole = bool(np.all((of.right == 0) | (of.right == 1)))  # one seed, and no expectation
    tokens = float(np.mean(of.tokens))
    return Line(
        method=method,
        n=n,
        problems=problems,
        seeds=seeds,
        accuracy=float(np.mean(of.right)),
        interval=wilson(int(of.right.sum()), problems) if whole else spread(of.right),
        vote=float(np.mean(of.vote)),
        oracle=float(np.mean(of.oracle)),
        tokens=tokens,
        reward_tokens=float(np.mean(of.reward_tokens)),
        seconds=of.seconds,
        tokens_per_second=tokens / of.seconds if of.seconds else None,
        equal_tokens=against(tokens / curves.tokens) if curves and curves.tokens else None,
        equal_n=against(n),
    )


def _searched(seeds: Sequence[Mapping[str, ResultLine]], ids: Sequence[str]) -> _Measured:
    """A problem without a result, or without any particle alive, is wrong."""

    def mean(value: Any) -> Floats:
        return np.array(
            [np.mean([value(of_seed[id]) for of_seed in seeds if id in of_seed]) for id in ids]
        )

    return _Measured(
        right=mean(lambda r: bool(r.get("correct"))),
        vote=mean(_vote),
        oracle=mean(lambda r: 0 in _classes(r)),
        tokens=mean(lambda r: r.get("tokens") or 0),
        reward_tokens=mean(lambda r: r.get("reward_tokens") or 0),
        seconds=_seconds(seeds) / len(ids),
    )


def _seconds(seeds: Sequence[Mapping[str, ResultLine]]) -> float:
    """Wall time of a run over all problems, the mean over the seeds."""
    return sum(s.seconds for of in seeds for s in summarise(of.values())) / len(seeds)


def _classes(record: ResultLine) -> NDArray[np.intp]:
    """The classes of the particles' answers (n,)."""
    pool = record.get("pool")
    return np.array(pool["classes"] if pool else [], np.intp)


def _vote(record: ResultLine) -> float:
    """Whether the class most particles are in is the right one; a tie is shared."""
    classes = _classes(record)
    classes = classes[classes >= 0]
    if not classes.size:
        return 0.0
    counts = np.bincount(classes)
    return float(counts[0] == counts.max()) / int((counts == counts.max()).sum())


@dataclass(frozen=True, slots=True)
class _Curves:
    """accuracies: by name (P, M). tokens, reward_tokens: of one rollout, the mean over all. most: M.
    by_problem: (P,) tokens of one rollout. seconds: it took to draw `drawn` of a problem."""

    accuracies: Mapping[str, Floats]
    tokens: float
    reward_tokens: float
    by_problem: Floats
    most: int
    drawn: int
    seconds: float

    def accuracy(self, name: str, n: float) -> Floats:
        """(P,) at a number of rollouts from 1 to M that need not be whole."""
        values = self.accuracies[FROM_ROLLOUTS.get(name, name)]
        n = min(max(n, 1.0), float(self.most))
        low = int(n)
        high = min(low + 1, self.most)
        mixed: Floats = values[:, low - 1] + (n - low) * (values[:, high - 1] - values[:, low - 1])
        return mixed

    def at(self, name: str, n: int) -> _Measured:
        reward_tokens = n * self.reward_tokens if name != "sc" else 0.0
        timed = n == self.drawn and (name != "sc" or not self.reward_tokens)
        return _Measured(
            self.accuracy(name, n),
            self.accuracy("sc", n),
            self.accuracy("oracle", n),
            n * self.by_problem,
            np.full(len(self.by_problem), reward_tokens),
            self.seconds if timed else None,
        )


def _curves(
    seeds: Sequence[Mapping[str, ResultLine]], ids: Sequence[str], of_a_seed: int
) -> _Curves:
    """Rollouts of all seeds, `of_a_seed` each, are one set; every problem is judged with as many."""
    pools = [_joined([of[id].get("pool") for of in seeds if id in of]) for id in ids]
    most = min((len(pool.classes) for pool in pools if len(pool.classes)), default=0)
    if not most:
        raise UsageError("no problem has rollouts", "the results file is of another plan")
    none = np.zeros(most)
    accuracies = {
        name: np.array(
            [
                method(pool.log_odds, pool.classes)[:most] if len(pool.classes) else none
                for pool in pools
            ]
        )
        for name, method in METHODS.items()
    }
    by_problem = np.array([pool.tokens.mean() if pool.tokens.size else 0.0 for pool in pools])
    read = sum(record.get("reward_tokens") or 0 for of in seeds for record in of.values())
    return _Curves(
        accuracies,
        float(np.mean(by_problem)),
        read / sum(len(pool.classes) for pool in pools),
        by_problem,
        most,
        of_a_seed,
        _seconds(seeds) / len(ids),
    )


@dataclass(frozen=True, slots=True)
class _Pool:
    """All rollouts of a problem, (M,) each."""

    classes: NDArray[np.intp]
    log_odds: Floats
    tokens: Floats


def _joined(pools: Sequence[Mapping[str, Any] | None]) -> _Pool:
    """Of several seeds; a problem without an answer has none."""

    def all_of(name: str) -> list[Any]:
        return [value for pool in pools if pool for value in pool[name]]

    scores = [-np.inf if score is None else score for score in all_of("log_odds")]
    return _Pool(
        np.array(all_of("classes"), np.intp),
        np.array(scores, float),
        np.array(all_of("tokens"), float),
    )
