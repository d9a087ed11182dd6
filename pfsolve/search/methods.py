"""What `--method NAME` stands for: one table from names to searches.

A new method is a module of this room, a line in `METHODS`, and its name in `pfsolve.settings.METHODS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Protocol, TypeAlias

import numpy as np

from pfsolve.search.beam import beam_search, tree_search
from pfsolve.search.independent import independent_samples
from pfsolve.search.islands import island_filters
from pfsolve.search.particle_filter import FilterRules, particle_filter
from pfsolve.search.particle_gibbs import particle_gibbs
from pfsolve.search.requests import Search
from pfsolve.search.tempering import tempering


class MethodSettings(Protocol):
    """The settings that methods read, as `pfsolve.settings.Settings` has them; each reads its own.

    A filter's rules are settings too, by their names in `FilterRules`.
    """

    @property
    def particles(self) -> int:
        """Partial solutions held at a time."""

    @property
    def expected_steps(self) -> int:
        """Steps of a typical solution, for the schedule of the entropic filter."""

    @property
    def sweeps(self) -> int:
        """Sweeps of particle Gibbs, and of each chain of tempering."""

    @property
    def islands(self) -> int:
        """Independent filters that share the particles."""

    @property
    def ladder(self) -> Sequence[float]:
        """Softmax temperatures of tempering's chains, hottest first."""

    @property
    def beam_width(self) -> int:
        """Ways in which beam and tree search expand a prefix."""


Method: TypeAlias = Callable[[MethodSettings, np.random.Generator], Search]


def filter_rules(s: MethodSettings) -> FilterRules:
    """The rules of every filter that these settings ask for: each rule is the setting of its name."""
    names = {field.name for field in fields(FilterRules)} - {"expected_steps"}
    return FilterRules(**{name: getattr(s, name) for name in names})


def entropic_rules(s: MethodSettings) -> FilterRules:
    """The same, with weights flattened early on."""
    return replace(filter_rules(s), expected_steps=s.expected_steps)


METHODS: dict[str, Method] = {
    "pf": lambda s, rng: particle_filter(s.particles, filter_rules(s), rng),
    "entropic": lambda s, rng: particle_filter(s.particles, entropic_rules(s), rng),
    "pg": lambda s, rng: particle_gibbs(s.particles, filter_rules(s), rng, s.sweeps),
    "islands": lambda s, rng: island_filters(s.particles, filter_rules(s), rng, s.islands),
    "tempering": lambda s, rng: tempering(s.particles, filter_rules(s), rng, s.ladder, s.sweeps),
    "beam": lambda s, rng: beam_search(s.particles, s.beam_width),
    "dvts": lambda s, rng: tree_search(s.particles, s.beam_width),
    "bon": lambda s, rng: independent_samples(s.particles, scored=True),
    "sc": lambda s, rng: independent_samples(s.particles, scored=False),
    "greedy": lambda s, rng: independent_samples(s.particles, scored=False),
}
