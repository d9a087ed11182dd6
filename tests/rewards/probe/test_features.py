"""Feature vectors: what they hold."""

from __future__ import annotations

import numpy as np
import pytest

from pfsolve.engine.policy import Trace
from pfsolve.engine.sampling import TokenUncertainty
from pfsolve.rewards.probe.features import GROUPS, NUMBERS, History, features, has_digit

WIDTH = 6


def trace(rng: np.random.Generator, tokens: int, *, ends: bool = False, layers: int = 0) -> Trace:
    """A step of `tokens` tokens; one that `ends` has an end token behind them, without a hidden state."""
    states = rng.normal(size=(tokens, WIDTH)).astype(np.float32)
    inner = rng.normal(size=(tokens, layers, WIDTH)).astype(np.float32)
    seen = rng.exponential(size=(tokens + ends, 3))
    uncertainties = [TokenUncertainty(-log, entropy, margin) for log, entropy, margin in seen]
    pieces = rng.choice([b" 4", b" four", b"2x", b"\xe2\x88"], tokens).tolist() + [b""] * ends
    return Trace(uncertainties, pieces, states, inner)


def walk(traces: list[Trace], *, final: bool = True) -> list[np.ndarray]:
    history, vectors = History(), []
    for one in traces:
        vector, history = features(history, one, final=final)
        vectors.append(vector)
    return vectors


def test_a_vector_starts_with_the_mean_state_over_the_newest_step() -> None:
    rng = np.random.default_rng(1)
    traces = [trace(rng, tokens, layers=2) for tokens in (3, 1, 7)]
    for one, vector in zip(traces, walk(traces), strict=True):
        assert vector.dtype == np.float32
        assert vector.shape == (3 * WIDTH + NUMBERS,)
        means = np.concatenate([*one.inner.mean(0), one.hidden.mean(0)])
        assert vector[: 3 * WIDTH] == pytest.approx(means, abs=1e-5)
    assert walk(traces, final=False)[2].shape == (2 * WIDTH + NUMBERS,)


def test_numbers_tell_how_sure_the_policy_was_of_each_group_of_tokens() -> None:
    """Groups of the newest step, and of all steps, computed from the tokens themselves."""
    rng = np.random.default_rng(2)
    traces = [trace(rng, 4), trace(rng, 9)]
    numbers = walk(traces)[-1][WIDTH:]
    each = len(numbers) // len(GROUPS)
    seen = [np.abs(np.array(one.uncertainties)) for one in traces]
    digits = [np.array([has_digit(piece) for piece in one.pieces]) for one in traces]
    assert digits[1].any()
    groups = [
        seen[1],
        seen[1][digits[1]],
        np.concatenate(seen),
        np.concatenate(seen)[np.concatenate(digits)],
    ]
    for group, told in zip(groups, np.split(numbers[:-1], len(GROUPS)), strict=True):
        assert len(told) == each
        assert told[0] == pytest.approx(np.log(1 + len(group)))
        assert told[1] == pytest.approx(np.log(1 + group[:, 1].sum()))
        assert told[2:5] == pytest.approx(group.mean(0))
        assert told[5:8] == pytest.approx(group.max(0))
        assert np.exp(told[8:11]) == pytest.approx(group.mean(0) + 1e-3)
        assert np.exp(told[11:]) == pytest.approx(group.max(0) + 1e-3)
    assert numbers[-1] == pytest.approx(np.log(3))


def test_a_step_that_only_ends_the_text_has_the_state_of_the_one_before() -> None:
    rng = np.random.default_rng(3)
    first = trace(rng, 5)
    vectors = walk([first, trace(rng, 0, ends=True)])
    assert vectors[1][:WIDTH] == pytest.approx(first.hidden.mean(0), abs=1e-5)


@pytest.mark.parametrize("ends", [False, True])
def test_a_first_step_without_text_has_a_vector_like_any_other(ends: bool) -> None:
    (vector,) = walk([trace(np.random.default_rng(5), 0, ends=ends)])
    assert vector.shape == (WIDTH + NUMBERS,)
    assert np.isfinite(vector).all()
