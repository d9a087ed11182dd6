"""Parallel tempering: chains of particle Gibbs at several softmax temperatures that trade references.

A hot chain takes the scores less seriously and moves about; what it finds reaches the cold chains by
swaps of references between neighbours. The idea is named in arXiv:2502.01618, section 3.2; the swap is
that of Swendsen, Wang 1986 and leaves p(x) * odds(r_T)^(1 / temperature) of every chain as it is. So
this holds for `ratio` weights.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from pfsolve.search.particle_filter import FilterRules, sweep
from pfsolve.search.particle_gibbs import next_sweep
from pfsolve.search.requests import FinalPopulation, Fork, Request
from pfsolve.search.resampling import Ancestors
from pfsolve.search.side_by_side import abreast, join
from pfsolve.search.state import Reference
from pfsolve.search.weights import Weights


def tempering(
    n: int,
    rules: FilterRules,
    rng: np.random.Generator,
    ladder: Sequence[float],
    sweeps: int,
) -> Generator[Request, Any, FinalPopulation]:
    """Run a chain of n / len(ladder) particles at each of these temperatures, hottest first.

    The final population holds the last sweep of every chain, a hot one's weighted to what they count
    at the lowest temperature. The evidence is that of the coldest chain's first sweep, a plain filter.

    Raises:
        ValueError: n is no multiple of the number of chains.
        AllParticlesDead: those of every chain.
    """
    if n % len(ladder):
        raise ValueError(f"{n} particles cannot be split into {len(ladder)} equal chains")
    size = n // len(ladder)
    chains = [
        (replace(rules, softmax_temperature=temperature), own)
        for temperature, own in zip(ladder, rng.spawn(len(ladder)), strict=True)
    ]
    ends = yield from abreast([sweep(size, of_it, own) for of_it, own in chains], size)
    log_evidence = ends[-1].population.log_evidence if ends[-1] else float("-inf")
    done = 1
    while done < sweeps and not any(end.stop for end in ends if end):
        references = [
            end.draw(own) if end else None for end, (_, own) in zip(ends, chains, strict=True)
        ]
        sources = trade(references, ladder, rng)
        references = [references[source] for source in sources]
        yield Fork(_moves(references, sources, size))
        taken = max(end.population.steps for end in ends if end)
        ends = yield from abreast(
            [
                next_sweep(size, of_it, own, reference, taken)
                for (of_it, own), reference in zip(chains, references, strict=True)
            ],
            size,
        )
        done += 1
    populations = [
        _cooled(end.population, temperature, ladder[-1]) if end else None
        for end, temperature in zip(ends, ladder, strict=True)
    ]
    end = join(populations, size)
    return replace(end, log_evidence=log_evidence, stopped=end.stopped or done < sweeps)


def trade(
    references: Sequence[Reference | None], ladder: Sequence[float], rng: np.random.Generator
) -> list[int]:
    """For each chain, the one whose reference it goes on with: neighbours swap, hottest first."""
    sources = list(range(len(ladder)))
    for hot in range(len(ladder) - 1):
        one, other = references[sources[hot]], references[sources[hot + 1]]
        if one is None or other is None:  # a chain that has died has nothing to trade
            continue
        chance = swap_probability(
            ladder[hot], ladder[hot + 1], one.log_odds[-1], other.log_odds[-1]
        )
        if rng.random() < chance:
            sources[hot], sources[hot + 1] = sources[hot + 1], sources[hot]
    return sources


def swap_probability(hot: float, cold: float, log_odds_hot: float, log_odds_cold: float) -> float:
    """Metropolis' probability that chains at temperatures hot and cold swap what they hold.

    log_odds_hot, log_odds_cold: final log-odds of the trajectory each of them holds now.
    """
    return float(np.exp(min(0.0, (1 / hot - 1 / cold) * (log_odds_cold - log_odds_hot))))


def _moves(references: Sequence[Reference | None], sources: Sequence[int], size: int) -> Ancestors:
    """Ancestors (n,) that bring each chain its reference, in the slot it had where it comes from."""
    ancestors = np.arange(size * len(sources))
    for chain, (reference, source) in enumerate(zip(references, sources, strict=True)):
        if reference is not None:
            ancestors[chain * size + reference.slot] = source * size + reference.slot
    return ancestors


def _cooled(population: FinalPopulation, temperature: float, lowest: float) -> FinalPopulation:
    """Weights at a lower temperature of particles that were drawn at a higher one."""
    if temperature == lowest:
        return population
    gain = population.log_odds * (1 / lowest - 1 / temperature)
    return replace(population, weights=Weights(population.weights.log + gain))
