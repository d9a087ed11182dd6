"""`--reward none`: all prefixes are equally good, so the filter becomes plain sampling."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pfsolve.rewards.base import Memoryless, Prefix


class Uniform(Memoryless):
    """Log-odds 0 for everything."""

    name = "none"

    def score(self, prefixes: Sequence[Prefix]) -> NDArray[np.float64]:
        return np.zeros(len(prefixes))
