"""What makes a good decode batch: how many rows, how many searches it takes to fill it, and padding.

Measured with `tests/benchmarks/rows.py`. llama.cpp's CPU kernels for quantized weights compute 16 rows
together, what is left over by fours, and then one by one: on two cores with AVX2 16 rows take three
times as long as four, and 11 to 15 longer than 16. At 32 a row costs as much or up to a third less, as
the machine is busy otherwise or not, and it has to pass over more cells that belong to other searches.
On files (`tests/benchmarks/batch.py`, 16 problems, 4 particles, the probe) 16 problems side by side in
decodes of 32 rows were 1.22 and 1.29 times as fast as one at a time, 8 in decodes of 16 rows 1.18 times:
single runs on different days. Few problems at a time leave more stragglers for the end.
"""

from __future__ import annotations

from pfsolve.errors import UsageError
from pfsolve.settings import MAX_PARTICLES

CPU_ROWS, GPU_ROWS = 32, 64  # rows to gather for a decode, as far as searches have some to give
CPU_TILE, GPU_TILE = 16, 1  # rows that are computed together

_WORTH_FILLING = 2 / 3  # of a tile


def padding(rows: int, tile: int) -> int:
    """Rows to add so that the last tile is computed as a whole, where that is cheaper."""
    left_over = rows % tile
    return tile - left_over if left_over > _WORTH_FILLING * tile else 0


def choose_parallel(
    particles: int, rows: int, wanted: int | None, problems: int | None, most: int
) -> int:
    """Problems to search side by side: what was asked for, or as many as fill `rows` of a batch.

    Never more than there are problems, None being unknown: then only what was asked for, or one.
    What was not asked for also keeps within `most`, for which there is memory.

    Raises:
        UsageError: so many problems of so many particles need more sequences than there can be.
    """
    if wanted is not None:
        if wanted * particles > MAX_PARTICLES:
            raise UsageError(
                f"--parallel {wanted} with {particles} particles each is {wanted * particles} "
                f"particles, and llama.cpp holds {MAX_PARTICLES}",
                f"use --parallel {MAX_PARTICLES // particles} or less, or fewer --particles",
            )
        return wanted if problems is None else max(1, min(wanted, problems))
    # Of several particles one in three, or more, waits for the slowest step of its search.
    filling = rows if particles == 1 else -(-2 * rows // particles)
    return max(1, min(filling, most, MAX_PARTICLES // particles, problems or 1))
