"""The random streams of a search, all from its one seed."""

from __future__ import annotations

import numpy as np

# Which use a random stream has; part of its key, so that streams never overlap.
_RESAMPLING, _SAMPLING = 0, 1


def resampling_rng(seed: int) -> np.random.Generator:
    """The stream a search of this seed resamples with."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_RESAMPLING,)))


def sampling_rng(seed: int, step: int, slot: int) -> np.random.Generator:
    """A stream of its own for each step and slot: copies of a particle go different ways."""
    key = (_SAMPLING, step, slot)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))
