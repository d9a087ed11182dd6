"""What the probe sees of a prefix: the policy's own hidden states and log-probabilities, averaged.

Nothing is computed for it that the policy has not computed anyway. The final-norm states of a step's
tokens are averaged, since the mean over a step tells far more than its last token does; so are those
of the whole prefix, by a running sum that a particle carries along.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pfsolve.engine.policy import Trace

Vector = NDArray[np.float32]

# Blocks of a feature vector, in their order: mean state over the step, over the whole prefix, state at
# the step's last token, each (n_embd,), and `NUMBERS` numbers.
BLOCKS = ("step", "prefix", "last", "numbers")
NUMBERS = 9


@dataclass(frozen=True, slots=True)
class History:
    """What a prefix leaves behind for its next step.

    states: (n_embd,) float64, sum over tokens of the final-norm states; None before the first.
    tokens, steps: how many. log_prob: sum over tokens. worst: least mean log-probability of a step.
    """

    states: NDArray[np.float64] | None = None
    tokens: int = 0
    steps: int = 0
    log_prob: float = 0.0
    worst: float = 0.0


def features(history: History, trace: Trace) -> tuple[Vector, History]:
    """The feature vector (3 n_embd + NUMBERS,) float32 after one more step, and its history.

    Args:
        history: of the prefix before the step. One without hidden states in the trace (its only
            token ended the generation) looks like the end of that.
    """
    log_probs = np.asarray(trace.log_probs, dtype=np.float64)
    states = trace.hidden.astype(np.float64)
    written = log_probs.size
    mean_log_prob = float(log_probs.mean()) if written else 0.0
    before = np.zeros(trace.hidden.shape[1]) if history.states is None else history.states
    after = History(
        states=before + states.sum(axis=0),
        tokens=history.tokens + len(states),
        steps=history.steps + 1,
        log_prob=history.log_prob + float(log_probs.sum()),
        worst=min(history.worst, mean_log_prob),
    )
    assert after.states is not None
    prefix = after.states / max(1, after.tokens)
    step = states.mean(axis=0) if len(states) else prefix
    last = states[-1] if len(states) else prefix
    numbers = (
        np.log1p(written),  # first, for whoever asks how far length alone gets
        float(log_probs.sum()) / 10,
        mean_log_prob,
        float(log_probs.min()) if written else 0.0,
        np.log1p(after.tokens),
        after.log_prob / 50,
        after.log_prob / max(1, after.tokens),
        after.worst,
        np.log1p(after.steps),
    )
    return np.concatenate([step, prefix, last, numbers]).astype(np.float32), after


def block_slices(n_embd: int) -> dict[str, slice]:
    """Where each block stands in a feature vector."""
    ends = np.cumsum([n_embd, n_embd, n_embd, NUMBERS])
    return {
        block: slice(int(end) - (NUMBERS if block == "numbers" else n_embd), int(end))
        for block, end in zip(BLOCKS, ends, strict=True)
    }
