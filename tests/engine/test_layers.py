"""What layers put out: of the right tokens, and of the right layers."""

from __future__ import annotations

import numpy as np

from pfsolve.engine.cache import LEAST_OUTPUTS, Cache
from pfsolve.engine.library import LoadedModel
from pfsolve.engine.runs import TokenRun
from tests.conftest import THREADS


def test_each_token_has_a_state_of_each_layer(small_model: LoadedModel) -> None:
    """The last layer's states are the final ones before their norm, which only scales each value."""
    last = small_model.facts.layers - 1
    layers = (last // 2, last)
    with Cache(small_model, cells=512, sequences=4, threads=THREADS, layers=layers) as cache:
        tokens = small_model.tokenize("Seven and four are eleven. " * 12)
        assert len(tokens) > LEAST_OUTPUTS, "more than one decode"
        runs = [TokenRun(cache.new(), tokens), TokenRun(cache.new(), tokens[:3])]
        outputs = cache.decode(runs, hidden=True, padding=lambda rows: 5)
        assert outputs.hidden is not None
        assert outputs.inner is not None
        assert outputs.inner.shape == (len(tokens) + 3, 2, small_model.n_embd)
        before = outputs.inner[:, 1].astype(np.float64)
        scale = np.sqrt((before**2).mean(axis=1, keepdims=True))
        gains = outputs.hidden / (before / scale)
        assert np.median(np.abs(gains - np.median(gains, axis=0))) < 1e-3
        middle = outputs.inner[:, 0]
        for one, other in zip(middle[:3], middle[len(tokens) :], strict=True):
            assert np.linalg.norm(one - other) < 0.1 * np.linalg.norm(one), "the same tokens"
        assert np.linalg.norm(middle[1] - middle[2]) > 0.2 * np.linalg.norm(middle[1])
        assert cache.decode([TokenRun(runs[1].sequence, tokens[:1])]).inner is None
