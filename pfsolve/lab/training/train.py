"""Chooses, fits and calibrates a probe's head, and says how good it is on problems it has not seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

import numpy as np

from pfsolve.errors import UsageError
from pfsolve.events import Listener, ignore
from pfsolve.events.work import Fitting
from pfsolve.lab.evaluation.intervals import Interval, draws, interval
from pfsolve.lab.training.fit import (
    COMPONENTS,
    FOLDS,
    RIDGES,
    HeadChoice,
    calibration,
    fit,
    held_out,
)
from pfsolve.lab.training.material import Item
from pfsolve.lab.training.sets import BASELINES, LAST, Prefixes, prefixes_of
from pfsolve.particle import Kind
from pfsolve.rewards.probe.features import FINAL
from pfsolve.rewards.probe.head import ProbeHead
from pfsolve.search.log_odds import Floats

REPORTED = (1, 2, 3, 4, 5, 6, LAST)  # numbers of steps


@dataclass(frozen=True, slots=True)
class StepAuc:
    """How well solutions are told apart after a number of steps, among those of one problem.

    An AUC is the probability that one that comes out right scores higher than one that comes out wrong,
    ties counting half; mean over the problems.
    """

    step: int | None  # number of steps; None at the end
    problems: int  # number of problems with both
    auc: float  # of heads that have not seen the problem
    interval: Interval | None  # 95 %, drawing problems
    baselines: dict[str, float]  # AUC of each of `BASELINES`


@dataclass(frozen=True, slots=True)
class KindReport:
    """How the score of one kind of solutions was made, and how good such scores are."""

    depths: tuple[float, ...]  # of the states it looks at, as shares of the model's
    components: int  # number of their principal components
    ridge: float  # penalty
    slope: float  # by which the scores of unseen problems had to be multiplied
    problems: (
        int  # number of problems that taught: with solutions that come out right, and wrong ones
    )
    solutions: int  # number of their solutions at the end
    steps: tuple[StepAuc, ...]


@dataclass(frozen=True, slots=True)
class Trained:
    """A head, and what was measured of it on problems that heads like it had not seen."""

    head: ProbeHead
    reports: dict[Kind, KindReport]

    @property
    def calibrated(self) -> bool:
        """Whether the differences of log-odds within a problem can be trusted at the end of a solution.

        They are on that scale by the fit; here it is whether the scores are better than none, of each kind.
        """
        spans = [report.steps[-1].interval for report in self.reports.values()]
        return all(span is not None and span[0] > 0.5 for span in spans)

    def to_json(self) -> dict[str, Any]:
        """All but the head, as plain JSON values."""
        return {
            "calibrated_within_problems": self.calibrated,
            "measured": {kind: asdict(report) for kind, report in self.reports.items()},
        }


def train(items: Sequence[Item], *, seed: int, listen: Listener = ignore) -> Trained:
    """Fit a head to these items, all of one policy and with the same states.

    Only problems of which some solutions of a kind come out right and some wrong teach how to score it.
    A kind with too few of them is not scored.

    Args:
        seed: of folds and starting points.
        listen: hears the number of heads that are fitted.

    Raises:
        UsageError: there are too few such problems of either kind.
    """
    found = {kind: prefixes_of(items, kind) for kind in Kind}
    mixed = {kind: np.unique(of.set_problem).size for kind, of in found.items()}
    taught = {kind: of for kind, of in found.items() if mixed[kind] >= 2 * FOLDS}
    if not taught:
        raise UsageError(
            f"of {len(items)} problems {max(mixed.values(), default=0)} have right and wrong solutions, "
            f"and a probe needs {2 * FOLDS} of them",
            "give it more, neither too easy for the policy nor too hard",
        )
    depths = (*items[0].origin.depths, FINAL)
    fitted = {kind: _train(prefixes, depths, seed, listen) for kind, prefixes in taught.items()}
    reports = {kind: report for kind, (_, _, report) in fitted.items()}
    used = [depth for depth in depths if any(depth in r.depths for r in reports.values())]
    places = next(iter(taught.values())).columns([depths.index(depth) for depth in used])
    head = ProbeHead(
        {kind: weights[places].astype(np.float32) for kind, (weights, _, _) in fitted.items()},
        {kind: bias for kind, (_, bias, _) in fitted.items()},
        tuple(used),
    )
    return Trained(head, reports)


def _train(
    prefixes: Prefixes, depths: Sequence[float], seed: int, listen: Listener
) -> tuple[Floats, float, KindReport]:
    """Weights (width,) and bias of one kind, with all states that were kept."""
    scored = held_out(
        prefixes,
        list(choices(prefixes.states)),
        np.random.default_rng(seed),
        lambda done, total: listen(Fitting(done, total)),
    )
    choice, scores = scored.best(), scored.unbiased()
    slope, offset = calibration(prefixes, scores)
    weights = slope * fit(prefixes, choice, np.random.default_rng(seed))
    ends = prefixes.step == LAST
    report = KindReport(
        depths=tuple(depths[state] for state in choice.states),
        components=choice.components,
        ridge=choice.ridge,
        slope=slope,
        problems=np.unique(prefixes.set_problem).size,
        solutions=int(ends[prefixes.set_of].sum()),
        steps=tuple(_measured(prefixes, scores, seed)),
    )
    return weights, offset, report


def choices(states: int) -> Iterator[HeadChoice]:
    """Each state alone, and all together."""
    looks = dict.fromkeys([*((state,) for state in range(states)), tuple(range(states))])
    for each in product(looks, COMPONENTS, RIDGES):
        yield HeadChoice(*each)


def _measured(prefixes: Prefixes, scores: Floats, seed: int) -> Iterator[StepAuc]:
    """AUC by number of steps, of scores (n,) and of the baselines."""
    values = prefixes.auc(scores)
    baselines = [prefixes.auc(prefixes.baselines[:, i]) for i in range(len(BASELINES))]
    for step in REPORTED:
        here = prefixes.step == step
        if not here.any():
            continue
        _, group = np.unique(prefixes.set_problem[here], return_inverse=True)
        weights = draws(int(group.max()) + 1, seed=seed)

        def mean(drawn: Floats, own: Floats = values[here], group: Any = group) -> float:
            return float(np.average(own, weights=drawn[group]))

        yield StepAuc(
            step=step or None,
            problems=int(group.max()) + 1,
            auc=float(np.mean(values[here])),
            interval=interval(mean, weights),
            baselines={
                name: float(np.mean(own[here]))
                for name, own in zip(BASELINES, baselines, strict=True)
            },
        )
