"""Weights in log space: exact where an exact value is known, and loud where there is none."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pfsolve.search.weights import AllParticlesDead, InvalidLogWeight, Weights, log_mean_exp

log_weights = arrays(
    np.float64, st.integers(1, 40), elements=st.floats(-500, 500) | st.just(-math.inf)
).filter(lambda values: bool(np.isfinite(values).any()))


@given(log_weights)
def test_normalised_weights_are_the_exponentials_over_their_sum(values: np.ndarray) -> None:
    exact = [math.exp(v - values.max()) for v in values]
    expected = np.array(exact) / math.fsum(exact)
    np.testing.assert_allclose(Weights(values).normalised, expected, rtol=1e-12)


@given(log_weights, st.floats(-1000, 1000))
def test_a_constant_shift_moves_the_mean_and_nothing_else(values: np.ndarray, shift: float) -> None:
    here, there = Weights(values), Weights(values + shift)
    assert there.log_mean == pytest.approx(here.log_mean + shift, abs=1e-9)
    np.testing.assert_allclose(there.normalised, here.normalised, atol=1e-9)


def test_log_mean_of_equal_weights_is_that_weight() -> None:
    assert Weights(np.full(7, -3.25)).log_mean == pytest.approx(-3.25)
    assert log_mean_exp(np.full(3, -math.inf)) == -math.inf


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_nan_and_infinite_weights_are_errors_that_name_the_particle(bad: float) -> None:
    for make in (Weights, Weights.of_scores):
        with pytest.raises(InvalidLogWeight, match="particle 2"):
            make(np.array([0.0, -math.inf, bad]))


def test_all_dead_is_an_error() -> None:
    for make in (Weights, Weights.of_scores):
        with pytest.raises(AllParticlesDead, match="3 particles"):
            make(np.full(3, -math.inf))


def test_scores_as_weights_are_probabilities() -> None:
    weights = Weights.of_scores(np.array([0.0, math.log(3), -math.inf]))
    np.testing.assert_allclose(np.exp(weights.log), [0.5, 0.75, 0.0])


def test_ess_counts_equal_particles_and_ignores_dead_ones() -> None:
    assert Weights(np.zeros(8)).ess == pytest.approx(8)
    assert Weights(np.array([0.0, 0.0, -math.inf, -math.inf])).ess == pytest.approx(2)
    assert Weights(np.array([0.0, -math.inf])).ess == 1
