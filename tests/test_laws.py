"""The laws are broken by what breaks them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pfsolve.search.particle_filter import FilterRules, particle_filter
from pfsolve.search.requests import Extend, FinalPopulation, Fork, Score, Search, StepInfo
from pfsolve.search.resampling import Scheme
from pfsolve.search.weights import Weights
from tests.laws import MakeSearch, check_resampling, check_search

RULES = FilterRules(resampling="multinomial")


def filter_that(
    asks: Callable[[Any], Any] = lambda request: request,
    hears: Callable[[Any, Any], Any] = lambda request, answer: answer,
) -> MakeSearch:
    """A particle filter whose requests are changed on their way out, or answers on their way in."""

    def make(rng: np.random.Generator) -> Search:
        search, answer = particle_filter(4, RULES, rng), None
        while True:
            try:
                request = search.send(answer)
            except StopIteration as end:
                return end.value
            answer = hears(request, (yield asks(request)))

    return make


def ends_at_once(rng: np.random.Generator) -> Search:
    return FinalPopulation(np.zeros(4), Weights(np.zeros(4)), None, 0)
    yield


BROKEN: dict[str, MakeSearch] = {
    "extends finished particles": filter_that(
        asks=lambda r: Extend(np.arange(4)) if isinstance(r, Extend) else r
    ),
    "scores without a step": filter_that(
        asks=lambda r: Score(np.arange(4)) if isinstance(r, Score) else r
    ),
    "forks some only": filter_that(
        asks=lambda r: Fork(r.ancestors[1:]) if isinstance(r, Fork) else r
    ),
    "forks from nowhere": filter_that(
        asks=lambda r: Fork(r.ancestors - 4) if isinstance(r, Fork) else r
    ),
    "tells in single precision": filter_that(
        asks=lambda r: (
            replace(r, log_odds=r.log_odds.astype(np.float32)) if isinstance(r, StepInfo) else r
        )
    ),
    "hears no stop": filter_that(hears=lambda r, answer: not isinstance(r, StepInfo) and answer),
    "hears no NaN": filter_that(
        hears=lambda r, answer: (
            np.where(np.isnan(answer), 0.0, answer) if isinstance(r, Score) else answer
        )
    ),
    "draws from elsewhere": lambda _: particle_filter(4, RULES, np.random.default_rng()),
    "ends at once": ends_at_once,
}


def test_an_unbroken_search_passes() -> None:
    check_search(filter_that(), 4)


@pytest.mark.parametrize("make", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_search_is_noticed(make: MakeSearch) -> None:
    with pytest.raises(AssertionError):
        check_search(make, 4)


def best_only(
    rng: np.random.Generator, weights: np.ndarray, n: int, kept: int | None = None
) -> np.ndarray:
    return np.full(n, np.argmax(weights) if kept is None else kept)


def drops_the_kept(
    rng: np.random.Generator, weights: np.ndarray, n: int, kept: int | None = None
) -> np.ndarray:
    return rng.choice(weights.size, n, p=weights)


def appends_the_kept(
    rng: np.random.Generator, weights: np.ndarray, n: int, kept: int | None = None
) -> np.ndarray:
    """Right for independent draws alone; here the first n - 1 of a systematic scheme."""
    points = (np.arange(n) + rng.random()) / n
    drawn = np.searchsorted(np.cumsum(weights), points, side="right").clip(
        max=np.flatnonzero(weights)[-1]
    )
    return drawn if kept is None else np.append(drawn[1:], kept)


@pytest.mark.parametrize("scheme", [best_only, drops_the_kept, appends_the_kept])
def test_a_broken_scheme_is_noticed(scheme: Scheme) -> None:
    with pytest.raises(AssertionError):
        check_resampling(scheme)
