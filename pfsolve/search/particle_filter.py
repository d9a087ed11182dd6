"""The particle filter over reasoning steps (arXiv:2502.01618, section 3 and algorithm 1).

    n particles at the prompt, W = 1
    repeat
        extend and score   each unfinished particle takes a step; r = odds of its new prefix
        reweight           "score": w = r, W = W r;  "ratio": w = W = W r / r_before
                           watchers are told w and the evidence, mean W
        resample           ancestors ~ w; particle i continues from ancestors[i]; W = W mean(w) / w
    end                    once all have finished or a watcher wants no more, without resampling

`weighting.WEIGHTINGS` holds the ways to weight, `resampling.SCHEMES` the ways to draw; `FilterRules`
chooses among them, and says when to resample.

Given a reference, a finished trajectory, the filter is conditional: the reference takes part in every
round with its own log-odds after as many steps, its prefix may be copied, and it is never dropped
(Andrieu, Doucet, Holenstein 2010, section 4.3). `particle_gibbs` is made of such sweeps.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pfsolve.search.log_odds import Floats
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
from pfsolve.search.state import Reference, State, Sweep
from pfsolve.search.weighting import WEIGHTINGS, log_change, log_copies
from pfsolve.search.weights import Weights, check, log_mean_exp

# Entropic annealing (arXiv:2510.05825) acts below this share of effective particles, and in this part
# of the expected steps.
_DEGENERATE, _EARLY = 0.5, 0.5


@dataclass(frozen=True, slots=True)
class FilterRules:
    """How a particle filter weighs and resamples.

    Args:
        resampling: a key of `resampling.SCHEMES`.
        weights: a key of `weighting.WEIGHTINGS`.
        finished: "stay": finished particles take part in resampling, may be copied or dropped, and
            are never extended; "absorb": they are set aside and only the unfinished are resampled.
        ess_threshold: share of n, 0 to 1, below which the ESS must fall for a step to resample; 1
            resamples at every step. Steps at which nothing was resampled count with "ratio" weights
            alone; with "score" the newest score stands for all of them.
        softmax_temperature: log-odds are divided by it before they become weights; above 0.
        deduplicate: particles that have written the same share the weight of one: two that agree to
            the letter are no two opinions. Needs "score" weights, and there is no evidence.
        expected_steps: steps of a typical solution. Given, the filter is entropic: in the first half
            of them it resamples from flattened weights where few particles hold all the weight.
    """

    resampling: str = "systematic"
    weights: str = "score"
    finished: str = "stay"
    ess_threshold: float = 1.0
    softmax_temperature: float = 1.0
    deduplicate: bool = False
    expected_steps: int | None = None

    def __post_init__(self) -> None:
        if self.resampling not in SCHEMES:
            raise ValueError(f"unknown resampling scheme {self.resampling!r}")
        if self.weights not in WEIGHTINGS:
            raise ValueError(f"unknown weighting {self.weights!r}")
        if self.finished not in ("stay", "absorb"):
            raise ValueError(f"unknown treatment of finished particles {self.finished!r}")
        if self.deduplicate and self.weights != "score":
            raise ValueError("deduplicated particles need score weights")


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
        taken: steps taken by earlier sweeps, for the numbers that watchers see.
    """
    state = State.at_prompt(n, taken)
    while True:
        state = yield from extend_and_score(state, reference)
        state, info = yield from reweight(state, rules)
        stop = bool((yield info))
        if stop or _is_over(state, info.weights, rules):
            break
        state = yield from resample(state, rules, rng, reference)
        if state.finished.all():  # all survivors had finished already
            break
    return end(state, info, rules, reference, stop)


def extend_and_score(state: State, reference: Reference | None) -> Generator[Request, Any, State]:
    """Every unfinished particle takes a step and has its new prefix scored; a reference repeats its own."""
    finished, log_odds = state.finished.copy(), state.log_odds.copy()
    living = np.flatnonzero(~finished)
    if reference is not None:
        living = living[living != reference.slot]
    if living.size:
        finished[living] = yield Extend(living)
        log_odds[living] = yield Score(living)
    state = replace(
        state,
        finished=finished,
        lengths=state.lengths + ~state.finished,
        log_odds=log_odds,
        taken=state.taken + bool(living.size),
    )
    if reference is not None:
        state = reference.put_into(state, state.step + 1)
    check(state.log_odds)
    history = np.vstack([state.log_odds_history, state.log_odds])
    return replace(state, log_odds_history=history)


