"""The particle filter over reasoning steps (arXiv:2502.01618, section 3 and algorithm 1).

Each round: resample (never before the first step, never after the last), extend every unfinished
particle by one step, score the new prefixes. It ends when all particles have finished.

Two ways to weight:

* `score` (the paper): the weight is the newest score's odds, started afresh at each step.
* `ratio` (Feynman-Kac): a step contributes the change logit(r_t) - logit(r_{t-1}); contributions
  accumulate between resamplings. The product telescopes, so the final law is p(x) * odds(r_T).

Given a reference, a finished trajectory, the filter is conditional: the reference takes part in every
round with its own log-weight after as many steps, its prefix may be copied, and it is never dropped
(Andrieu, Doucet, Holenstein 2010, section 4.3). `particle_gibbs` is made of such sweeps.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np

from pfsolve.search import weights as w
from pfsolve.search.requests import (
    Alike,
    Extend,
    FinalPopulation,
    Fork,
    Request,
    Rewind,
    Score,
    StepInfo,
)
from pfsolve.search.resampling import SCHEMES, Ancestors, keep_in_place, resample_around

# Entropic annealing (arXiv:2510.05825) acts below this share of effective particles, and in this part
# of the expected steps.
_DEGENERATE, _EARLY = 0.5, 0.5


@dataclass(frozen=True, slots=True)
class FilterRules:
    """How a particle filter weighs and resamples.

    Args:
        resampling: a key of `resampling.SCHEMES`.
        weights: "score" or "ratio".
        finished: "stay": finished particles take part in resampling, may be copied or dropped, and
            are never extended; "absorb": they are set aside and only the living are resampled.
        ess_threshold: resample only when ESS < threshold * n; None resamples at every step. Needs
            "ratio", since "score" forgets the weight of a step at which nothing was resampled.
        softmax_temperature: a score's log-odds are divided by it before they become weights.
        deduplicate: particles that have written the same count once: they share one weight. Two that
            agree to the letter are no two opinions. Needs "score" weights, and there is no evidence.
        expected_steps: of a solution. Given, the filter is entropic: in the first half of them it
            resamples from flattened weights where few particles hold all the weight, see `_flatness`.
    """

    resampling: str = "systematic"
    weights: str = "score"
    finished: str = "stay"
    ess_threshold: float | None = None
    softmax_temperature: float = 1.0
    deduplicate: bool = False
    expected_steps: int | None = None

    def __post_init__(self) -> None:
        if self.resampling not in SCHEMES:
            raise ValueError(f"unknown resampling scheme {self.resampling!r}")
        if self.weights not in ("score", "ratio"):
            raise ValueError(f"unknown weighting {self.weights!r}")
        if self.finished not in ("stay", "absorb"):
            raise ValueError(f"unknown treatment of finished particles {self.finished!r}")
        if self.ess_threshold is not None and self.weights != "ratio":
            raise ValueError("an ESS threshold needs ratio weights")
        if self.deduplicate and self.weights != "score":
            raise ValueError("particles can be counted once with score weights only")


@dataclass(frozen=True, slots=True)
class Reference:
    """A finished trajectory: the slot it is kept in, and its log-odds after each step, (T,)."""

    slot: int
    log_odds: w.Floats


@dataclass(frozen=True, slots=True)
class Sweep:
    """What one run of a filter leaves behind.

    population: as it ended. log_odds_history (T, n): log-odds of each particle after each step of its own
    line of ancestors; what lies beyond its last step repeats that. lengths (n,): steps of each.
    stop: whoever watches wants no more.
    """

    population: FinalPopulation
    log_odds_history: w.Floats
    lengths: Ancestors
    stop: bool

    def draw(self, rng: np.random.Generator) -> Reference:
        """A reference for the next sweep, by the final weights."""
        weights = w.normalise(self.population.log_weights)
        slot = int(SCHEMES["multinomial"](rng, weights, 1)[0])
        return Reference(slot, self.log_odds_history[: self.lengths[slot], slot])


def particle_filter(
    n: int, rules: FilterRules, rng: np.random.Generator
) -> Generator[Request, Any, FinalPopulation]:
    """Run a particle filter of n particles; see `requests` for the conversation.

    Raises:
        AllParticlesDead: every particle has weight zero when one must be chosen.
        InvalidLogWeight: a score is NaN or +inf.
    """
    return (yield from sweep(n, rules, rng)).population


def sweep(
    n: int,
    rules: FilterRules,
    rng: np.random.Generator,
    reference: Reference | None = None,
    taken: int = 0,
) -> Generator[Request, Any, Sweep]:
    """One run of a filter.

    Args:
        reference: already whole in its slot, where it stays; all others are at the prompt.
        taken: steps that were taken before, for the numbers watchers see.
    """
    moving = np.ones(n, dtype=bool)  # all but a reference, which is there already
    if reference is not None:
        moving[reference.slot] = False
    finished = np.zeros(n, dtype=bool)
    log_odds = np.zeros(n)  # an empty prefix has odds 1
    log_weights_before = np.zeros(n)  # log-weights before the newest step's
    log_odds_history = np.empty((0, n))
    lengths = np.zeros(n, dtype=np.intp)
    step = 0

    while True:
        step += 1
        previous, log_odds = log_odds, log_odds.copy()
        lengths[~finished] += 1
        living = np.flatnonzero(~finished & moving)
        if living.size:
            taken += 1
            finished[living] = yield Extend(living)
            log_odds[living] = yield Score(living)
        if reference is not None:
            at = min(step, reference.log_odds.size)
            log_odds[reference.slot] = reference.log_odds[at - 1]
            finished[reference.slot] = at == reference.log_odds.size
        w.check(log_odds)
        log_odds_history = np.vstack([log_odds_history, log_odds])

        if rules.weights == "ratio":
            increments = _change(previous, log_odds) / rules.softmax_temperature
            log_weights = weighed = log_weights_before + increments
        else:
            alike = (yield Alike()) if rules.deduplicate else None
            log_weights = _score_weights(rules, log_odds, alike)
            weighed = log_weights_before + log_weights
        # What is log_weights_before is never reset to 0, see below: the mean weight is the evidence.
        log_evidence = None if rules.deduplicate else w.log_mean_exp(weighed)
        w.normalise(log_weights)  # raises when all are dead
        stop = yield StepInfo(taken, log_odds, log_weights, log_evidence)
        if stop or finished.all():
            break

        log_weights_before = weighed
        pool = np.flatnonzero(~finished) if rules.finished == "absorb" else np.arange(n)
        if not np.isfinite(log_weights[pool]).any():  # absorbed particles alone have weight left
            break
        weights = w.normalise(log_weights[pool])
        if rules.ess_threshold is None or w.ess(weights) < rules.ess_threshold * pool.size:
            flatness = _flatness(rules, weights, step)
            chances = w.normalise(log_weights[pool], flatness)
            ancestors = np.arange(n)
            ancestors[pool] = pool[_draw(rules, rng, chances, pool, reference)]
            yield Fork(ancestors)
            if reference is not None:
                copies = np.flatnonzero((ancestors == reference.slot) & moving)
                if copies.size and not finished[reference.slot]:
                    yield Rewind(copies, np.full(copies.size, step))
            # Chosen in proportion to their weight all of the pool now share its mean weight: equal
            # among themselves, and still in proportion to the particles that were set aside. Chosen
            # by flattened weights they carry the difference.
            chosen = log_weights[ancestors[pool]]
            log_weights_before = log_weights_before[ancestors]
            mean = w.log_mean_exp(log_weights[pool] / flatness)
            log_weights_before[pool] = log_weights_before[pool] - chosen / flatness + mean
            finished, log_odds = finished[ancestors], log_odds[ancestors]
            log_odds_history, lengths = log_odds_history[:, ancestors], lengths[ancestors]
            if rules.weights == "ratio":
                log_weights = log_weights_before
            else:
                alike = alike[ancestors] if alike is not None else None
                log_weights = _score_weights(rules, log_odds, alike)
            if finished.all():  # every survivor had finished already: no step is left to take
                break

    cut = bool(stop) and not finished.all()
    if reference is not None and cut:  # it is whole, however far the others came
        missing = np.zeros(n)
        missing[reference.slot] = reference.log_odds[-1] - log_odds[reference.slot]
        log_odds = log_odds + missing
        log_weights = log_weights + missing / rules.softmax_temperature
    population = FinalPopulation(log_odds, log_weights, log_evidence, taken, cut)
    return Sweep(population, log_odds_history, lengths, bool(stop))


def _score_weights(rules: FilterRules, log_odds: w.Floats, alike: Ancestors | None) -> w.Floats:
    """`score` weights (n,); particles of the same number share the weight of one."""
    log_weights = log_odds / rules.softmax_temperature
    if alike is None:
        return log_weights
    _, numbers, counts = np.unique(alike, return_inverse=True, return_counts=True)
    return np.asarray(log_weights - np.log(counts[numbers]))


def _draw(
    rules: FilterRules,
    rng: np.random.Generator,
    chances: w.Floats,
    pool: Ancestors,
    reference: Reference | None,
) -> Ancestors:
    """Ancestors, as indices into the pool; survivors stay where they are."""
    scheme = SCHEMES[rules.resampling]
    if reference is None or reference.slot not in pool:
        return keep_in_place(scheme(rng, chances, pool.size))
    kept = int(np.searchsorted(pool, reference.slot))
    return keep_in_place(resample_around(scheme, rng, chances, kept))


def _flatness(rules: FilterRules, weights: w.Floats, step: int) -> float:
    """The temperature, 1 or more, that weights are flattened by before they choose (arXiv:2510.05825).

    Progress is measured against the steps a solution is expected to take: against the most it may
    take, nearly every step would be an early one.
    """
    if rules.expected_steps is None:
        return 1.0
    share, progress = w.ess(weights) / weights.size, step / rules.expected_steps
    if share >= _DEGENERATE or progress >= _EARLY:
        return 1.0
    return max(1.0, (1 - progress) / share)


def _change(previous: w.Floats, current: w.Floats) -> w.Floats:
    """current - previous, where the dead stay dead instead of becoming NaN (-inf minus -inf)."""
    dead = np.isneginf(previous) | np.isneginf(current)
    return np.where(dead, -np.inf, current - np.where(dead, 0.0, previous))
