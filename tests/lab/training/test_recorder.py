"""What a recorder keeps follows a particle through forks and ways back."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest

from pfsolve.engine.policy import Branch, Trace
from pfsolve.lab.training.material import Rollout
from pfsolve.lab.training.recorder import Recorder, Recording
from pfsolve.lab.training.vectors import vectors_of
from pfsolve.particle import Particle, Step
from pfsolve.rewards.base import Prefix
from tests.rewards.probe.test_features import trace, walk


def prefix(slot: int, of: Trace) -> Prefix:
    particle = Particle((Step((1,), b"", slot),))
    return Prefix(slot, particle, cast(Branch, None), of)


def seen_by_a_probe(recording: Recording) -> np.ndarray:
    return vectors_of(Rollout("text", tuple(recording.steps), None, False, "end"))


def test_what_is_kept_has_the_features_of_what_was_seen() -> None:
    """Also of a step that only ends the text, and across a fork."""
    rng = np.random.default_rng(4)
    a, b, c = (trace(rng, 3), trace(rng, 4), trace(rng, 0, ends=True))
    recorder = Recorder()
    scorer = recorder.open("?", 2)
    scorer.score([prefix(0, a), prefix(1, b)])
    scorer.fork(np.array([0, 0]))
    scorer.score([prefix(1, c)])
    kept = recorder.take("?").recordings
    assert seen_by_a_probe(kept[0]) == pytest.approx(np.array(walk([a])), abs=2e-3)
    assert seen_by_a_probe(kept[1]) == pytest.approx(np.array(walk([a, c])), abs=2e-3)
    assert recorder.take("?").recordings == [], "they are kept once"


def test_what_died_is_kept_beside_what_took_its_place() -> None:
    rng = np.random.default_rng(6)
    a, b = (trace(rng, n) for n in (2, 3))
    recorder = Recorder()
    scorer = recorder.open("?", 2)
    scorer.score([prefix(0, a), prefix(1, a)])
    recorder.failed("?", 1, "ValueError")
    scorer.rewind(np.array([1]), np.array([0]))
    scorer.score([prefix(1, b)])
    seen = recorder.take("?")
    assert [(len(one.steps), one.error) for one in seen.dead] == [(1, "ValueError")]
    assert [(len(one.steps), one.error) for one in seen.recordings] == [(1, None), (1, None)]
    assert seen_by_a_probe(seen.recordings[1]) == pytest.approx(np.array(walk([b])), abs=2e-3)
