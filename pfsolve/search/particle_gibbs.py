"""Particle Gibbs: filters in a row, each conditional on one trajectory of the filter before it.

    sweep a particle filter
    repeat
        reference ~ final weights of the last sweep
        all other particles return to the prompt
        sweep a filter conditional on the reference (see `particle_filter`)

With `ratio` weights the sweeps are a Markov chain that leaves p(x) * odds(r_T)^(1 / softmax_temperature)
invariant, for any n >= 2 (Andrieu, Doucet, Holenstein 2010, section 4.3; arXiv:2502.01618, section 3.2).

The final population is that of the last sweep, its reference among it, as in the paper's code and that
of its successor: what earlier sweeps found survives only in the reference. The first sweep writes n
solutions, each later one n - 1.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import Any

import numpy as np

from pfsolve.search.particle_filter import FilterRules, sweep
from pfsolve.search.requests import FinalPopulation, Fork, Request, Rewind
from pfsolve.search.state import Reference, Sweep


def particle_gibbs(
    n: int, rules: FilterRules, rng: np.random.Generator, sweeps: int
) -> Generator[Request, Any, FinalPopulation]:
    """Run `sweeps` sweeps of n particles, n >= 2.

    The evidence is that of the first sweep: a conditional sweep gives no unbiased estimate.

    Raises:
        AllParticlesDead, InvalidLogWeight: as `particle_filter` does.
    """
    end = yield from sweep(n, rules, rng)
    log_evidence = end.population.log_evidence
    done = 1
    while done < sweeps and not end.stop:
        end = yield from next_sweep(n, rules, rng, end.draw(rng), end.population.steps)
        done += 1
    stopped = end.population.stopped or done < sweeps
    return replace(end.population, log_evidence=log_evidence, stopped=stopped)


def next_sweep(
    n: int, rules: FilterRules, rng: np.random.Generator, reference: Reference | None, taken: int
) -> Generator[Request, Any, Sweep]:
    """A sweep in which all particles start afresh, except a reference."""
    others = np.arange(n)
    if reference is not None:
        yield Fork(np.full(n, reference.slot))
        others = np.delete(others, reference.slot)
    if others.size:
        yield Rewind(others, np.zeros_like(others))
    return (yield from sweep(n, rules, rng, reference, taken))
