"""Sampling follows the law it claims: frequencies against probabilities worked out the slow way."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pfsolve.engine.sampling import Sampling, sample, token_uncertainty


def exact_law(row: np.ndarray, how: Sampling) -> np.ndarray:
    """Top-k, top-p, min-p at temperature 1, then temperature, by plain sorting."""
    p = np.exp(row.astype(np.float64) - row.max())
    p /= p.sum()
    order = np.argsort(-p, kind="stable")
    keep = order[: how.top_k] if how.top_k else order
    if how.top_p < 1:
        total = np.cumsum(p[keep]) / p[keep].sum()
        keep = keep[: int(np.searchsorted(total, how.top_p)) + 1]
    keep = keep[p[keep] >= how.min_p * p.max()]
    law = np.zeros_like(p)
    law[keep] = p[keep] ** (1 / how.temperature)
    return law / law.sum()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("temperature", [0.0, 1e-300, 1e-39, 1e-38, 1e-20])
def test_however_cold_the_likeliest_token_is_drawn(temperature: float) -> None:
    row = np.array([1, 5, 3, -np.inf], np.float32)
    assert sample(row, Sampling(temperature, top_p=0.99), np.random.default_rng(0)) == 1


@pytest.mark.parametrize(
    "how",
    [
        Sampling(1.0),
        Sampling(0.5),
        Sampling(1.7),
        Sampling(0.8, top_k=5),
        Sampling(0.8, top_p=0.7),
        Sampling(1.3, min_p=0.1),
        Sampling(0.9, top_k=40, top_p=0.95, min_p=0.02),
    ],
    ids=repr,
)
def test_frequencies_are_the_probabilities(how: Sampling) -> None:
    """20 000 draws over a vocabulary of several blocks: each within 5 standard errors."""
    rng = np.random.default_rng(5)
    row = (rng.normal(size=1500) * 4).astype(np.float32)
    law = exact_law(row, how)
    draws = 20_000
    counts = np.bincount([sample(row, how, rng) for _ in range(draws)], minlength=row.size)
    assert counts[law == 0].sum() == 0, "a filtered token was drawn"
    error = np.sqrt(law * (1 - law) / draws)
    assert np.all(np.abs(counts / draws - law) < 5 * error + 2 / draws)


@given(st.integers(1, 2000), st.integers(0, 10**6), st.floats(0.05, 3))
def test_any_row_gives_a_token_with_weight(size: int, seed: int, temperature: float) -> None:
    rng = np.random.default_rng(seed)
    row = (rng.normal(size=size) * 30).astype(np.float32)
    row[rng.random(size) < 0.3] = -np.inf
    row[rng.integers(size)] = 1.0
    assert np.isfinite(row[sample(row, Sampling(temperature), rng)])


def test_temperature_zero_is_greedy_and_draws_nothing() -> None:
    rng = np.random.default_rng(0)
    before = rng.bit_generator.state
    assert sample(np.array([0.0, 3.0, 2.9], np.float32), Sampling(0.0), rng) == 1
    assert rng.bit_generator.state == before


def test_log_probabilities_sum_to_one() -> None:
    row = np.random.default_rng(1).normal(size=300).astype(np.float32) * 5
    assert sum(np.exp(token_uncertainty(row, i).log_prob) for i in range(300)) == pytest.approx(
        1, abs=1e-5
    )


@given(st.integers(0, 2**32 - 1), st.integers(1, 400), st.floats(0, 40))
def test_outlooks_agree_with_their_definitions(seed: int, size: int, spread: float) -> None:
    """In float64, with some tokens impossible; entropy and margin are never below 0."""
    rng = np.random.default_rng(seed)
    row = (rng.normal(size=size) * spread).astype(np.float32)
    row[rng.random(size) < 0.3] = -np.inf
    token = int(rng.integers(size))
    row[token] = 1.0
    exact = row.astype(np.float64) - np.logaddexp.reduce(row.astype(np.float64))
    odds = np.exp(exact)
    seen = token_uncertainty(row, token)
    assert seen.log_prob == pytest.approx(exact[token], abs=1e-4)
    assert seen.margin == pytest.approx(exact.max() - exact[token], abs=1e-4)
    assert seen.entropy == pytest.approx(-odds[odds > 0] @ exact[odds > 0], abs=1e-4)
    assert min(seen.entropy, seen.margin) >= 0
