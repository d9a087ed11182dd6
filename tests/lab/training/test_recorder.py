"""What a recorder keeps follows a particle through forks and ways back."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest

from pfsolve.engine.policy import Branch, Trace
from pfsolve.lab.training.recorder import Recorder
from pfsolve.particle import Particle, Step
from pfsolve.rewards.base import Prefix
from tests.rewards.probe.test_features import trace, walk


def prefix(slot: int, of: Trace) -> Prefix:
    particle = Particle((Step((1,), b"", slot),))
    return Prefix(slot, particle, cast(Branch, None), of)


def test_a_history_is_forked_with_its_particle() -> None:
    """Slot 1 continues from slot 0's first step; its second vector must be that of this chain."""
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
