"""Resampling schemes: from normalised weights to ancestors.

Each scheme maps (rng, weights of shape (n,), how many) to ancestor indices (how many,), and keeps
E[offspring of i] = how_many * W_i. They differ in the variance of the offspring counts; systematic
has the lowest here (METHOD: 1.22 against 4.86 of multinomial at n = 8).

Source: Douc, Cappé, Moulines 2005, arXiv:cs/0507025.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pfsolve.search.weights import Floats

Ancestors = NDArray[np.intp]
Scheme = Callable[[np.random.Generator, Floats, int], Ancestors]


def multinomial(rng: np.random.Generator, weights: Floats, n: int) -> Ancestors:
    """n independent draws; the paper's scheme (arXiv:2502.01618, algorithm 1)."""
    return _invert(np.sort(rng.random(n)), weights)


def stratified(rng: np.random.Generator, weights: Floats, n: int) -> Ancestors:
    """One draw in each of n equal strata of [0, 1)."""
    return _invert((np.arange(n) + rng.random(n)) / n, weights)


def systematic(rng: np.random.Generator, weights: Floats, n: int) -> Ancestors:
    """One uniform draw, shifted into each of n equal strata; offspring counts are floor or ceil of n W."""
    return _invert((np.arange(n) + rng.random()) / n, weights)


def residual(rng: np.random.Generator, weights: Floats, n: int) -> Ancestors:
    """floor(n W_i) offspring for certain, the remainder by multinomial draws from what is left over."""
    expected = n * weights
    # n W_i that is a whole number on paper may come out a hair below it: 2.9999999996 is 3.
    certain = np.floor(expected + 1e-9).astype(np.intp)
    remaining = n - int(certain.sum())
    ancestors = np.repeat(np.arange(weights.size), certain)
    if remaining <= 0:
        return ancestors[:n]
    left_over = np.maximum(expected - certain, 0.0)
    extra = multinomial(rng, left_over / left_over.sum(), remaining)
    return np.sort(np.concatenate([ancestors, extra]))


SCHEMES: dict[str, Scheme] = {
    "systematic": systematic,
    "multinomial": multinomial,
    "stratified": stratified,
    "residual": residual,
}


def _invert(points: Floats, weights: Floats) -> Ancestors:
    """Index of the weight whose slice of the cumulative sum holds each sorted point of [0, 1)."""
    cumulative = np.cumsum(weights)
    # Rounding may leave the sum below 1: scaling the points instead of trusting it keeps every point
    # inside, and side="right" never lands on a weight of zero.
    points = points * cumulative[-1]
    index: Ancestors = np.searchsorted(cumulative, points, side="right")
    return index.clip(max=np.flatnonzero(weights)[-1])


def keep_in_place(ancestors: Ancestors) -> Ancestors:
    """The same offspring, arranged so that every survivor stays in its own slot.

    A particle that has offspring then needs no copy for the first of them, and a watcher sees rows
    stay where they were. Which slot a copy takes carries no information, so the law is unchanged.
    """
    n = ancestors.size
    arranged = np.full(n, -1, dtype=np.intp)
    survivors = np.unique(ancestors)
    arranged[survivors] = survivors
    counts = np.bincount(ancestors, minlength=n)
    counts[survivors] -= 1
    arranged[arranged < 0] = np.repeat(np.arange(n), counts)
    return arranged
