"""Beam search, and diverse verifier tree search: the best prefixes by score, and no chance in it.

search-and-learn's baselines (Snell et al. 2024, arXiv:2408.03314, section 5.2; Beeching, Tunstall,
Rush 2024). Here a beam that has finished keeps its place among the best and needs one slot only; the
unfinished beams share the others.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pfsolve.search.log_odds import Floats
from pfsolve.search.requests import Extend, FinalPopulation, Fork, Request, Score, StepInfo
from pfsolve.search.resampling import Ancestors, keep_in_place
from pfsolve.search.side_by_side import abreast, join
from pfsolve.search.weights import Weights


def beam_search(n: int, width: int) -> Generator[Request, Any, FinalPopulation]:
    """Keep the best n / width prefixes after each step and expand each `width` ways.

    It ends when all the kept prefixes have finished; the final population holds nothing else, unless a
    watcher has ended it. Its weights are the scores.

    Raises:
        ValueError: n is no multiple of width.
        AllParticlesDead: no prefix has a score above zero.
        InvalidLogWeight: a score is NaN or +inf.
    """
    if n % width:
        raise ValueError(f"{n} particles are no whole number of beams {width} wide")
    finished = np.zeros(n, dtype=np.bool_)
    log_odds = np.zeros(n)
    step = 0
    while not finished.all():
        living = np.flatnonzero(~finished)
        finished[living] = yield Extend(living)
        log_odds[living] = yield Score(living)
        step += 1
        if (
            yield StepInfo(step, log_odds.copy(), Weights.of_scores(log_odds))
        ):  # what has finished may be none of the best
            break
        ancestors = _expanded(_best(log_odds, n // width), finished)
        yield Fork(ancestors)
        finished, log_odds = finished[ancestors], log_odds[ancestors]
    return FinalPopulation(log_odds, Weights.of_scores(log_odds), None, step, not finished.all())


def tree_search(n: int, width: int) -> Generator[Request, Any, FinalPopulation]:
    """DVTS: n / width beam searches that keep one beam each, independent of each other."""
    if n % width:
        raise ValueError(f"{n} particles are no whole number of beams {width} wide")
    beams = [(beam_search(width, width), width) for _ in range(n // width)]
    return join((yield from abreast([beams])), [width] * len(beams))


def _best(log_odds: Floats, count: int) -> Ancestors:
    """The best `count` of those that are alive, best first; of equals the lower index."""
    order = np.argsort(-log_odds, kind="stable")[:count]
    return order[np.isfinite(log_odds[order])]


def _expanded(kept: Ancestors, finished: NDArray[np.bool_]) -> Ancestors:
    """Ancestors (n,): one slot for each kept beam that has finished, the others shared out evenly."""
    growing, done = kept[~finished[kept]], kept[finished[kept]]
    if not growing.size:
        return keep_in_place(np.resize(done, finished.size))
    return keep_in_place(np.append(done, np.resize(growing, finished.size - done.size)))
