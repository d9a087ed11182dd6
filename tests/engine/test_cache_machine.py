"""Random histories of a cache, against plain lists of the tokens that each sequence holds."""

from __future__ import annotations

import os
from itertools import count

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from pfsolve.engine.cache import Cache
from pfsolve.engine.library import LoadedModel
from pfsolve.engine.runs import TokenRun
from pfsolve.errors import EngineError
from tests.conftest import THREADS
from tests.engine.fixtures import TOLERANCE, distance, distribution

CASES = int(os.environ.get("FUZZ_CASES", "25")) // 12

CELLS, SEQUENCES = 256, 6  # the fewest cells that llama.cpp makes
_PICK = st.integers(0, SEQUENCES - 1)
# Few different ones, so that sequences that hold the same cells often get the same tokens.
_TOKENS = st.lists(st.integers(100, 101), min_size=1, max_size=2) | st.lists(
    st.integers(100, 5000), min_size=1, max_size=12
)


class Histories(RuleBasedStateMachine):
    """Sequences as lists of cells, each a number of its own and the token in it. Forks share cells."""

    model: LoadedModel

    @initialize()
    def begin(self) -> None:
        self.cache = Cache(self.model, cells=CELLS, sequences=SEQUENCES, threads=THREADS)
        self.held: dict[int, list[tuple[int, int]]] = {}
        self.numbers = count()

    def teardown(self) -> None:
        if not hasattr(self, "cache"):
            return
        try:
            self.all_that_is_free_can_be_filled()
        finally:
            self.cache.close()

    @property
    def free(self) -> int:
        return self.cache.cells - len({cell for held in self.held.values() for cell in held})

    def pick(self, which: int) -> int:
        return sorted(self.held)[which % len(self.held)]

    def fits(self, tokens: int, sequences: int = 0) -> bool:
        return self.free >= tokens and len(self.held) + sequences <= SEQUENCES

    @rule()
    def new(self) -> None:
        if not self.fits(0, 1):
            with pytest.raises(EngineError, match="in use"):
                self.cache.new()
            return
        sequence = self.cache.new()
        assert sequence not in self.held
        self.held[sequence] = []

    @rule(runs=st.dictionaries(_PICK, _TOKENS))
    @precondition(lambda self: self.held)
    def decode(self, runs: dict[int, list[int]]) -> None:
        """More tokens for several sequences in one call, and one row for each.

        Those that hold the same cells, and get the same tokens, get the same cells.
        """
        runs = {self.pick(which): tokens for which, tokens in runs.items()}
        if not runs or not self.fits(sum(map(len, runs.values()))):
            return
        before = self.cache.tokens_decoded
        outputs = self.cache.decode([TokenRun(s, tokens) for s, tokens in runs.items()])
        assert outputs.logits.shape == (len(runs), self.model.n_vocab)
        cells: dict[object, list[tuple[int, int]]] = {}
        for sequence, tokens in runs.items():
            alike = (*self.held[sequence], *tokens)
            if alike not in cells:
                cells[alike] = [(next(self.numbers), token) for token in tokens]
            self.held[sequence] = self.held[sequence] + cells[alike]
        assert self.cache.tokens_decoded - before == sum(map(len, cells.values()))

    @rule(which=_PICK)
    @precondition(lambda self: self.held)
    def fork(self, which: int) -> None:
        if self.fits(0, 1):
            parent = self.pick(which)
            self.held[self.cache.fork(parent)] = list(self.held[parent])

    @rule(which=_PICK)
    @precondition(lambda self: self.held)
    def drop(self, which: int) -> None:
        sequence = self.pick(which)
        self.cache.drop(sequence)
        del self.held[sequence]

    @rule(which=_PICK, share=st.floats(0, 1))
    @precondition(lambda self: self.held)
    def rewind(self, which: int, share: float) -> None:
        sequence = self.pick(which)
        length = round(share * len(self.held[sequence]))
        self.cache.rewind(sequence, length)
        del self.held[sequence][length:]

    @rule(which=_PICK, token=st.integers(100, 5000))
    @precondition(lambda self: self.held)
    def compare(self, which: int, token: int) -> None:
        """What follows is what follows the same tokens in a sequence of their own."""
        sequence = self.pick(which)
        tokens = [held for _, held in self.held[sequence]] + [token]
        if not self.fits(len(tokens) + 1, 2):
            return
        copy, fresh = self.cache.fork(sequence), self.cache.new()
        one = distribution(self.cache.decode([TokenRun(copy, [token])]).logits[0])
        other = distribution(self.cache.decode([TokenRun(fresh, tokens)]).logits[0])
        assert distance(one, other) < TOLERANCE
        self.cache.drop(copy)
        self.cache.drop(fresh)

    def all_that_is_free_can_be_filled(self) -> None:
        """No more cells are in use than the lists have."""
        if len(self.held) == SEQUENCES:
            self.drop(0)
        free, filler = self.free, self.cache.new()
        if free:
            self.cache.decode([TokenRun(filler, [5] * free, output=False)])
        assert self.cache.length(filler) == free
        self.cache.drop(filler)

    @invariant()
    def lengths_agree(self) -> None:
        assert self.cache.sequences == len(self.held)
        assert {s: self.cache.length(s) for s in self.held} == {
            s: len(held) for s, held in self.held.items()
        }


def test_a_cache_holds_what_the_lists_hold(small_model: LoadedModel) -> None:
    Histories.model = small_model
    run_state_machine_as_test(
        Histories,
        settings=settings(
            max_examples=CASES,
            stateful_step_count=20,
            deadline=None,
            phases=[Phase.generate],  # shrinking would take minutes
            suppress_health_check=list(HealthCheck),
        ),
    )
