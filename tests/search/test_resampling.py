"""Each scheme keeps E[offspring] = N W (Douc, Cappé, Moulines 2005), and its own promises."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pfsolve.search.resampling import SCHEMES, keep_in_place, resample_around, systematic
from tests.laws import check_conditional_law, check_resampling, offspring
from tests.search.worlds import assert_mean

schemes = pytest.mark.parametrize("name", sorted(SCHEMES))
WEIGHTS = np.array([0.31, 0.005, 0.125, 0.25, 0.0, 0.11, 0.05, 0.15])


def random_weights(n: int, seed: int) -> np.ndarray:
    raw = np.random.default_rng(seed).exponential(size=n) ** 3
    return raw / raw.sum()


def test_variance_of_offspring_is_ordered_as_published() -> None:
    """Systematic varies least here, multinomial most."""
    rng = np.random.default_rng(7)
    total = {}
    for name, scheme in SCHEMES.items():
        spread = []
        for seed in range(200):
            weights = random_weights(8, seed)
            counts = [np.bincount(scheme(rng, weights, 8), minlength=8) for _ in range(100)]
            spread.append(np.var(counts, axis=0).sum())
        total[name] = np.mean(spread)
    assert total["systematic"] < total["residual"] < total["multinomial"]
    assert total["systematic"] < total["stratified"] < total["multinomial"]


@given(st.integers(1, 60), st.integers(0, 10**6), st.integers(0, 10**6))
def test_systematic_offspring_are_floor_or_ceiling(n: int, seed: int, draw: int) -> None:
    weights = random_weights(n, seed)
    counts = np.bincount(systematic(np.random.default_rng(draw), weights, n), minlength=n)
    assert np.all(counts >= np.floor(n * weights - 1e-9))
    assert np.all(counts <= np.ceil(n * weights + 1e-9))


@schemes
def test_it_keeps_the_laws_of_a_scheme(name: str) -> None:
    check_resampling(SCHEMES[name])


@schemes
def test_a_cumulative_sum_below_one_still_finds_everyone(name: str) -> None:
    """Ten tenths do not add up to 1 in floating point; the last particle must not fall off."""

    class AlmostOne(np.random.Generator):
        def random(self, size=None):  # type: ignore[no-untyped-def, override]
            return np.full(size, np.nextafter(1.0, 0.0)) if size else np.nextafter(1.0, 0.0)

    weights = np.append(np.full(10, 0.1), 0.0)
    ancestors = SCHEMES[name](AlmostOne(np.random.PCG64(0)), weights, 10)
    assert ancestors.max() == 9


@schemes
def test_whole_expected_numbers_come_out_exactly(name: str) -> None:
    weights = np.array([0.5, 0.25, 0.25, 0.0])
    if name in ("systematic", "residual"):
        counts = np.bincount(SCHEMES[name](np.random.default_rng(3), weights, 4), minlength=4)
        assert counts.tolist() == [2, 1, 1, 0]


@given(st.lists(st.integers(0, 19), min_size=20, max_size=20))
def test_keeping_survivors_in_place_changes_no_count(chosen: list[int]) -> None:
    ancestors = np.array(chosen)
    arranged = keep_in_place(ancestors)
    assert sorted(arranged) == sorted(chosen)
    for survivor in set(chosen):
        assert arranged[survivor] == survivor


@schemes
def test_in_random_order_the_law_with_a_kept_particle_is_the_schemes_own(name: str) -> None:
    rng = np.random.default_rng(99)
    scheme, n, kept = SCHEMES[name], WEIGHTS.size, 0

    def free() -> np.ndarray:
        order = rng.permutation(n)
        return order[scheme(rng, WEIGHTS[order], n)]

    given = offspring(lambda: resample_around(scheme, rng, WEIGHTS, kept), n, 3000)
    check_conditional_law(offspring(free, n, 3000), given, kept, n * WEIGHTS[kept])


def test_whole_expected_numbers_leave_a_kept_particle_its_place() -> None:
    """Residual resampling has nothing left to draw here, and the kept weight is rounded away."""
    weights = np.array([0.5, 0.5, 1e-300])
    for name in SCHEMES:
        assert 2 in SCHEMES[name](np.random.default_rng(3), weights, 2, 2)


@schemes
def test_resampling_around_a_particle_treats_the_others_alike_wherever_it_stands(name: str) -> None:
    """Two particles of the same weight have as many offspring, on either side of the kept one."""
    rng = np.random.default_rng(5)
    weights = np.array([0.3, 0.1, 0.3, 0.3])
    counts = np.array(
        [
            np.bincount(resample_around(SCHEMES[name], rng, weights, 1), minlength=4)
            for _ in range(6000)
        ]
    )
    assert_mean((counts[:, [0, 0, 2]] - counts[:, [2, 3, 3]]).astype(float), np.zeros(3))
