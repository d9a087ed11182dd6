"""`--reward confidence`: how likely the policy found its own newest step. No second model, no pass.

The baseline that any trained reward has to beat. It favours short steps, as any sum of
log-probabilities does.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pfsolve.rewards.base import SUREST, Memoryless, Prefix
from pfsolve.search.log_odds import logit


class Confidence(Memoryless):
    """Score: the step's probability under the policy, at temperature 1; the log-odds is its logit."""

    name = "confidence"
    wants_trace = True

    def score(self, prefixes: Sequence[Prefix]) -> NDArray[np.float64]:
        log_probs = [prefix.trace.log_prob if prefix.trace else 0.0 for prefix in prefixes]
        return logit(np.minimum(log_probs, SUREST))
