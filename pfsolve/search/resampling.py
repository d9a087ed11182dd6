"""Resampling schemes: from normalised weights to ancestors.

Each scheme draws n ancestors with E[offspring of i] = n * W_i. The schemes differ in the variance of
the offspring counts; the summed variance of systematic is 1.22 at n = 8, against 4.86 of multinomial.

With `kept` a scheme draws from its own law given that a slot picked blindly holds a copy of that
particle. Particle Gibbs needs exactly this of its reference; drawing one fewer and adding the
reference gives the same law only where draws are independent.

Sources: Douc, Cappé, Moulines 2005, arXiv:cs/0507025; for `kept` Chopin, Singh 2015, arXiv:1304.1887,
section 4.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pfsolve.search.log_odds import Floats

Ancestors = NDArray[np.intp]


class Scheme(Protocol):
    def __call__(
        self, rng: np.random.Generator, weights: Floats, n: int, kept: int | None = None
    ) -> Ancestors:
        """Draw ancestors from particles, in no particular order.

        Args:
            rng: source of the random numbers.
            weights: (m,), normalised.
            n: the number of ancestors, which need not be m.
            kept: index of a particle that must be among them.

        Returns:
            Indices (n,) into weights.
        """


def multinomial(
    rng: np.random.Generator, weights: Floats, n: int, kept: int | None = None
) -> Ancestors:
    """Independent draws; the paper's scheme (arXiv:2502.01618, algorithm 1)."""
    if kept is not None:
        return np.append(multinomial(rng, weights, n - 1), kept)
    return _invert(np.sort(rng.random(n)), weights)


def stratified(
    rng: np.random.Generator, weights: Floats, n: int, kept: int | None = None
) -> Ancestors:
    """One draw in each of n equal strata of [0, 1)."""
    points = (np.arange(n) + rng.random(n)) / n
    if kept is None:
        return _invert(points, weights)
    stratum = int(n * _inside(rng, weights, kept))
    return np.append(_invert(np.delete(points, stratum), weights), kept)


def systematic(
    rng: np.random.Generator, weights: Floats, n: int, kept: int | None = None
) -> Ancestors:
    """One uniform draw, shifted into each of n equal strata; offspring counts are floor or ceil of n W."""
    if kept is None:
        return _invert((np.arange(n) + rng.random()) / n, weights)
    place = n * _inside(rng, weights, kept)  # one point lies there, and so all others are given
    points = (np.arange(n) + place % 1) / n
    return np.append(_invert(np.delete(points, int(place)), weights), kept)


def residual(
    rng: np.random.Generator, weights: Floats, n: int, kept: int | None = None
) -> Ancestors:
    """For certain floor(n W_i) offspring, the remainder by multinomial draws from what is left over."""
    expected = n * weights
    # n W_i that is a whole number on paper may come out a hair below it: 2.9999999996 is 3.
    certain = np.floor(expected + 1e-9).astype(np.intp)
    remaining = n - int(certain.sum())
    ancestors = np.repeat(np.arange(weights.size), certain)
    # The copy that must be there is one of its certain ones, or else one of those drawn.
    drawn = kept if kept is not None and rng.random() * expected[kept] >= certain[kept] else None
    if remaining == 0:
        if drawn is not None and not certain[drawn]:  # a weight of next to nothing, rounded away
            ancestors[rng.integers(n)] = drawn
        return ancestors
    left_over = np.maximum(expected - certain, 0.0)
    extra = multinomial(rng, left_over / left_over.sum(), remaining, drawn)
    return np.concatenate([ancestors, extra])


SCHEMES: dict[str, Scheme] = {
    "systematic": systematic,
    "multinomial": multinomial,
    "stratified": stratified,
    "residual": residual,
}


def resample_around(
    scheme: Scheme, rng: np.random.Generator, weights: Floats, kept: int
) -> Ancestors:
    """One ancestor for each weight, `kept` among them, of particles in random order.

    With some schemes the counts depend on the order of the weights, and a reference always stands in
    the same slot: only in random order is it a particle like any other.
    """
    order = rng.permutation(weights.size)
    place = int(np.flatnonzero(order == kept)[0])
    ancestors: Ancestors = order[scheme(rng, weights[order], weights.size, place)]
    return ancestors


def _invert(points: Floats, weights: Floats) -> Ancestors:
    """Index of the weight whose slice of the cumulative sum holds each sorted point of [0, 1)."""
    cumulative = np.cumsum(weights)
    # Rounding may leave the sum below 1. Scaling the points by it keeps each of them inside, and
    # side="right" never lands on a weight of zero.
    points = points * cumulative[-1]
    index: Ancestors = np.searchsorted(cumulative, points, side="right")
    return index.clip(max=np.flatnonzero(weights)[-1])


def _inside(rng: np.random.Generator, weights: Floats, index: int) -> float:
    """A uniform point in the slice of [0, 1) that belongs to one weight."""
    cumulative = np.cumsum(weights)
    point = (cumulative[index] - weights[index] * (1 - rng.random())) / cumulative[-1]
    return float(min(max(point, 0.0), np.nextafter(1.0, 0.0)))


def keep_in_place(ancestors: Ancestors) -> Ancestors:
    """The same offspring, arranged so that every survivor stays in its own slot.

    A particle then needs no copy for the first of its offspring, and a watcher sees rows stay where
    they were. Which slot a copy takes carries no information, so the law is unchanged.
    """
    n = ancestors.size
    arranged = np.full(n, -1, dtype=np.intp)
    survivors = np.unique(ancestors)
    arranged[survivors] = survivors
    counts = np.bincount(ancestors, minlength=n)
    counts[survivors] -= 1
    arranged[arranged < 0] = np.repeat(np.arange(n), counts)
    return arranged
