"""Chooses, fits and calibrates a probe's head, and says how good it is on problems it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pfsolve.errors import UsageError
from pfsolve.events import Listener, ignore
from pfsolve.events.work import Fitting
from pfsolve.lab.evaluation.metrics import auc
from pfsolve.lab.training.fit import (
    COMPONENTS,
    FOLDS,
    HIDDEN,
    RIDGES,
    Examples,
    HeadChoice,
    calibration,
    cross_entropy,
    fit,
    held_out,
)
from pfsolve.lab.training.material import Item
from pfsolve.lab.training.vectors import vectors_of
from pfsolve.rewards.probe.head import ProbeHead


@dataclass(frozen=True, slots=True)
class Trained:
    """A head, how it was fitted, and what heads like it say of problems they have not seen."""

    head: ProbeHead
    choice: HeadChoice
    loss: float  # cross-entropy on unseen problems, nats
    problems: int  # number of problems it was made from
    solutions: int
    prefixes: int
    # Whether the last step's score tells right rollouts from wrong ones, over all of them and, on the
    # average, within a problem; None without rollouts of both kinds.
    outcome_auc: float | None
    outcome_auc_within: float | None

    def to_json(self) -> dict[str, Any]:
        """All but the head, as plain JSON values."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "head"}
        return values | {"choice": asdict(self.choice)}


def train(
    items: Sequence[Item],
    *,
    seed: int,
    listen: Listener = ignore,
) -> Trained:
    """Fit a head to these items.

    Args:
        seed: of folds and starting points.
        listen: hears the number of heads that are fitted.

    Raises:
        UsageError: there are too few problems, or nothing among them is wrong, or nothing right.
    """
    examples, solutions = assemble(items)
    if np.unique(examples.groups).size < 2 * FOLDS or not 0 < examples.labels.mean() < 1:
        raise UsageError(
            f"{np.unique(examples.groups).size} problems with "
            f"{examples.labels.mean() if examples.labels.size else 0:.0%} right steps cannot teach "
            "a probe anything",
            "give it more, of which some go wrong",
        )
    choices = [HeadChoice(*each) for each in product(COMPONENTS, RIDGES, HIDDEN)]
    scored = held_out(
        examples,
        choices,
        np.random.default_rng(seed),
        lambda done, total: listen(Fitting(done, total)),
    )
    choice, log_odds = scored.best(), scored.unbiased()
    last = examples.sources == examples.sources.max()
    slope, offset = calibration(log_odds[last], examples.labels[last], examples.weights[last])
    head = fit(examples, choice, np.random.default_rng(seed)).calibrated(slope, offset)
    return Trained(
        head,
        choice,
        cross_entropy(log_odds, examples.labels, examples.weights),
        np.unique(examples.groups).size,
        len(solutions),
        len(examples.labels),
        *_measure(solutions, slope * log_odds + offset),
    )


@dataclass(frozen=True, slots=True)
class _Seen:
    """Where the prefixes of one solution stand among the examples."""

    right: bool
    group: int
    rows: slice


def assemble(items: Sequence[Item]) -> tuple[Examples, list[_Seen]]:
    """The prefixes of all solutions; a problem's are one group, from whichever files they come."""
    groups: dict[str, int] = {}
    vectors: list[NDArray[np.float32]] = []
    labels: list[NDArray[np.float64]] = []
    weights: list[NDArray[np.float64]] = []
    seen: list[_Seen] = []
    start = 0
    for item in items:
        group = groups.setdefault(item.origin.problem.strip(), len(groups))
        for rollout in item.rollouts:
            own = vectors_of(rollout)
            if not len(own):
                continue
            vectors.append(own)
            labels.append(np.full(len(own), float(rollout.right)))
            weights.append(np.ones(len(own)))
            rows = slice(start, start + len(own))
            seen.append(_Seen(rollout.right, group, rows))
            start = rows.stop
    if not vectors:
        raise UsageError("there is nothing to learn from", "give problems with answers")
    counts = [each.rows.stop - each.rows.start for each in seen]
    examples = Examples(
        np.concatenate(vectors),
        np.concatenate(labels),
        np.concatenate(weights),
        np.repeat([each.group for each in seen], counts).astype(np.intp),
        np.zeros(start, np.intp),
    )
    return examples, seen


def _measure(
    seen: Sequence[_Seen], log_odds: NDArray[np.float64]
) -> tuple[float | None, float | None]:
    """Of rollouts at their end, whether scores tell the right ones, over all and within a problem."""
    final = np.array([log_odds[each.rows][-1] for each in seen])
    right = np.array([each.right for each in seen], dtype=bool)
    group = np.array([each.group for each in seen])
    within = [auc(final[group == g], right[group == g]) for g in np.unique(group)]
    told = [value for value in within if value is not None]
    return auc(final, right), float(np.mean(told)) if told else None
