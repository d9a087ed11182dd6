"""All that labelled solutions say of a reward: ranking, finding the first error, calibration."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pfsolve.lab.evaluation.intervals import Interval, draws, interval
from pfsolve.lab.evaluation.metrics import (
    Bin,
    Bools,
    LabelledSteps,
    auc,
    brier,
    calibration_error,
    pooled_steps,
    reliability,
    step_auc,
)
from pfsolve.lab.evaluation.threshold import F1, Detection, choose_threshold, cross_fitted, f1
from pfsolve.results.summary import wilson
from pfsolve.search.log_odds import Floats, logit, sigmoid


@dataclass(frozen=True, slots=True)
class StepMeasures:
    """How well a reward judges steps. None is what cannot be said of the solutions at hand.

    AUC, Brier score and calibration are of all steps that are right or the first wrong one, the
    others of whole solutions (`pfsolve.lab.evaluation.threshold`).
    """

    step_auc: float | None
    f1: float | None
    accuracy_wrong: float | None  # share of the wrong solutions with the first error found
    accuracy_right: float | None  # share of the right solutions without an error seen
    # A score (0 to 1) below which a step is called wrong: the one that was given, else the one with
    # the highest F1 on all these solutions, with which to judge others.
    threshold: float | None
    # Which thresholds the F1 was measured with. "given"; "cross-fitted": for each problem the one that
    # is best on other problems, so that the F1 can be expected of new ones too; "same rows": the one
    # that is best on them, where there are too few for more, which flatters.
    chosen: str | None
    brier: float | None
    ece: float | None  # expected calibration error
    reliability: tuple[Bin, ...]
    # Of steps scored by their length alone, short ones higher: what a reward must beat to have
    # understood anything.
    step_auc_by_length: float | None
    f1_by_length: float | None
    intervals: Mapping[str, Interval | None]  # 95 %, by the measure's name


def measure_steps(
    solutions: Sequence[LabelledSteps],
    lengths: Sequence[LabelledSteps],
    *,
    threshold: float | None = None,
    seed: int = 0,
) -> StepMeasures:
    """Measure a reward on solutions with a known first error.

    Args:
        lengths: the same solutions, each step scored by minus its length.
        threshold: a score (0 to 1) to judge with; by default it is cross-fitted.
        seed: of the folds and the bootstrap.
    """
    problems = max((solution.group for solution in solutions), default=-1) + 1
    weights = draws(problems, seed=seed)
    steps = pooled_steps(solutions)
    scores = sigmoid(steps.log_odds)
    bins = reliability(scores, steps.right)

    detection = Detection.of(solutions)
    used, reported, chosen = _thresholds(detection, threshold, seed)
    found, interval_of_f1 = F1(None, None, None), None
    right_on_wrong, right_on_right = None, None
    if used is not None:
        rightly = detection.judged_rightly(used)
        found = f1(rightly, detection.wrong)
        interval_of_f1 = interval(
            lambda w: f1(rightly, detection.wrong, w[detection.group]).f1, weights
        )
        right_on_wrong = _wilson(rightly[detection.wrong])
        right_on_right = _wilson(rightly[~detection.wrong])

    by_length = Detection.of(lengths)
    used, _, _ = _thresholds(by_length, None, seed)
    return StepMeasures(
        step_auc=auc(steps.log_odds, steps.right),
        f1=found.f1,
        accuracy_wrong=found.accuracy_wrong,
        accuracy_right=found.accuracy_right,
        threshold=reported,
        chosen=chosen,
        brier=brier(scores, steps.right),
        ece=calibration_error(bins),
        reliability=bins,
        step_auc_by_length=step_auc(lengths),
        f1_by_length=(
            None if used is None else f1(by_length.judged_rightly(used), by_length.wrong).f1
        ),
        intervals={
            "step_auc": interval(
                lambda w: auc(steps.log_odds, steps.right, w[steps.group]), weights
            ),
            "f1": interval_of_f1,
            "accuracy_wrong": right_on_wrong,
            "accuracy_right": right_on_right,
            "brier": interval(lambda w: brier(scores, steps.right, w[steps.group]), weights),
        },
    )


def _thresholds(
    detection: Detection, given: float | None, seed: int
) -> tuple[float | Floats | None, float | None, str | None]:
    """Log-odds to judge with, one or one a solution; the score to report; how they were chosen."""
    if given is not None:
        return logit(math.log(given) if given else -math.inf), given, "given"
    best = choose_threshold(detection)
    if best is None:
        return None, None, None
    # Next to 1 a score stands for many log-odds: 1 itself would call everything wrong.
    score = min(sigmoid(best), float(np.nextafter(1.0, 0.0)))
    fitted = cross_fitted(detection, seed=seed)
    if fitted is None:
        return best, score, "same rows"
    return fitted, score, "cross-fitted"


def _wilson(hits: Bools) -> Interval | None:
    return wilson(int(np.sum(hits)), len(hits)) if len(hits) else None
