"""Full batches: enough searches side by side, and rows without meaning that change nothing."""

from __future__ import annotations

import numpy as np
import pytest

from pfsolve.engine.batching import CPU_ROWS, CPU_TILE, choose_parallel, padding
from pfsolve.engine.cache import MAX_PADDING, Cache, TokenRun
from pfsolve.errors import EngineError, UsageError
from tests.engine.conftest import TOLERANCE, distance, distribution, is_empty


@pytest.mark.parametrize(
    ("particles", "problems", "parallel"),
    [(1, 60, 32), (4, 60, 16), (8, 60, 8), (8, 2, 2), (64, 9, 1), (8, None, 1)],
)
def test_as_many_problems_side_by_side_as_fill_a_batch(
    particles: int, problems: int | None, parallel: int
) -> None:
    assert choose_parallel(particles, CPU_ROWS, None, problems, 99) == parallel


def test_what_was_asked_for_is_done_within_the_number_of_sequences() -> None:
    assert choose_parallel(8, CPU_ROWS, 32, 99, 1) == 32
    assert choose_parallel(8, CPU_ROWS, 32, None, 1) == 32
    assert choose_parallel(8, CPU_ROWS, None, 99, 3) == 3, "what was not keeps within memory"
    with pytest.raises(UsageError, match="--parallel 33") as caught:
        choose_parallel(8, CPU_ROWS, 33, 99, 1)
    assert "--parallel 32" in (caught.value.hint or "")


def test_a_tile_is_filled_when_little_is_missing_and_never_on_a_gpu() -> None:
    padded = {rows: rows + padding(rows, CPU_TILE) for rows in range(1, 34)}
    assert {rows for rows in padded if padded[rows] > rows} == {*range(11, 16), *range(27, 32)}
    assert all(padded[rows] % CPU_TILE == 0 for rows in padded if padded[rows] > rows)
    assert not any(padding(rows, 1) for rows in range(300))


def test_padding_changes_nothing_and_leaves_nothing_behind(cache: Cache) -> None:
    plain, padded = cache.new(), cache.new()
    prompt = list(range(200, 240))
    alone = distribution(cache.decode([TokenRun(plain, prompt)]).logits[0].copy())
    beside = distribution(cache.decode([TokenRun(padded, prompt)], padding=5).logits[0].copy())
    assert distance(alone, beside) < TOLERANCE
    one = cache.decode(
        [TokenRun(plain, [7]), TokenRun(padded, [7])], hidden=True, padding=MAX_PADDING
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
    outputs = cache.decode([TokenRun(sequence, [6])], padding=3)
    assert outputs.logits.shape[0] == 1
    with pytest.raises(EngineError, match="full"):
        cache.decode([TokenRun(sequence, [6])], padding=3)
