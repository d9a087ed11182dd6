"""Sampling follows the law it claims: each draw against one worked out the slow way, in float64."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pfsolve.engine.sampling import Sampler, Sampling
from pfsolve.errors import EngineError


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
    how = Sampling(temperature, top_p=0.99)
    assert Sampler(row.size).draw(row, how, np.random.default_rng(0)) == 1


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "how",
    [
        *map(Sampling, (0.0, 1e-45, 1e-30, 0.8, 10.0)),
        Sampling(0.8, 2),
        Sampling(0.8, 0, 0.5),
        Sampling(0.8, 0, 1e-300),
        Sampling(0.8, 0, 1.0, 1.0),
        Sampling(0.8, 3, 0.9, 0.1),
    ],
    ids=repr,
)
def test_what_is_no_number_is_an_error_and_the_largest_of_any_size_is_drawn(how: Sampling) -> None:
    rng, inf = np.random.default_rng(0), np.inf
    for logits in ([np.nan] * 4, [1, np.nan, 2, 0], [1, inf, 2, 0], [inf, inf, 0, 0], [-inf] * 4):
        row = np.array(logits, np.float32)
        with pytest.raises(EngineError, match="no numbers"):
            Sampler(row.size).draw(row, how, rng)
    for logits in ([-inf, -inf, 3, -inf], [-3e38, -3e38, 3e38, 0], [-400, -inf, 400, -3e38]):
        row = np.array(logits, np.float32)
        sampler = Sampler(row.size)
        assert sampler.draw(row, how, rng) == 2
        assert np.isfinite(sampler.uncertainty(row, 2)).all()


def plain_draw(row: np.ndarray, how: Sampling, point: float) -> int:
    """The token where the cumulative law passes `point`: the likeliest first with top-p, else by id."""
    law = exact_law(row, how)
    order = np.argsort(-row, kind="stable") if how.top_p < 1 else np.arange(row.size)
    return int(order[np.searchsorted(np.cumsum(law[order]), point, side="right")])


@pytest.mark.parametrize("spread", [0.0, 1.0, 4.0, 12.0])  # from a flat law to one of few tokens
@pytest.mark.parametrize(
    "how",
    [
        Sampling(1.0),
        Sampling(0.05),
        Sampling(0.5),
        Sampling(1.7),
        Sampling(0.8, top_k=5),
        Sampling(0.1, top_k=60, top_p=0.9),
        Sampling(0.8, top_k=2999),
        Sampling(0.7, top_k=9000, top_p=0.8),
        Sampling(0.8, top_p=0.7),
        Sampling(0.1, top_p=0.999),
        Sampling(1.3, min_p=0.1),
        Sampling(0.9, top_k=40, top_p=0.95, min_p=0.02),
    ],
    ids=repr,
)
def test_each_draw_is_the_one_worked_out_in_full(how: Sampling, spread: float) -> None:
    """Rows of several groups and blocks, the last ones not full, with some tokens impossible."""
    rng, seed = np.random.default_rng(5), 7
    sampler, points, draws = Sampler(3001), np.random.default_rng(seed), np.random.default_rng(seed)
    for _ in range(20):
        row = (rng.permutation(3001) * 1e-3 + rng.normal(size=3001) * spread).astype(np.float32)
        row[rng.random(3001) < 0.1] = -np.inf
        before = row.copy()
        assert sampler.draw(row, how, draws) == plain_draw(row, how, points.random())
        assert np.array_equal(row, before)


@given(st.integers(1, 2000), st.integers(0, 10**6), st.floats(0.05, 3))
def test_any_row_gives_a_token_with_weight(size: int, seed: int, temperature: float) -> None:
    rng = np.random.default_rng(seed)
    row = (rng.normal(size=size) * 30).astype(np.float32)
    row[rng.random(size) < 0.3] = -np.inf
    row[rng.integers(size)] = 1.0
    for how in (Sampling(temperature), Sampling(temperature, 3, 0.9, 0.1)):
        assert np.isfinite(row[Sampler(size).draw(row, how, rng)])


def test_temperature_zero_is_greedy_and_draws_nothing() -> None:
    rng = np.random.default_rng(0)
    before = rng.bit_generator.state
    assert Sampler(3).draw(np.array([0.0, 3.0, 2.9], np.float32), Sampling(0.0), rng) == 1
    assert rng.bit_generator.state == before


def test_log_probabilities_sum_to_one() -> None:
    row = np.random.default_rng(1).normal(size=300).astype(np.float32) * 5
    sampler = Sampler(300)
    total = sum(np.exp(sampler.uncertainty(row, i).log_prob) for i in range(300))
    assert total == pytest.approx(1, abs=1e-5)


@pytest.mark.filterwarnings("error")
@given(st.integers(0, 2**32 - 1), st.integers(1, 400), st.floats(0, 40))
def test_uncertainties_agree_with_their_definitions(seed: int, size: int, spread: float) -> None:
    """In float64, with some tokens impossible; entropy and margin are never below 0."""
    rng = np.random.default_rng(seed)
    row = (rng.normal(size=size) * spread).astype(np.float32)
    row[rng.random(size) < 0.3] = -np.inf
    token = int(rng.integers(size))
    row[token] = 1.0
    exact = row.astype(np.float64) - np.logaddexp.reduce(row.astype(np.float64))
    odds = np.exp(exact)
    seen = Sampler(size).uncertainty(row, token)
    assert seen.log_prob == pytest.approx(exact[token], abs=1e-4)
    assert seen.margin == pytest.approx(exact.max() - exact[token], abs=1e-4)
    assert seen.entropy == pytest.approx(-odds[odds > 0] @ exact[odds > 0], abs=1e-4)
    assert min(seen.entropy, seen.margin) >= 0
