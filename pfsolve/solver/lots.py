"""Which particles of a search write what: texts and programs, all at once or in waves.

Texts and programs are islands: they are weighted and resampled among themselves, since their weights
cannot be compared, and pooled for the vote. Where a search may end early the first wave is one greedy
solution of each kind, the second two of each, the third the rest: two kinds that fail for different
reasons and agree are seldom wrong (arXiv:2604.17433).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pfsolve.errors import UsageError
from pfsolve.particle import Kind
from pfsolve.search.methods import METHODS
from pfsolve.search.pooling import pooled
from pfsolve.search.redrawing import redrawing
from pfsolve.search.requests import Search
from pfsolve.settings import Settings

# Methods that may begin with a few particles: any number of theirs makes a search.
_IN_WAVES = ("pf", "entropic", "sc")
_INDEPENDENT = ("sc", "bon")  # methods whose particles share nothing
_FIRST, _SECOND = 1, 2  # particles of each kind in the first two waves


@dataclass(frozen=True, slots=True)
class Lot:
    """Particles of one kind that are searched together."""

    kind: Kind
    particles: int
    greedy: bool = False  # whether they are written at temperature 0 the first time


Waves = tuple[tuple[Lot, ...], ...]


def waves_of(settings: Settings, at_once: bool) -> Waves:
    """The lots of a search, in the order of their slots.

    Args:
        settings: resolved.
        at_once: whether decoding all particles costs little more than decoding a few; then there is
            one wave.
    """
    programs = programs_of(settings)
    counts = {Kind.TEXT: settings.particles - programs, Kind.PROGRAM: programs}
    greedy = settings.method == "greedy"
    if not settings.stops_early or settings.method not in _IN_WAVES or settings.particles == 1:
        return (tuple(Lot(kind, n, greedy) for kind, n in counts.items() if n),)
    first = tuple(Lot(kind, _FIRST, greedy=True) for kind, n in counts.items() if n)
    left = {kind: n - _FIRST for kind, n in counts.items() if n > _FIRST}
    if at_once:
        return ((*first, *(Lot(kind, n) for kind, n in left.items())),)
    second = tuple(Lot(kind, min(_SECOND, n)) for kind, n in left.items())
    third = tuple(Lot(kind, n - _SECOND) for kind, n in left.items() if n > _SECOND)
    return tuple(wave for wave in (first, second, third) if wave)


def programs_of(settings: Settings) -> int:
    """The number of particles that write programs: nearest to the share of numbers the method can split."""
    n, share = settings.particles, settings.programs or 0.0
    possible = (k for k in range(n + 1) if _is_whole(settings, k) and _is_whole(settings, n - k))
    return min(possible, key=lambda k: (abs(k - share * n), k))


def _is_whole(settings: Settings, particles: int) -> bool:
    """Whether the method can be run with this number of particles, or need not be."""
    try:
        return particles == 0 or bool(replace(settings, particles=particles))
    except UsageError:
        return False


def search_of(waves: Waves, settings: Settings, rng: np.random.Generator) -> Search:
    """The search that a method makes of these lots."""
    lots = [lot for wave in waves for lot in wave]
    if len(lots) == 1:
        return _search(lots[0], settings, rng)
    rngs = iter(rng.spawn(len(lots)))
    return pooled(
        [[(_search(lot, settings, next(rngs)), lot.particles) for lot in wave] for wave in waves]
    )


def _search(lot: Lot, settings: Settings, rng: np.random.Generator) -> Search:
    """The method's search of one lot.

    Programs that have finished are set aside, as a copy of one adds nothing; those that fail are
    drawn again.
    """
    own = replace(settings, particles=lot.particles)
    if lot.kind is Kind.TEXT:
        return METHODS[own.method](own, rng)
    inner, outer = rng.spawn(2)
    search = METHODS[own.method](replace(own, finished="absorb"), inner)
    if own.method == "greedy":
        return search
    return redrawing(search, lot.particles, outer, copies=own.method not in _INDEPENDENT)
