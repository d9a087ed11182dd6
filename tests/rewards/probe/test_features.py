"""Feature vectors: what they hold, and that they follow a particle through forks."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest

from pfsolve.engine.policy import Branch, Trace
from pfsolve.particle import Particle, Step
from pfsolve.rewards.base import Prefix
from pfsolve.rewards.probe.features import NUMBERS, History, block_slices, features
from pfsolve.rewards.probe.reward import Recorder

WIDTH = 6


def trace(rng: np.random.Generator, tokens: int, *, ends: bool = False) -> Trace:
    """A step of so many tokens; one that `ends` has a last token without a hidden state."""
    states = rng.normal(size=(tokens, WIDTH)).astype(np.float32)
    return Trace((-rng.exponential(size=tokens + ends)).tolist(), states)


def prefix(slot: int, of: Trace) -> Prefix:
    particle = Particle((Step((1,), b"", slot),))
    return Prefix(slot, particle, cast(Branch, None), of)


def walk(traces: list[Trace]) -> list[np.ndarray]:
    history, vectors = History(), []
    for one in traces:
        vector, history = features(history, one)
        vectors.append(vector)
    return vectors


def test_blocks_are_the_means_over_step_and_prefix_and_the_last_state() -> None:
    rng = np.random.default_rng(1)
    traces = [trace(rng, 3), trace(rng, 1), trace(rng, 7)]
    where = block_slices(WIDTH)
    for end, vector in enumerate(walk(traces), 1):
        states = np.concatenate([one.hidden for one in traces[:end]])
        assert vector.dtype == np.float32
        assert vector.shape == (3 * WIDTH + NUMBERS,)
        assert vector[where["step"]] == pytest.approx(traces[end - 1].hidden.mean(0), abs=1e-5)
        assert vector[where["prefix"]] == pytest.approx(states.mean(0), abs=1e-5)
        assert vector[where["last"]] == pytest.approx(states[-1], abs=1e-5)


def test_numbers_tell_the_log_probabilities_and_the_length() -> None:
    rng = np.random.default_rng(2)
    traces = [trace(rng, 4), trace(rng, 9)]
    log_probs = [np.array(one.log_probs) for one in traces]
    numbers = walk(traces)[-1][block_slices(WIDTH)["numbers"]]
    assert numbers[0] == pytest.approx(np.log(10))
    assert numbers[1] == pytest.approx(log_probs[1].sum() / 10)
    assert numbers[2] == pytest.approx(log_probs[1].mean())
    assert numbers[3] == pytest.approx(log_probs[1].min())
    assert numbers[6] == pytest.approx(np.concatenate(log_probs).mean())
    assert numbers[7] == pytest.approx(min(each.mean() for each in log_probs))


def test_a_step_that_only_ends_the_text_looks_like_the_end_of_the_prefix() -> None:
    rng = np.random.default_rng(3)
    first = trace(rng, 5)
    vectors = walk([first, trace(rng, 0, ends=True)])
    where = block_slices(WIDTH)
    for block in ("step", "prefix", "last"):
        assert vectors[1][where[block]] == pytest.approx(first.hidden.mean(0), abs=1e-5)
    assert all(np.isfinite(vector).all() for vector in walk([trace(rng, 0, ends=True)]))


def test_a_history_is_forked_with_its_particle() -> None:
    """Slot 1 goes on from slot 0's first step; its second vector must be that of this chain."""
    rng = np.random.default_rng(4)
    a, b, c = (trace(rng, tokens) for tokens in (3, 4, 5))

    recorder = Recorder()
    scorer = recorder.open("?", 2)
    scorer.score([prefix(0, a), prefix(1, b)])
    scorer.fork(np.array([0, 0]))
    scorer.score([prefix(1, c)])
    kept = recorder.take("?")
    assert [vectors.shape[0] for vectors in kept] == [1, 2]
    assert kept[1] == pytest.approx(np.array(walk([a, c])))
    assert recorder.take("?") == [], "they are kept once"


def test_a_history_goes_back_with_its_particle() -> None:
    """Slot 1 copies two steps, goes back to the first, and takes another second one."""
    rng = np.random.default_rng(6)
    a, b, c = (trace(rng, n) for n in (2, 3, 4))
    recorder = Recorder()
    scorer = recorder.open("?", 2)
    scorer.score([prefix(0, a), prefix(1, c)])
    scorer.score([prefix(0, b)])
    scorer.fork(np.array([0, 0]))
    scorer.rewind(np.array([1]), np.array([1]))
    scorer.score([prefix(1, c)])
    kept = recorder.take("?")
    assert kept[0] == pytest.approx(np.array(walk([a, b])))
    assert kept[1] == pytest.approx(np.array(walk([a, c])))
