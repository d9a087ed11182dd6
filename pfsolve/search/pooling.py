"""Searches whose weights cannot be compared, such as those of texts and of programs, pooled for a vote.

Inside an island weights say which particles are better. Between islands, and between waves of them,
each living particle counts one vote on average: an island votes with the number of its living
particles, which it shares out by its weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from pfsolve.search.requests import FinalPopulation, Fork, Search, StepInfo
from pfsolve.search.side_by_side import Island, abreast, join, slots_of
from pfsolve.search.weights import Weights, log_mean_exp


def pooled(waves: Sequence[Sequence[Island[FinalPopulation]]]) -> Search:
    """Run waves of islands, as `abreast` does, with weights that are votes.

    There is no evidence. Islands that have died or not begun have weight zero.

    Raises:
        AllParticlesDead: on every island.
    """
    sizes = [size for wave in waves for _, size in wave]
    search, steps = abreast(waves), 0
    answer: Any = None
    while True:
        try:
            request = search.send(answer)
        except StopIteration as end:
            whole = join(end.value, sizes)
            votes = _votes(whole.weights, sizes)
            return replace(whole, weights=votes, log_evidence=None, steps=steps)
        if isinstance(request, StepInfo):
            steps = request.step
            votes = _votes(request.weights, sizes)
            request = replace(request, weights=votes, log_evidence=None)
        elif isinstance(request, Fork) and request.log_weights is not None:
            votes = _votes(Weights(request.log_weights), sizes)
            request = replace(request, log_weights=votes.log)
        answer = yield request


def _votes(weights: Weights, sizes: Sequence[int]) -> Weights:
    """Weights whose sum over each island is the number of its living particles."""
    votes = weights.log.copy()
    for slots in slots_of(sizes):
        living = int(np.sum(~np.isneginf(votes[slots])))
        if living:
            votes[slots] += np.log(living / slots.size) - log_mean_exp(votes[slots])
    return Weights(votes)
