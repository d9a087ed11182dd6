"""Places of sequences, against the cells that each of them would hold."""

from __future__ import annotations

from itertools import count, product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pfsolve.engine.history import Histories
from pfsolve.engine.runs import Distinct, Outputs, TokenRun


@given(st.randoms(use_true_random=False), st.integers(1, 60))
def test_places_are_equal_where_cells_are(random, moves: int) -> None:  # type: ignore[no-untyped-def]
    histories, handles, cells = Histories(), count(), count()
    held: dict[int, list[int]] = {}

    def begin() -> None:
        handle = next(handles)
        histories.begin(handle)
        held[handle] = []

    def copy(source: int) -> None:
        handle = next(handles)
        histories.copy(source, handle)
        held[handle] = list(held[source])

    def rewind(handle: int) -> None:
        length = random.randint(0, len(held[handle]))
        histories.rewind(handle, length)
        del held[handle][length:]

    def drop(handle: int) -> None:
        histories.drop(handle)
        del held[handle]

    def decode() -> None:
        chosen = [handle for handle in held if random.random() < 0.8]
        runs = [TokenRun(h, [random.randrange(2)] * random.randint(1, 2)) for h in chosen]
        distinct = Distinct(runs, histories)
        alike = {(tuple(held[run.sequence]), tuple(run.tokens)) for run in runs}
        assert len(distinct.shared) == len(alike)
        for shared in distinct.shared:
            new = [next(cells) for _ in shared.run.tokens]
            histories.grow(shared.sequences, len(new))
            for handle in shared.sequences:
                held[handle] += new

    begin()
    for _ in range(moves):
        move = random.choice([begin, copy, copy, rewind, drop, decode, decode, decode])
        if move in (begin, decode):
            move()
        elif held:
            move(random.choice([*held]))
        for one, other in product(held, repeat=2):
            same = histories.place(one) == histories.place(other)
            assert same == (held[one] == held[other])
        assert all(histories.length(handle) == len(each) for handle, each in held.items())


def test_each_run_gets_its_rows_though_equal_ones_are_decoded_once() -> None:
    histories = Histories()
    for handle in range(5):
        histories.begin(handle)
    tokens = ([7, 8], [9], [7, 8], [9], [7])
    distinct = Distinct([TokenRun(i, each) for i, each in enumerate(tokens)], histories)
    assert [each.sequences for each in distinct.shared] == [[0, 2], [1, 3], [4]]
    saved = [False, False, True, True, False]
    rows = np.arange(3.0, dtype=np.float32)[:, None]
    spread = distinct.spread(Outputs(rows, None, None))
    assert (spread.logits[:, 0].tolist(), spread.saved) == ([0, 1, 0, 1, 2], saved)

    rows = np.arange(4.0, dtype=np.float32)[:, None]
    spread = distinct.spread(Outputs(rows, -rows, rows[:, None]))
    expected = [0, 1, 2, 0, 1, 2, 3]
    assert spread.hidden is not None
    assert spread.inner is not None
    assert spread.logits[:, 0].tolist() == expected == (-spread.hidden[:, 0]).tolist()
    assert spread.inner[:, 0, 0].tolist() == expected


def test_runs_without_output_take_no_row() -> None:
    histories = Histories()
    for handle in range(4):
        histories.begin(handle)
    runs = [TokenRun(0, [7], False), TokenRun(1, [7]), TokenRun(2, [7], False), TokenRun(3, [7])]
    distinct = Distinct(runs, histories)
    spread = distinct.spread(Outputs(np.ones((1, 5), np.float32), None, None))
    assert spread.logits.shape == (2, 5)
    assert spread.saved == [False, False, True, True]
