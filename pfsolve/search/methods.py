"""What `--method NAME` stands for: one table from names to searches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from pfsolve.search.beam import beam_search, tree_search
from pfsolve.search.independent import independent_samples
from pfsolve.search.islands import island_filters
from pfsolve.search.particle_filter import FilterRules, particle_filter
from pfsolve.search.particle_gibbs import particle_gibbs
from pfsolve.search.requests import Search
from pfsolve.search.tempering import tempering


@dataclass(frozen=True, slots=True)
class Knobs:
    """What methods can be set to; each looks at its own.

    Args:
        particles: partial solutions at a time.
        rules: of every filter.
        expected_steps: of a solution, for the schedule of the entropic filter.
        sweeps: of particle Gibbs and of each chain of tempering.
        islands: independent filters that share the particles.
        ladder: softmax temperatures of tempering's chains, hottest first.
        beam_width: ways in which beam and tree search expand a prefix.
    """

    particles: int
    rules: FilterRules
    expected_steps: int = 12
    sweeps: int = 2
    islands: int = 2
    ladder: tuple[float, ...] = (2.0, 1.0)
    beam_width: int = 4


Method = Callable[[Knobs, np.random.Generator], Search]

METHODS: dict[str, Method] = {
    "pf": lambda k, rng: particle_filter(k.particles, k.rules, rng),
    "entropic": lambda k, rng: particle_filter(
        k.particles, replace(k.rules, expected_steps=k.expected_steps), rng
    ),
    "pg": lambda k, rng: particle_gibbs(k.particles, k.rules, rng, k.sweeps),
    "islands": lambda k, rng: island_filters(k.particles, k.rules, rng, k.islands),
    "tempering": lambda k, rng: tempering(k.particles, k.rules, rng, k.ladder, k.sweeps),
    "beam": lambda k, rng: beam_search(k.particles, k.beam_width),
    "dvts": lambda k, rng: tree_search(k.particles, k.beam_width),
    "bon": lambda k, rng: independent_samples(k.particles, scored=True),
    "sc": lambda k, rng: independent_samples(k.particles, scored=False),
    "greedy": lambda k, rng: independent_samples(k.particles, scored=False),
}
