"""From what was kept of a rollout to the feature vectors that a probe would have seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pfsolve.engine.policy import Trace
from pfsolve.engine.sampling import TokenUncertainty
from pfsolve.lab.training.material import Rollout, SeenStep
from pfsolve.rewards.probe.features import History, features


def vectors_of(rollout: Rollout) -> NDArray[np.float32]:
    """Feature vectors (steps, width) with all states that were kept; none if no step has any."""
    known = next((step.states for step in rollout.steps if step.states is not None), None)
    history, vectors = History(), []
    if known is None:
        return np.empty((0, 0), np.float32)
    for step in rollout.steps:
        states = np.empty((0, *known.shape)) if step.states is None else step.states[None]
        vector, history = features(history, _trace(step, states.astype(np.float32)))
        vectors.append(vector)
    return np.array(vectors, np.float32).reshape(len(vectors), -1)


def _trace(step: SeenStep, states: NDArray[np.float32]) -> Trace:
    """A trace that has the same features, with states (1 or 0, layers + 1, n_embd) for all tokens."""
    return Trace(
        [TokenUncertainty(*values) for values in step.sureness.tolist()],
        [b"0" if digit else b"" for digit in step.digits.tolist()],
        states[:, -1],
        states[:, :-1],
    )
