"""Weights in log space: exact where an exact value is known, and loud where there is none."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pfsolve.search.weights import (
    AllParticlesDead,
    InvalidLogWeight,
    ess,
    log_mean_exp,
    log_sum_exp,
    normalise,
)

log_weight = st.floats(-500, 500) | st.just(-math.inf)
log_weights = arrays(np.float64, st.integers(1, 40), elements=log_weight)


@given(log_weights)
def test_normalised_weights_are_the_exponentials_over_their_sum(values: np.ndarray) -> None:
    if np.isneginf(values).all():
        with pytest.raises(AllParticlesDead):
            normalise(values)
        return
    exact = [math.exp(v - values.max()) for v in values]
    np.testing.assert_allclose(normalise(values), np.array(exact) / math.fsum(exact), rtol=1e-12)


@given(log_weights, st.floats(-1000, 1000))
def test_a_constant_shift_moves_the_sum_and_nothing_else(values: np.ndarray, shift: float) -> None:
    if np.isneginf(values).all():
        assert log_sum_exp(values) == -math.inf
        return
    assert log_sum_exp(values + shift) == pytest.approx(log_sum_exp(values) + shift, abs=1e-9)
    np.testing.assert_allclose(normalise(values + shift), normalise(values), atol=1e-9)


def test_log_mean_of_equal_weights_is_that_weight() -> None:
    assert log_mean_exp(np.full(7, -3.25)) == pytest.approx(-3.25)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_nan_and_infinite_weights_are_errors_that_name_the_particle(bad: float) -> None:
    with pytest.raises(InvalidLogWeight, match="particle 2"):
        normalise(np.array([0.0, -math.inf, bad]))


def test_ess_counts_equal_particles_and_ignores_dead_ones() -> None:
    assert ess(np.full(8, 1 / 8)) == pytest.approx(8)
    assert ess(np.array([0.5, 0.5, 0.0, 0.0])) == pytest.approx(2)
    assert ess(np.array([1.0, 0.0, 0.0])) == 1


def test_temperature_flattens_odds() -> None:
    hot = normalise(np.array([0.0, 2.0]), temperature=2.0)
    assert hot[1] / hot[0] == pytest.approx(math.e)
