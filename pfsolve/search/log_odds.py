"""Scores are probabilities, log-odds their logits: from one to the other, and to the log of a score."""

from __future__ import annotations

from typing import overload

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@overload
def log_sigmoid(logits: float) -> float: ...
@overload
def log_sigmoid(logits: Floats) -> Floats: ...
def log_sigmoid(logits: float | Floats) -> float | Floats:
    """Log of the probability with this logit, in [-inf, 0]; exact also where the probability is near 1."""
    return -np.logaddexp(0.0, np.negative(logits))


@overload
def sigmoid(logits: float) -> float: ...
@overload
def sigmoid(logits: Floats) -> Floats: ...
def sigmoid(logits: float | Floats) -> float | Floats:
    """The probability with this logit, without overflow."""
    return np.exp(log_sigmoid(logits))


@overload
def logit(log_probability: float) -> float: ...
@overload
def logit(log_probability: Floats) -> Floats: ...
def logit(log_probability: float | Floats) -> float | Floats:
    """Logit of the probability with this log, from -inf for probability 0 to inf for 1."""
    with np.errstate(divide="ignore"):
        return np.subtract(log_probability, np.log(-np.expm1(log_probability)))
