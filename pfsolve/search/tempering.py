"""Parallel tempering: chains of particle Gibbs at several softmax temperatures that trade references.

    in each chain: sweep a particle filter
    repeat
        in each chain: reference ~ final weights of its last sweep
        neighbours in the ladder swap references, by Metropolis' rule
        in each chain: sweep a filter conditional on its reference

A hot chain takes the scores less seriously and moves about; what it finds reaches the cold chains by
swaps. The idea is named in arXiv:2502.01618, section 3.2. The swap is that of Swendsen, Wang 1986; with
`ratio` weights it leaves the law of each chain, p(x) * odds(r_T)^(1 / temperature), invariant.
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
    """Run a chain of n / len(ladder) particles at each softmax temperature of the ladder.

    The final population holds the last sweep of every chain, reweighted to the lowest temperature. The
    evidence is that of the coldest chain's first sweep, a plain filter.

    Args:
        n: the number of particles of all chains.
        rules: of every filter, except for their softmax temperature.
        rng: swaps references; each chain draws from a stream spawned from it.
        ladder: softmax temperatures, hottest first.
        sweeps: the number of sweeps of each chain.

    Raises:
        ValueError: n is no multiple of the number of chains.
        AllParticlesDead: in every chain.
    """
    if n % len(ladder):
        raise ValueError(f"{n} particles cannot be split into {len(ladder)} equal chains")
    size = n // len(ladder)
    chains = range(len(ladder))
    tempered = [replace(rules, softmax_temperature=temperature) for temperature in ladder]
    rngs = rng.spawn(len(ladder))
    ends = yield from abreast([[(sweep(size, tempered[c], rngs[c]), size) for c in chains]])
    log_evidence = ends[-1].population.log_evidence if ends[-1] else float("-inf")
    done = 1
    while done < sweeps and not any(end.stop for end in ends if end):
        drawn = [end.draw(rngs[c]) if (end := ends[c]) else None for c in chains]
        sources = trade(drawn, ladder, rng)
        references = [drawn[source] for source in sources]
        yield Fork(_moves(references, sources, size))
        taken = max(end.population.steps for end in ends if end)
        following = [
            (next_sweep(size, tempered[c], rngs[c], references[c], taken), size) for c in chains
        ]
        ends = yield from abreast([following])
        done += 1
    populations = [
        _cooled(end.population, temperature, ladder[-1]) if end else None
        for end, temperature in zip(ends, ladder, strict=True)
    ]
    whole = join(populations, [size] * len(ladder))
    return replace(whole, log_evidence=log_evidence, stopped=whole.stopped or done < sweeps)


def trade(
    references: Sequence[Reference | None], ladder: Sequence[float], rng: np.random.Generator
) -> list[int]:
    """For each chain, the chain whose reference it continues with: neighbours swap, hottest first."""
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
    """Metropolis' probability that two chains swap references.

    Args:
        hot: softmax temperature of one.
        cold: softmax temperature of the other.
        log_odds_hot: final log-odds of the reference that the hot chain holds now.
        log_odds_cold: final log-odds of the reference that the cold chain holds now.
    """
    return float(np.exp(min(0.0, (1 / hot - 1 / cold) * (log_odds_cold - log_odds_hot))))


def _moves(references: Sequence[Reference | None], sources: Sequence[int], size: int) -> Ancestors:
    """Ancestors (n,) that bring each chain its reference, in the slot it had in its former chain."""
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
