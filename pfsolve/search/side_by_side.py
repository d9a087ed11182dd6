"""Several searches side by side as one: each with slots of its own, their requests asked together.

To whoever answers it is a single search of all their particles, so that all of them fill a batch; and
each is what it would be alone, since it hears of nothing but its own.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from pfsolve.search import weights as w
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

R = TypeVar("R")

# What is served first: a step is taken only once everybody waits for one.
_ORDER = (Fork, Rewind, Score, Alike, StepInfo, Extend)


def abreast(
    searches: Sequence[Generator[Request, Any, R]], size: int
) -> Generator[Request, Any, list[R | None]]:
    """Run searches of `size` particles each; search i has slots i * size to (i + 1) * size - 1.

    Returns what each of them returns; None for one whose particles all died.

    Raises:
        AllParticlesDead: those of all searches did.
    """
    ends: list[R | None] = [None] * len(searches)
    waiting: dict[int, Request] = {}
    news = [StepInfo(0, np.zeros(size), np.zeros(size), 0.0)] * len(searches)

    def proceed(number: int, answer: object) -> None:
        try:
            waiting[number] = searches[number].send(answer)
        except StopIteration as end:
            ends[number] = end.value
        except w.AllParticlesDead:
            dead = np.full(size, -np.inf)
            news[number] = StepInfo(news[number].step, dead, dead, float("-inf"))

    for number in range(len(searches)):
        proceed(number, None)
    while waiting:
        kind = next(k for k in _ORDER if any(isinstance(r, k) for r in waiting.values()))
        numbers = sorted(number for number, r in waiting.items() if isinstance(r, kind))
        asked = {number: waiting.pop(number) for number in numbers}
        for number, request in asked.items():
            if isinstance(request, StepInfo):
                news[number] = request
        together = _newest(news) if kind is StepInfo else _merged(kind, asked, len(searches), size)
        answer = yield together
        for number, part in zip(numbers, _parts(answer, asked, size), strict=True):
            proceed(number, part)
    if all(end is None for end in ends):
        raise w.AllParticlesDead(f"all {len(searches) * size} particles have weight zero")
    return ends


def join(ends: Sequence[FinalPopulation | None], size: int) -> FinalPopulation:
    """One population of all; where all have died, `size` particles of weight zero.

    Log-weights keep their size, so that with `ratio` weights a search counts by its evidence.
    """
    dead = np.full(size, -np.inf)
    alive = [end or FinalPopulation(dead, dead, float("-inf"), 0) for end in ends]
    return FinalPopulation(
        np.concatenate([end.log_odds for end in alive]),
        np.concatenate([end.log_weights for end in alive]),
        _evidence([end.log_evidence for end in alive]),
        max(end.steps for end in alive),
        any(end.stopped for end in alive),
    )


def _merged(kind: Any, asked: Mapping[int, Any], searches: int, size: int) -> Request:
    """Requests of one kind as one, in terms of all slots."""
    if kind is Fork:
        ancestors = np.arange(searches * size)
        for number, one in asked.items():
            first = number * size
            ancestors[first : first + size] = first + one.ancestors
        return Fork(ancestors)
    if kind is Alike:
        return Alike()
    particles = np.concatenate([number * size + r.particles for number, r in asked.items()])
    if kind is Rewind:
        return Rewind(particles, np.concatenate([r.steps for r in asked.values()]))
    together: Request = kind(particles)
    return together


def _parts(answer: Any, asked: Mapping[int, Request], size: int) -> Sequence[Any]:
    """Each search's part of an answer: its own particles', or all of one that is about nobody."""
    if any(isinstance(r, Alike) for r in asked.values()):
        return [answer[number * size : (number + 1) * size] for number in asked]
    sizes = [r.particles.size for r in asked.values() if isinstance(r, Extend | Score)]
    return np.split(answer, np.cumsum(sizes)[:-1]) if sizes else [answer] * len(asked)


def _newest(news: Sequence[StepInfo]) -> StepInfo:
    """The newest of every search as one."""
    return StepInfo(
        max(each.step for each in news),
        np.concatenate([each.log_odds for each in news]),
        np.concatenate([each.log_weights for each in news]),
        _evidence([each.log_evidence for each in news]),
    )


def _evidence(of_each: Sequence[float | None]) -> float | None:
    """The mean of unbiased estimates is one too."""
    known = [each for each in of_each if each is not None]
    return w.log_mean_exp(np.array(known)) if len(known) == len(of_each) else None
