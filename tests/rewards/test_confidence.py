"""Confidence: the policy's own probability of the newest step, as a logit."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest

from pfsolve.engine.policy import Branch, Trace
from pfsolve.engine.sampling import TokenUncertainty
from pfsolve.particle import Particle, Step
from pfsolve.rewards.base import Prefix
from pfsolve.rewards.confidence import Confidence


def prefix(*log_probs: float) -> Prefix:
    uncertainties = [TokenUncertainty(log_prob, 0.0, 0.0) for log_prob in log_probs]
    states = np.zeros((len(log_probs), 4), np.float32)
    trace = Trace(uncertainties, [b"a"] * len(log_probs), states, states[:, None][:, :0])
    return Prefix(0, Particle((Step((1,), b"", 0),)), cast(Branch, None), trace)


def test_score_is_the_probability_of_the_step() -> None:
    scores = Confidence().score([prefix(-0.5, -1.0), prefix(-0.1), prefix(*[-2.0] * 400)])
    assert 1 / (1 + np.exp(-scores[0])) == pytest.approx(np.exp(-1.5))
    assert 1 / (1 + np.exp(-scores[1])) == pytest.approx(np.exp(-0.1))
    assert scores[2] == pytest.approx(-800.0)


def test_certainty_is_a_high_score_and_not_infinity() -> None:
    certain, nearly = Confidence().score([prefix(0.0), prefix(-0.01)])
    assert np.isfinite(certain)
    assert certain > nearly
