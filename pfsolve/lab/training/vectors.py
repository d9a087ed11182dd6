"""From what was kept of a rollout to the feature vectors that a probe would have seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pfsolve.engine.policy import Trace
from pfsolve.engine.sampling import TokenUncertainty
from pfsolve.lab.training.material import Rollout, SeenStep
from pfsolve.rewards.probe.features import History, features


def vectors_of(rollout: Rollout) -> NDArray[np.float32]:
    """Feature vectors (steps, width); (0, 0) of a rollout that has no state at all."""
    n_embd = next((s.states.shape[1] for s in rollout.steps if s.states is not None), 0)
    history, vectors = History(), []
    for step in rollout.steps if n_embd else ():
        vector, history = features(history, _trace(step, n_embd))
        vectors.append(vector)
    return np.array(vectors, np.float32).reshape(len(vectors), -1)


def _trace(step: SeenStep, n_embd: int) -> Trace:
    """A trace that has the same features: one state stands for their mean."""
    states = np.empty((0, n_embd), np.float32)
    if step.states is not None:
        states = step.states[-1:].astype(np.float32)
    return Trace(
        [TokenUncertainty(*values) for values in step.sureness.tolist()],
        [b"0" if digit else b"" for digit in step.digits.tolist()],
        states,
    )
