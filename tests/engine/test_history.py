"""Places of sequences, against the cells that each of them would hold."""

from __future__ import annotations

from itertools import count, product
from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pfsolve.engine.history import Histories
from pfsolve.engine.runs import Distinct, Outputs, TokenRun


class World:
    """Histories, and beside them the cells that each sequence holds, each cell a number."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.histories, self.held = Histories(), dict[int, list[int]]()
        self._handles, self._cells = count(), count()
        self.begin()

    def begin(self) -> None:
        handle = next(self._handles)
        self.histories.begin(handle)
        self.held[handle] = []

    def copy(self, source: int) -> None:
        handle = next(self._handles)
        self.histories.copy(source, handle)
        self.held[handle] = [*self.held[source]]

    def rewind(self, handle: int) -> None:
        length = self.random.randint(0, len(self.held[handle]))
        self.histories.rewind(handle, length)
        del self.held[handle][length:]

    def drop(self, handle: int) -> None:
        self.histories.drop(handle)
        del self.held[handle]

    def decode(self) -> None:
        chosen = [handle for handle in self.held if self.random.random() < 0.8]
        runs = [
            TokenRun(handle, [self.random.randrange(2)] * self.random.randint(1, 2))
            for handle in chosen
        ]
        distinct = Distinct(runs, self.histories)
        alike = {(tuple(self.held[run.sequence]), tuple(run.tokens)) for run in runs}
        assert len(distinct.shared) == len(alike)
        for shared in distinct.shared:
            new = [next(self._cells) for _ in shared.run.tokens]
            self.histories.grow(shared.sequences, len(new))
            for handle in shared.sequences:
                self.held[handle] += new

    def move(self) -> None:
        of_one = [self.copy, self.copy, self.rewind, self.drop] if self.held else []
        move = self.random.choice([self.begin, self.decode, self.decode, self.decode, *of_one])
        if move in of_one:
            move(self.random.choice([*self.held]))
        else:
            move()


@given(st.randoms(use_true_random=False), st.integers(1, 60))
def test_places_are_equal_where_cells_are(random: Random, moves: int) -> None:
    world = World(random)
    for _ in range(moves):
        world.move()
        places = {handle: world.histories.place(handle) for handle in world.held}
        for one, other in product(world.held, repeat=2):
            same = places[one] == places[other]
            assert same == (world.held[one] == world.held[other])
        for handle, cells in world.held.items():
            assert world.histories.length(handle) == len(cells)


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
