"""From scored solutions to one report: all the measures with their intervals, as plain values."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pfsolve.answers import group_equivalent
from pfsolve.errors import UsageError
from pfsolve.lab.evaluation.curves import MAJORITY, Curve, ScoredRollouts, measure_choice
from pfsolve.lab.evaluation.early_auc import EarlyAuc, measure_early_auc
from pfsolve.lab.evaluation.labelled import Labelled, LabelledRow, Rollouts
from pfsolve.lab.evaluation.metrics import LabelledSteps
from pfsolve.lab.evaluation.scoring import Scores
from pfsolve.lab.evaluation.steps import StepMeasures, measure_steps
from pfsolve.solution import ScoredSolution


@dataclass(frozen=True, slots=True)
class Report:
    """How good a reward is."""

    settings: Mapping[str, Any]  # all that the scores depend on
    rows: int  # that count: `labelled` solutions, and `rollouts` problems with rollouts
    labelled: int
    rollouts: int
    left_out: int  # rows that are malformed or could not be scored
    solutions: int  # scored, all in all
    steps: int
    tokens: int  # read
    seconds: float
    of_steps: StepMeasures
    curves: Mapping[str, Curve]  # by the way to choose among rollouts
    early_auc: tuple[EarlyAuc, ...]  # how early the rollouts' scores tell how they end

    @property
    def tokens_per_second(self) -> float | None:
        return self.tokens / self.seconds if self.seconds > 0 else None

    def to_json(self) -> dict[str, Any]:
        """The report as one object of plain JSON values; accuracies of rollouts by N, as text."""
        report = dataclasses.asdict(self)
        del report["curves"]
        measures = report.pop("of_steps")
        intervals = measures.pop("intervals")
        accuracies, gains = {}, {}
        for name, curve in self.curves.items():
            accuracies[name] = {str(n): value for n, value in enumerate(curve.accuracy, 1)}
            intervals[name] = {str(n): span for n, span in enumerate(curve.intervals, 1)}
            if name != MAJORITY:
                gains[name] = {"difference": curve.gain, "interval": curve.gain_interval}
        return {
            **report,
            "tokens_per_second": self.tokens_per_second,
            **measures,
            **accuracies,
            "over_majority_vote": gains,
            "intervals": intervals,
        }


def evaluate(
    rows: Sequence[LabelledRow],
    scores: Scores,
    settings: Mapping[str, Any],
    *,
    threshold: float | None = None,
    malformed: int = 0,
    seed: int = 0,
) -> Report:
    """Measure a reward by the scores it gave.

    Args:
        rows: what was scored.
        scores: those of each row.
        settings: all that the scores depend on, for the report.
        threshold: a score (0 to 1) below which a step is called wrong; see `StepMeasures`.
        malformed: the number of rows that could not even be read, for the report.
        seed: of folds and bootstrap.

    Raises:
        UsageError: the threshold is out of range, or nothing was scored.
    """
    if threshold is not None and not 0.0 <= threshold <= 1.0:
        raise UsageError(
            f"--threshold is {threshold:g}, which is out of range", "choose a score from 0 to 1"
        )
    scored = [(row, of) for row, of in zip(rows, scores.rows, strict=True) if of is not None]
    if not scored:
        raise UsageError(
            f"none of {len(rows)} rows could be scored",
            scores.complaints[0] if scores.complaints else "give more rows",
        )
    labelled, lengths, rollouts = [], [], []
    # The number of each problem, in the order of their first appearance.
    of_labelled: dict[str, int] = {}
    of_rollouts: dict[str, int] = {}
    for row, of in scored:
        if isinstance(row, Labelled):
            group = of_labelled.setdefault(row.problem.text, len(of_labelled))
            labelled.append(LabelledSteps(of[0].log_odds, row.first_error, group))
            shorter = -np.array([len(step) for step in row.steps], float)
            lengths.append(LabelledSteps(shorter, row.first_error, group))
        else:
            group = of_rollouts.setdefault(row.problem.text, len(of_rollouts))
            rollouts.append(_scored_rollouts(row, of, group))
    solutions = [each for _, of in scored for each in of]
    return Report(
        settings=dict(settings),
        rows=len(scored),
        labelled=len(labelled),
        rollouts=len(rollouts),
        left_out=malformed + len(rows) - len(scored),
        solutions=len(solutions),
        steps=sum(len(each.log_odds) for each in solutions),
        tokens=sum(each.tokens for each in solutions),
        seconds=sum(each.seconds for each in solutions),
        of_steps=measure_steps(labelled, lengths, threshold=threshold, seed=seed),
        curves=measure_choice(rollouts, seed=seed),
        early_auc=measure_early_auc(rollouts, seed=seed),
    )


def _scored_rollouts(row: Rollouts, scores: Sequence[ScoredSolution], group: int) -> ScoredRollouts:
    """The rollouts' scores, and the classes of their answers, the right answer's being 0."""
    answers = [attempt.answer for attempt in row.attempts]
    classes = group_equivalent([row.problem.answer, *answers])[1:]
    numbers = [-1 if each is None else each for each in classes]
    return ScoredRollouts(tuple(of.log_odds for of in scores), np.array(numbers, np.intp), group)