def reweight(state: State, rules: FilterRules) -> Generator[Request, Any, tuple[State, StepInfo]]:
    """Weigh each particle by its newest score.

    Raises:
        AllParticlesDead: every particle has weight zero.
    """
    if rules.deduplicate:
        state = replace(state, alike=(yield Alike()))
    choosing, total = _log_weights(state, rules)
    log_evidence = None if rules.deduplicate else log_mean_exp(total)
    return state, StepInfo(state.taken, state.log_odds, Weights(choosing), log_evidence)


def resample(
    state: State, rules: FilterRules, rng: np.random.Generator, reference: Reference | None
) -> Generator[Request, Any, State]:
    """Draw ancestors by weight, unless the ESS is high enough.

    The chosen share the mean weight of the pool: they are equal among themselves, and still in
    proportion to particles that were set aside. Chosen by flattened weights they keep the difference.
    """
    choosing, total = _log_weights(state, rules)
    state = replace(state, log_weights_before=total, log_odds_before=state.log_odds)
    pool = _pool(state, rules)
    weights = Weights(choosing[pool])
    if rules.ess_threshold < 1 and weights.ess >= rules.ess_threshold * pool.size:
        return state
    chances = Weights(weights.log / _flatness(rules, weights, state.step))
    drawn = _draw(rules, rng, chances, pool, reference)
    ancestors = np.arange(total.size)
    ancestors[pool] = pool[drawn]
    log_weights = choosing[ancestors]
    # Only a reference may be drawn while it is dead, and stays so.
    log_weights[pool] = chances.log_mean + log_change(chances.log[drawn], log_weights[pool])
    yield Fork(ancestors, log_weights)
    if reference is not None and not state.finished[reference.slot]:
        copies = np.flatnonzero(ancestors == reference.slot)
        copies = copies[copies != reference.slot]
        if copies.size:
            yield Rewind(copies, np.full(copies.size, state.step))
    state = state.take(ancestors)
    before = state.log_weights_before.copy()
    before[pool] = chances.log_mean + log_change(chances.log[drawn], before[pool])
    return replace(state, log_weights_before=before)


def end(
    state: State, info: StepInfo, rules: FilterRules, reference: Reference | None, stop: bool
) -> Sweep:
    """What is left; a reference is whole, however far the others came."""
    cut = stop and not state.finished.all()
    if reference is not None and cut:
        state = reference.put_into(state, reference.log_odds.size)
    weights = Weights(_log_weights(state, rules)[0])
    population = FinalPopulation(state.log_odds, weights, info.log_evidence, state.taken, cut)
    return Sweep(population, state, stop)


def _log_weights(state: State, rules: FilterRules) -> tuple[Floats, Floats]:
    """Log w and log W, each (n,), as `weighting` has them; right after a step or after resampling."""
    log_odds = state.log_odds / rules.softmax_temperature
    if rules.deduplicate:
        log_odds = log_odds - log_copies(state.alike)
    change = log_change(state.log_odds_before, state.log_odds) / rules.softmax_temperature
    return WEIGHTINGS[rules.weights](state.log_weights_before, log_odds, change)


def _is_over(state: State, weights: Weights, rules: FilterRules) -> bool:
    """Whether all have finished, or all that resampling would choose among are dead."""
    alive = np.isfinite(weights.log[_pool(state, rules)])
    return bool(state.finished.all()) or not alive.any()


def _pool(state: State, rules: FilterRules) -> Ancestors:
    """Indices of the particles that take part in resampling."""
    if rules.finished == "absorb":
        return np.flatnonzero(~state.finished)
    return np.arange(state.finished.size)


def _draw(
    rules: FilterRules,
    rng: np.random.Generator,
    chances: Weights,
    pool: Ancestors,
    reference: Reference | None,
) -> Ancestors:
    """Ancestors, as indices into the pool; survivors stay where they are.

    Where all weigh the same there is nothing to choose by, and independent draws would only lose some.
    """
    scheme = SCHEMES[rules.resampling]
    if reference is None or reference.slot not in pool:
        drawn = scheme(rng, chances.normalised, pool.size)
    else:
        kept = int(np.searchsorted(pool, reference.slot))
        drawn = resample_around(scheme, rng, chances.normalised, kept)
    return keep_in_place(drawn) if np.ptp(chances.log) else np.arange(pool.size)


def _flatness(rules: FilterRules, weights: Weights, step: int) -> float:
    """The temperature, 1 or more, that flattens weights before they choose (arXiv:2510.05825).

    Progress is measured against the steps that a solution is expected to take: against the most that
    it may take, nearly every step would be an early one.
    """
    if rules.expected_steps is None:
        return 1.0
    share, progress = weights.ess / weights.log.size, step / rules.expected_steps
    if share >= _DEGENERATE or progress >= _EARLY:
        return 1.0
    return max(1.0, (1 - progress) / share)
