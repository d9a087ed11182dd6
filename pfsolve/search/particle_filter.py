"""The particle filter over reasoning steps (arXiv:2502.01618, section 3 and algorithm 1).

Each round: resample (never before the first step, never after the last), extend every unfinished
particle by one step, score the new prefixes. It ends when all particles have finished.

Two ways to weight:

* `level` (the paper): the weight is the newest score's odds, started afresh at each step.
* `ratio` (Feynman-Kac): a step contributes the change logit(r_t) - logit(r_{t-1}); contributions
  accumulate between resamplings. The product telescopes, so the final law is p(x) * odds(r_T).
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np

from pfsolve.search import weights as w
from pfsolve.search.requests import Extend, Fork, Population, Request, Score, Weighed
from pfsolve.search.resampling import SCHEMES, keep_in_place


@dataclass(frozen=True, slots=True)
class FilterRules:
    """How a particle filter weighs and resamples.

    Args:
        resampling: a key of `resampling.SCHEMES`.
        weights: "level" or "ratio".
        finished: "stay": finished particles take part in resampling, may be copied or dropped, and
            are never extended; "absorb": they are set aside and only the living are resampled.
        ess_threshold: resample only when ESS < threshold * n; None resamples at every step. Needs
            "ratio", since "level" forgets the weight of a step at which nothing was resampled.
        softmax_temperature: a score's log-odds are divided by it before they become weights.
    """

    resampling: str = "systematic"
    weights: str = "level"
    finished: str = "stay"
    ess_threshold: float | None = None
    softmax_temperature: float = 1.0

    def __post_init__(self) -> None:
        if self.resampling not in SCHEMES:
            raise ValueError(f"unknown resampling scheme {self.resampling!r}")
        if self.weights not in ("level", "ratio"):
            raise ValueError(f"unknown weighting {self.weights!r}")
        if self.finished not in ("stay", "absorb"):
            raise ValueError(f"unknown treatment of finished particles {self.finished!r}")
        if self.ess_threshold is not None and self.weights != "ratio":
            raise ValueError("an ESS threshold needs ratio weights")


def particle_filter(
    n: int, rules: FilterRules, rng: np.random.Generator
) -> Generator[Request, Any, Population]:
    """Run a particle filter of n particles; see `requests` for the conversation.

    Raises:
        AllParticlesDead: every particle has weight zero when one must be chosen.
        InvalidLogWeight: a score is NaN or +inf.
    """
    scheme = SCHEMES[rules.resampling]
    finished = np.zeros(n, dtype=bool)
    log_scores = np.zeros(n)  # an empty prefix has odds 1
    log_weights = np.zeros(n)
    log_evidence = 0.0
    step = 0

    while True:
        living = np.flatnonzero(~finished)
        finished[living] = yield Extend(living)
        previous = log_scores
        log_scores = log_scores.copy()
        log_scores[living] = yield Score(living)
        w.check(log_scores)
        step += 1

        if rules.weights == "ratio":
            # Log-weights are never reset to 0, see below: their mean is the evidence.
            log_weights = log_weights + _change(previous, log_scores) / rules.softmax_temperature
            log_evidence = w.log_mean_exp(log_weights)
        else:
            log_weights = log_scores / rules.softmax_temperature
            log_evidence += w.log_mean_exp(log_weights)
        weights = w.normalise(log_weights)
        yield Weighed(step, log_scores, weights, w.ess(weights), log_evidence)
        if finished.all():
            break

        pool = np.flatnonzero(~finished) if rules.finished == "absorb" else np.arange(n)
        if not np.isfinite(log_weights[pool]).any():  # absorbed particles alone have weight left
            break
        weights = w.normalise(log_weights[pool])
        if rules.ess_threshold is None or w.ess(weights) < rules.ess_threshold * pool.size:
            ancestors = np.arange(n)
            ancestors[pool] = pool[keep_in_place(scheme(rng, weights, pool.size))]
            yield Fork(ancestors)
            finished, log_scores = finished[ancestors], log_scores[ancestors]
            # All of the pool now share its mean weight: equal among themselves, and still in
            # proportion to the particles that were set aside.
            mean = w.log_mean_exp(log_weights[pool])
            log_weights = log_weights[ancestors]
            log_weights[pool] = mean
            if finished.all():  # every survivor had finished already: no step is left to take
                break

    if rules.weights == "level":
        log_weights = log_scores / rules.softmax_temperature
    return Population(log_scores, log_weights, log_evidence, step)


def _change(previous: w.Floats, current: w.Floats) -> w.Floats:
    """current - previous, where the dead stay dead instead of becoming NaN (-inf minus -inf)."""
    dead = np.isneginf(previous) | np.isneginf(current)
    return np.where(dead, -np.inf, current - np.where(dead, 0.0, previous))
