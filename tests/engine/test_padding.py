"""Rows without meaning fill a tile, and change nothing."""

from __future__ import annotations

import numpy as np
import pytest

from pfsolve.engine.cache import MAX_PADDING, Cache
from pfsolve.engine.policy import CPU_TILE, padding
from pfsolve.engine.runs import TokenRun
from pfsolve.errors import EngineError
from tests.engine.fixtures import TOLERANCE, distance, distribution, is_empty


def test_a_tile_is_filled_when_little_is_missing_and_never_on_a_gpu() -> None:
    padded = {rows: rows + padding(rows, CPU_TILE) for rows in range(1, 34)}
    assert {rows for rows in padded if padded[rows] > rows} == {*range(11, 16), *range(27, 32)}
    assert all(padded[rows] % CPU_TILE == 0 for rows in padded if padded[rows] > rows)
    assert not any(padding(rows, 1) for rows in range(300))


def test_padding_changes_nothing_and_leaves_nothing_behind(cache: Cache) -> None:
    plain, padded = cache.new(), cache.new()
    prompt = list(range(200, 240))
    alone = distribution(cache.decode([TokenRun(plain, prompt)]).logits[0].copy())
    beside = distribution(
        cache.decode([TokenRun(padded, prompt)], padding=lambda rows: 5).logits[0].copy()
    )
    assert distance(alone, beside) < TOLERANCE
    one = cache.decode(
        [TokenRun(plain, [7]), TokenRun(padded, [7])], hidden=True, padding=lambda rows: MAX_PADDING
    )
    assert one.logits.shape[0] == 2
    assert one.hidden is not None
    assert one.hidden.shape[0] == 2
    assert np.isfinite(one.hidden).all()
    assert cache.length(plain) == cache.length(padded) == len(prompt) + 1
    cache.drop(plain)
    cache.drop(padded)
    assert is_empty(cache)


def test_where_no_cell_is_to_spare_a_decode_goes_without_padding(cache: Cache) -> None:
    sequence = cache.new()
    cache.decode([TokenRun(sequence, [5] * (cache.cells - 1), output=False)])
    outputs = cache.decode([TokenRun(sequence, [6])], padding=lambda rows: 3)
    assert outputs.logits.shape[0] == 1
    with pytest.raises(EngineError, match="full"):
        cache.decode([TokenRun(sequence, [6])], padding=lambda rows: 3)
