"""Several searches side by side as one: each with slots of its own, their requests asked together.

The answering side sees one search of all the particles, so that all of them fill a batch. Each search
runs as it would alone, since it is told of its own particles only.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from pfsolve.search.log_odds import Floats
from pfsolve.search.requests import (
    Alike,
    Extend,
    FinalPopulation,
    Fork,
    Request,
    Rewind,
    Score,
    StepInfo,
)
from pfsolve.search.weights import AllParticlesDead, Weights, log_mean_exp

R = TypeVar("R")

# What is served first: a step is taken only once every search waits for one.
_ORDER = (Fork, Rewind, Score, Alike, StepInfo, Extend)


def abreast(
    searches: Sequence[Generator[Request, Any, R]], size: int
) -> Generator[Request, Any, list[R | None]]:
    """Run searches of `size` particles each; search i has slots i * size to (i + 1) * size - 1.

    Returns what each search returns, None for one whose particles all died.

    Raises:
        AllParticlesDead: in every search.
    """
    numbers = range(len(searches))
    ends: list[R | None] = [None for _ in numbers]
    waiting: dict[int, Request] = {}
    fresh = StepInfo(0, np.zeros(size), Weights(np.zeros(size)), 0.0)
    news = dict.fromkeys(numbers, fresh)
    step = 0

    def proceed(number: int, answer: object) -> None:
        try:
            waiting[number] = searches[number].send(answer)
        except StopIteration as end:
            ends[number] = end.value
        except AllParticlesDead:
            del news[number]

    for number in numbers:
        proceed(number, None)
    while waiting:
        asked = {number: waiting.pop(number) for number in _foremost(waiting)}
        infos = {number: r for number, r in asked.items() if isinstance(r, StepInfo)}
        if infos:
            news |= infos
            step = max(step, *(info.step for info in infos.values()))
            request: Request = StepInfo(step, *_united([news.get(i) for i in numbers], size))
        else:
            request = _merged(asked, len(searches), size)
        answer = yield request
        for number, part in zip(asked, _parts(answer, asked, size), strict=True):
            proceed(number, part)
    if all(end is None for end in ends):
        raise AllParticlesDead(f"all {len(searches) * size} particles have weight zero")
    return ends


def join(ends: Sequence[FinalPopulation | None], size: int) -> FinalPopulation:
    """One population of all; where all have died, `size` particles of weight zero.

    Log-weights keep their size, so that with `ratio` weights a search counts by its evidence.
    """
    alive = [end for end in ends if end]
    return FinalPopulation(
        *_united(ends, size),
        max(end.steps for end in alive),
        any(end.stopped for end in alive),
    )


def _foremost(waiting: Mapping[int, Request]) -> list[int]:
    """The searches that are served next, all of which wait for an answer of the same kind."""
    kind = next(k for k in _ORDER if any(isinstance(r, k) for r in waiting.values()))
    return sorted(number for number, request in waiting.items() if isinstance(request, kind))


def _merged(asked: Mapping[int, Any], searches: int, size: int) -> Request:
    """Requests of one kind as one, in terms of all slots."""
    kind: Any = type(next(iter(asked.values())))
    if kind is Alike:
        return Alike()
    if kind is Fork:
        ancestors = np.arange(searches * size)
        for number, fork in asked.items():
            first = number * size
            ancestors[first : first + size] = first + fork.ancestors
        return Fork(ancestors)
    particles = np.concatenate([number * size + r.particles for number, r in asked.items()])
    if kind is Rewind:
        return Rewind(particles, np.concatenate([r.steps for r in asked.values()]))
    merged: Request = kind(particles)
    return merged


def _parts(answer: Any, asked: Mapping[int, Request], size: int) -> Sequence[Any]:
    """Each search's part of an answer: that for its own particles, or all of one that has no parts."""
    if any(isinstance(r, Alike) for r in asked.values()):
        return [answer[number * size : (number + 1) * size] for number in asked]
    sizes = [r.particles.size for r in asked.values() if isinstance(r, Extend | Score)]
    return np.split(answer, np.cumsum(sizes)[:-1]) if sizes else [answer] * len(asked)


def _united(
    parts: Sequence[StepInfo | FinalPopulation | None], size: int
) -> tuple[Floats, Weights, float | None]:
    """Log-odds, weights and log evidence of all searches; None is one that has died.

    The mean of unbiased estimates of the evidence is an unbiased estimate too.
    """
    dead = np.full(size, -np.inf)
    log_odds = np.concatenate([part.log_odds if part else dead for part in parts])
    log_weights = np.concatenate([part.weights.log if part else dead for part in parts])
    evidence = [part.log_evidence if part else float("-inf") for part in parts]
    known = [each for each in evidence if each is not None]
    whole = log_mean_exp(np.array(known)) if len(known) == len(parts) else None
    return log_odds, Weights(log_weights), whole
