"""Islands: independent filters that share the particles, and one population of all in the end.

The paper ran this as "parallel tempering" (arXiv:2502.01618, section 3.2). Independent filters do not
all follow the same early winner.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np

from pfsolve.search.particle_filter import FilterRules, particle_filter
from pfsolve.search.requests import FinalPopulation, Request
from pfsolve.search.side_by_side import abreast, join


def island_filters(
    n: int, rules: FilterRules, rng: np.random.Generator, islands: int
) -> Generator[Request, Any, FinalPopulation]:
    """Run `islands` filters of n / islands particles each.

    Raises:
        ValueError: n is no multiple of islands.
        AllParticlesDead: on every island; a single dead island has weight zero.
    """
    if n % islands:
        raise ValueError(f"{n} particles cannot be split into {islands} equal islands")
    size = n // islands
    filters = [(particle_filter(size, rules, own), size) for own in rng.spawn(islands)]
    return join((yield from abreast([filters])), [size] * islands)
