"""Probabilities, their logs and their logits, as far out as scores go."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pfsolve.search.log_odds import log_sigmoid, logit, sigmoid


@given(st.floats(-700, 700))
def test_each_is_the_others_inverse(x: float) -> None:
    assert sigmoid(x) == pytest.approx(1 / (1 + np.exp(-x)))
    assert log_sigmoid(x) == pytest.approx(-np.log1p(np.exp(-x)))
    if x < 30:  # beyond that a probability cannot be told from 1
        assert logit(log_sigmoid(x)) == pytest.approx(x, abs=1e-3)


def test_the_ends_of_the_scale() -> None:
    assert sigmoid(np.array([-np.inf, 0.0])).tolist() == [0.0, 0.5]
    assert logit(np.array([-np.inf, np.log(0.5), 0.0])).tolist() == [-np.inf, 0.0, np.inf]


def test_far_out_they_stay_finite_and_ordered() -> None:
    logits = np.array([-800.0, -40.0, 0.0, 30.0])
    assert np.all(np.diff(log_sigmoid(logits)) > 0)
    assert logit(log_sigmoid(logits)) == pytest.approx(logits, rel=1e-3)
