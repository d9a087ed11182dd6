"""Particle Gibbs: a filter over and over, each time around one trajectory of the time before.

The first sweep is a particle filter. Each later one keeps a reference, drawn by the final weights of
the sweep before; the other n - 1 particles start afresh, and the filter is conditional on it (see
`particle_filter.sweep`). With `ratio` weights the sweeps are a Markov chain that leaves
p(x) * odds(r_T)^(1 / softmax_temperature) as it is, for any n >= 2
(Andrieu, Doucet, Holenstein 2010, section 4.3; arXiv:2502.01618, section 3.2).

The final population is that of the last sweep, its reference among it, as in the paper's code and its
successor's: what earlier sweeps found lives on only through the reference. It costs n * sweeps
particles, less the references.
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
    """Run so many sweeps of n particles, n >= 2.

    The evidence is that of the first sweep: around a reference it is no unbiased estimate.

    Raises:
        AllParticlesDead, InvalidLogWeight: as `particle_filter`.
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
    """A sweep in which all particles but the reference start afresh; all of them without one."""
    others = np.arange(n)
    if reference is not None:
        yield Fork(np.full(n, reference.slot))
        others = np.delete(others, reference.slot)
    if others.size:
        yield Rewind(others, np.zeros_like(others))
    return (yield from sweep(n, rules, rng, reference, taken))
