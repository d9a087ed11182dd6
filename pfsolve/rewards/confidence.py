"""`--reward confidence`: how likely the policy found its own newest step, which costs no decode.

The baseline that any trained reward has to beat. It favours short steps, as any sum of
log-probabilities does. What was thought does not count, nor does what was not drawn.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pfsolve.rewards.base import SUREST, Memoryless, Prefix
from pfsolve.search.log_odds import logit


class Confidence(Memoryless):
    """Score: the newest step's probability under the policy at temperature 1, end token included."""

    name = "confidence"
    wants_trace = True

    def score(self, prefixes: Sequence[Prefix]) -> NDArray[np.float64]:
        log_probs = [
            sum(token.log_prob for token in prefix.trace.uncertainties) if prefix.trace else 0.0
            for prefix in prefixes
        ]
        return logit(np.minimum(log_probs, SUREST))
