"""Several searches side by side as one: each with slots of its own, their requests asked together.

The answering side sees one search of all the particles, so that all of them fill a batch. Each search
runs as it would alone, since it is told of its own particles only.

Searches may come in waves, each of which begins once the one before it has ended. A watcher that has
seen enough before the last wave has saved the rest.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Generic, TypeAlias, TypeVar

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
from pfsolve.search.resampling import Ancestors
from pfsolve.search.weights import AllParticlesDead, Weights, log_mean_exp

R = TypeVar("R")

# A search and the number of its particles.
Island: TypeAlias = tuple[Generator[Request, Any, R], int]

# What is served first: a step is taken only once every search waits for one.
_ORDER = (Fork, Rewind, Score, Alike, StepInfo, Extend)


def abreast(waves: Sequence[Sequence[Island[R]]]) -> Generator[Request, Any, list[R | None]]:
    """Run the searches of each wave side by side, and the waves one after the other.

    The slots of all islands are numbered through. Those of islands that have died or not begun have
    log-odds and log-weights of -inf in every StepInfo.

    Returns what each search returns that has begun, None for one whose particles all died. No wave
    begins once a watcher has answered a StepInfo with True.

    Raises:
        AllParticlesDead: in every search.
    """
    fleet, stop = _Fleet([island for wave in waves for island in wave]), False
    for wave in waves:
        if stop:
            break
        fleet.begin(len(wave))
        while fleet.waiting:
            asked = fleet.foremost()
            request = fleet.united(asked)
            answer = yield request
            stop = stop or (isinstance(request, StepInfo) and bool(answer))
            fleet.proceed(asked, _parts(answer, asked, fleet.slots))
    if all(end is None for end in fleet.ends):
        raise AllParticlesDead(f"all {sum(fleet.sizes)} particles have weight zero")
    return fleet.ends


def join(ends: Sequence[FinalPopulation | None], sizes: Sequence[int]) -> FinalPopulation:
    """One population of all islands.

    Log-weights keep their size, so that with `ratio` weights a search counts by its evidence.

    Args:
        ends: as `abreast` returns them.
        sizes: the number of particles of each island; islands that have died or not begun have
            particles of weight zero.
    """
    alive = [end for end in ends if end]
    return FinalPopulation(
        *_united(ends, slots_of(sizes)),
        max(end.steps for end in alive),
        len(ends) < len(sizes) or any(end.stopped for end in alive),
    )


def slots_of(sizes: Sequence[int]) -> list[Ancestors]:
    """The slots of each island of these sizes."""
    return np.split(np.arange(sum(sizes)), np.cumsum(sizes)[:-1])


class _Fleet(Generic[R]):
    """Islands, of which some have begun.

    Attributes:
        sizes: the number of particles of each.
        slots: of each.
        ends: what each that has begun has returned, None until then and for one that has died.
        waiting: what each asks for now, by its number.
        news: the last StepInfo of each that has begun and not died, its step counted over all waves.
        step: the number of the newest step.
    """

    def __init__(self, islands: Sequence[Island[R]]) -> None:
        self._searches = [search for search, _ in islands]
        self.sizes = [size for _, size in islands]
        self.slots = slots_of(self.sizes)
        self.ends: list[R | None] = []
        self.waiting: dict[int, Request] = {}
        self.news: dict[int, StepInfo] = {}
        self.step = self._before = 0  # the latter: steps taken before this wave

    def begin(self, count: int) -> None:
        """The next islands begin."""
        numbers = range(len(self.ends), len(self.ends) + count)
        self._before = self.step
        for number in numbers:
            zeros = np.zeros(self.sizes[number])
            self.news[number] = StepInfo(self.step, zeros, Weights(zeros), 0.0)
            self.ends.append(None)
        self.proceed(numbers, [None] * count)

    def proceed(self, numbers: Iterable[int], answers: Iterable[Any]) -> None:
        """Each of these islands is answered."""
        for number, answer in zip(numbers, answers, strict=True):
            try:
                request = self.waiting[number] = self._searches[number].send(answer)
            except StopIteration as end:
                self.ends[number] = end.value
            except AllParticlesDead:
                del self.news[number]
            else:
                if isinstance(request, StepInfo):
                    self.news[number] = replace(request, step=self._before + request.step)

    def foremost(self) -> dict[int, Request]:
        """What is served next, by its island: requests of one kind, which wait no longer."""
        waiting = self.waiting
        kind = next(k for k in _ORDER if any(isinstance(r, k) for r in waiting.values()))
        numbers = sorted(number for number, r in waiting.items() if isinstance(r, kind))
        return {number: waiting.pop(number) for number in numbers}

    def united(self, asked: Mapping[int, Any]) -> Request:
        """Requests of one kind as one, in terms of all slots."""
        slots = self.slots
        kind: Any = type(next(iter(asked.values())))
        if kind is StepInfo:
            self.step = max(self.step, *(self.news[number].step for number in asked))
            parts = [self.news.get(number) for number in range(len(self.ends))]
            return StepInfo(self.step, *_united(parts, slots))
        if kind is Alike:
            return Alike()
        if kind is Fork:
            ancestors = np.concatenate(slots)
            log_weights = np.full(ancestors.size, -np.inf)
            for number, news in self.news.items():
                log_weights[slots[number]] = news.weights.log
            for number, fork in asked.items():
                own = slots[number]
                ancestors[own] = own[fork.ancestors]
                known = fork.log_weights is not None
                log_weights[own] = fork.log_weights if known else log_weights[ancestors[own]]
            return Fork(ancestors, log_weights)
        particles = np.concatenate([slots[number][r.particles] for number, r in asked.items()])
        if kind is Rewind:
            return Rewind(particles, np.concatenate([r.steps for r in asked.values()]))
        united: Request = kind(particles)
        return united


def _parts(answer: Any, asked: Mapping[int, Request], slots: Sequence[Ancestors]) -> Sequence[Any]:
    """Each search's part of an answer: that for its own particles, or all of one that has no parts."""
    if any(isinstance(r, Alike) for r in asked.values()):
        return [answer[slots[number]] for number in asked]
    sizes = [r.particles.size for r in asked.values() if isinstance(r, Extend | Score)]
    return np.split(answer, np.cumsum(sizes)[:-1]) if sizes else [answer] * len(asked)


def _united(
    parts: Sequence[StepInfo | FinalPopulation | None], slots: Sequence[Ancestors]
) -> tuple[Floats, Weights, float | None]:
    """Log-odds, weights and log evidence of all searches that have begun; None is one that has died.

    The mean of unbiased estimates of the evidence is an unbiased estimate too.
    """
    log_odds, log_weights = np.full((2, sum(own.size for own in slots)), -np.inf)
    for part, own in zip(parts, slots, strict=False):
        if part:
            log_odds[own], log_weights[own] = part.log_odds, part.weights.log
    evidence = [part.log_evidence if part else float("-inf") for part in parts]
    known = [each for each in evidence if each is not None]
    whole = log_mean_exp(np.array(known)) if len(known) == len(parts) else None
    return log_odds, Weights(log_weights), whole
