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
from pfsolve.lab.evaluation.metrics import LabelledSteps, auc
from pfsolve.lab.evaluation.steps import StepMeasures, measure_steps
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
from pfsolve.lab.training.material import LABELLED, ROLLOUTS, Item, prefix_labels
from pfsolve.rewards.probe.features import lengths
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
    steps: dict[str, StepMeasures]  # by labelled file
    # Whether the last step's score tells right rollouts from wrong ones, over all of them and, on the
    # average, within a problem; None without rollouts of both kinds.
    outcome_auc: float | None
    outcome_auc_within: float | None

    def to_json(self) -> dict[str, Any]:
        """All but the head, as plain JSON values."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "head"}
        measured = {file: _brief(measures) for file, measures in self.steps.items()}
        return values | {"choice": asdict(self.choice), "steps": measured}


def _brief(measures: StepMeasures) -> dict[str, Any]:
    """Measures without the single bins of the calibration."""
    return {name: value for name, value in asdict(measures).items() if name != "reliability"}


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
        *_measure(solutions, slope * log_odds + offset, lengths(examples.vectors), seed),
    )


@dataclass(frozen=True, slots=True)
class _Seen:
    """Where the prefixes of one solution stand among the examples."""

    file: str
    source: str
    mark: int
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
        group = groups.setdefault(item.problem.strip(), len(groups))
        for solution in item.solutions:
            right, weight = prefix_labels(item.source, solution)
            vectors.append(solution.vectors)
            labels.append(right)
            weights.append(weight)
            rows = slice(start, start + len(right))
            seen.append(_Seen(item.file, item.source, solution.mark, group, rows))
            start = rows.stop
    if not vectors:
        raise UsageError("there is nothing to learn from", "give labelled solutions or problems")
    counts = [each.rows.stop - each.rows.start for each in seen]
    sources = [int(each.source == ROLLOUTS) for each in seen]
    examples = Examples(
        np.concatenate(vectors),
        np.concatenate(labels),
        np.concatenate(weights),
        np.repeat([each.group for each in seen], counts).astype(np.intp),
        np.repeat(sources, counts).astype(np.intp),
    )
    return examples, seen


def _measure(
    seen: Sequence[_Seen], log_odds: NDArray[np.float64], lengths: NDArray[np.float64], seed: int
) -> tuple[dict[str, StepMeasures], float | None, float | None]:
    """By labelled file, the measures of steps; of rollouts, those of outcomes."""
    steps = {}
    for file in dict.fromkeys(each.file for each in seen if each.source == LABELLED):
        labelled = [each for each in seen if each.file == file and each.source == LABELLED]
        numbers = {group: i for i, group in enumerate(dict.fromkeys(e.group for e in labelled))}
        steps[file] = measure_steps(
            [LabelledSteps(log_odds[e.rows], e.mark, numbers[e.group]) for e in labelled],
            [LabelledSteps(-lengths[e.rows], e.mark, numbers[e.group]) for e in labelled],
            seed=seed,
        )
    rollouts = [each for each in seen if each.source == ROLLOUTS]
    final = np.array([log_odds[each.rows][-1] for each in rollouts])
    right = np.array([each.mark == 1 for each in rollouts], dtype=bool)
    group = np.array([each.group for each in rollouts])
    within = [auc(final[group == g], right[group == g]) for g in np.unique(group)]
    told = [value for value in within if value is not None]
    return steps, auc(final, right), float(np.mean(told)) if told else None
