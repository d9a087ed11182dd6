"""One shared cache: forks see what their ancestors saw, and nothing is ever left behind."""

from __future__ import annotations

import signal
from typing import Any

import llama_cpp
import numpy as np
import pytest

from pfsolve.engine import stopping
from pfsolve.engine.cache import LEAST_OUTPUTS, Cache
from pfsolve.engine.library import LoadedModel
from pfsolve.engine.runs import TokenRun
from pfsolve.errors import EngineError
from tests.conftest import THREADS
from tests.engine.fixtures import CELLS, TOLERANCE, distance, distribution, is_empty

TEXT = "The sum of two odd numbers is even, because each of them is one more than an even number."


def fresh(cache: Cache, tokens: list[int]) -> np.ndarray:
    """Next-token distribution after decoding these tokens in a sequence of their own."""
    sequence = cache.new()
    law = distribution(cache.decode([TokenRun(sequence, tokens)]).logits[0])
    cache.drop(sequence)
    return law


def test_a_rewound_sequence_forgets_what_came_after(cache: Cache, small_model: LoadedModel) -> None:
    text = small_model.tokenize(TEXT)
    one = cache.new()
    cache.decode([TokenRun(one, [*text, 3000, 3001, 3002])])
    cache.rewind(one, len(text))
    law = distribution(cache.decode([TokenRun(one, [42])]).logits[0])
    assert distance(law, fresh(cache, [*text, 42])) < TOLERANCE
    for length in (-1, len(text) + 2):
        with pytest.raises(EngineError):
            cache.rewind(one, length)


def test_siblings_do_not_see_each_other(cache: Cache, small_model: LoadedModel) -> None:
    tokens = small_model.tokenize(TEXT)
    one = cache.new()
    cache.decode([TokenRun(one, tokens)])
    two = cache.fork(one)
    cache.decode([TokenRun(one, [3000, 3001, 3002])])
    law = distribution(cache.decode([TokenRun(two, [42])]).logits[0])
    assert distance(law, fresh(cache, [*tokens, 42])) < TOLERANCE
    wrong = [*tokens, 3000, 3001, 3002, 42]
    assert distance(law, fresh(cache, wrong)) > 3 * TOLERANCE, "the test cannot tell"


def test_sequences_that_are_still_alike_are_decoded_once(
    cache: Cache, small_model: LoadedModel
) -> None:
    """Four siblings of which three, then two, draw the same; against a decode of each by itself."""
    tokens = small_model.tokenize(TEXT)
    siblings = [cache.new()]
    cache.decode([TokenRun(siblings[0], tokens)])
    siblings += [cache.fork(siblings[0]) for _ in range(3)]
    held = [[*tokens] for _ in siblings]
    for news, rows in (([42, 42, 77, 42], 2), ([42, 43, 42, 43], 3), ([44, 44, 44, 44], 3)):
        before = cache.tokens_decoded
        outputs = cache.decode([TokenRun(s, [t]) for s, t in zip(siblings, news, strict=True)])
        assert cache.tokens_decoded - before == rows == 4 - sum(outputs.saved)
        for sibling, own, new, row in zip(siblings, held, news, outputs.logits.copy(), strict=True):
            own.append(new)
            assert cache.length(sibling) == len(own)
            assert distance(distribution(row), fresh(cache, own)) < TOLERANCE
    # 1 and 3 hold the same cells as far as they go; after that each has its own.
    outputs = cache.decode([TokenRun(siblings[1], [5]), TokenRun(siblings[3], [6])])
    assert not any(outputs.saved)
    cache.rewind(siblings[1], len(tokens))
    cache.drop(siblings[3])
    cache.rewind(siblings[0], len(tokens))
    before = cache.tokens_decoded
    outputs = cache.decode([TokenRun(siblings[s], [9, 10]) for s in (0, 1)], hidden=True)
    assert cache.tokens_decoded - before == 2, "they are alike again"
    assert outputs.hidden is not None
    assert outputs.hidden.shape == (4, small_model.n_embd)
    assert np.array_equal(outputs.logits[:2], outputs.logits[2:])
    assert distance(distribution(outputs.logits[3]), fresh(cache, [*tokens, 9, 10])) < TOLERANCE
    for sibling in siblings[:3]:
        cache.drop(sibling)
    assert is_empty(cache)


def test_what_does_not_fit_is_appended_to_none_of_those_alike(small_model: LoadedModel) -> None:
    with Cache(small_model, cells=256, sequences=2, threads=THREADS) as cache:
        one = cache.new()
        cache.decode([TokenRun(one, [5] * (cache.cells - 1), output=False)])
        two = cache.fork(one)
        cache.decode([TokenRun(one, [6]), TokenRun(two, [6])])  # one cell for both
        with pytest.raises(EngineError, match="full"):
            cache.decode([TokenRun(one, [6]), TokenRun(two, [6])])
        assert cache.length(one) == cache.length(two) == cache.cells
        cache.drop(one)
        cache.rewind(two, 1)
        cache.decode([TokenRun(two, [6] * (cache.cells - 1), output=False)])  # all others are free


def test_a_cache_smaller_than_a_batch_is_filled_to_the_brim(small_model: LoadedModel) -> None:
    """llama.cpp aborts where a batch has more tokens than the context was asked for."""
    with Cache(small_model, cells=100, sequences=1, threads=THREADS) as cache:
        cache.decode([TokenRun(cache.new(), [5] * cache.cells)], padding=lambda rows: 16)
        assert cache.cells == 256


def test_alike_runs_over_several_batches_that_are_given_up(
    cache: Cache, small_model: LoadedModel
) -> None:
    text = small_model.tokenize(TEXT * 8)[: stopping.BATCH_TOKENS + 40]
    one = cache.new()
    cache.decode([TokenRun(one, [3])])
    two = cache.fork(one)
    with stopping.given_up_once(lambda: True), pytest.raises(stopping.GivenUp):
        cache.decode([TokenRun(one, text), TokenRun(two, text)])
    assert cache.length(one) == cache.length(two) == 1 + stopping.BATCH_TOKENS
    rest = text[stopping.BATCH_TOKENS :]
    rows = cache.decode([TokenRun(one, rest), TokenRun(two, rest)]).logits.copy()
    assert np.array_equal(rows[0], rows[1])
    assert distance(distribution(rows[0]), fresh(cache, [3, *text])) < TOLERANCE


def test_dropped_cells_are_free_again(cache: Cache) -> None:
    """One and a half times the cache's size passes through it, half of it shared."""
    for _ in range(3):
        one = cache.new()
        cache.decode([TokenRun(one, [5] * (cache.cells // 2), output=False)])
        two = cache.fork(one)
        cache.drop(one)
        cache.drop(two)
    assert is_empty(cache)


def test_a_full_cache_is_an_error_that_leaves_it_usable(cache: Cache) -> None:
    one = cache.new()
    with pytest.raises(EngineError, match="full"):
        cache.decode([TokenRun(one, [5] * (cache.cells + 1))])
    cache.drop(one)
    assert is_empty(cache)


def test_runs_longer_than_a_batch_and_many_outputs_keep_their_order(
    small_model: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pfsolve.engine.cache.BATCH_TOKENS", 64)
    text = small_model.tokenize(TEXT * 6)
    with Cache(small_model, cells=CELLS, sequences=8, threads=THREADS) as cache:
        runs = [
            TokenRun(cache.new(), text[i : i + length])
            for i, length in enumerate((90, 5, 64, 1, 33))
        ]
        rows = cache.decode(runs).logits.copy()
        for row, run in zip(rows, runs, strict=True):
            assert distance(distribution(row), fresh(cache, list(run.tokens))) < TOLERANCE


def test_a_crowded_cache_decodes_in_small_batches_to_the_same_end(
    small_model: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    decode = llama_cpp.llama_decode
    monkeypatch.setattr(
        llama_cpp,
        "llama_decode",
        lambda context, batch: sizes.append(batch.n_tokens) or decode(context, batch),
    )
    monkeypatch.setattr("pfsolve.engine.cache.CROWDED", 100)
    text = small_model.tokenize(TEXT * 6)[:99]
    with Cache(small_model, cells=CELLS, sequences=8, threads=THREADS) as cache:
        one = cache.new()
        cache.decode([TokenRun(one, text)])
        copies = [one, *(cache.fork(one) for _ in range(2))]
        runs = [TokenRun(copy, [5 + k] * 40) for k, copy in enumerate(copies)]
        rows = cache.decode(runs).logits.copy()
        assert sizes == [99, 48, 48, 24], "few tokens are not a crowd"
        for row, run in zip(rows, runs, strict=True):
            expected = fresh(cache, [*text, *run.tokens])
            assert distance(distribution(row), expected) < TOLERANCE


def test_hidden_states_are_what_the_logits_are_made_of(
    cache: Cache, small_model: LoadedModel
) -> None:
    """The same token in the same place: states agree with a second decode, and differ by token."""
    tokens = small_model.tokenize(TEXT)
    root = cache.new()
    cache.decode([TokenRun(root, tokens)])
    a, b = cache.fork(root), cache.fork(root)
    outputs = cache.decode(
        [TokenRun(root, [42]), TokenRun(a, [42]), TokenRun(b, [77])], hidden=True
    )
    assert outputs.hidden is not None
    assert outputs.hidden.shape == (3, small_model.n_embd)
    first, second, other = outputs.hidden.copy()
    assert np.abs(first - second).max() < 0.05 * np.abs(first).max()
    assert np.abs(first - other).max() > 0.2 * np.abs(first).max()
    logits = cache.decode([TokenRun(root, [43])]).logits
    assert logits.shape == (1, small_model.n_vocab), "hidden states are off again"


def test_hidden_states_of_every_token_are_those_of_one_by_one(
    cache: Cache, small_model: LoadedModel
) -> None:
    """Runs longer than a batch has outputs, beside others: rows stay in order, none is missing."""
    tokens = small_model.tokenize(TEXT * 10)[: 2 * LEAST_OUTPUTS + 5]
    assert len(tokens) > 2 * LEAST_OUTPUTS > 2 * 16, "longer than two batches have outputs"
    together = cache.decode(
        [TokenRun(cache.new(), [7]), TokenRun(cache.new(), tokens)], hidden=True
    )
    assert together.hidden is not None
    assert together.hidden.shape == (1 + len(tokens), small_model.n_embd)
    assert together.logits.shape == (1 + len(tokens), small_model.n_vocab)
    alone = cache.new()
    for token, state, row in zip(tokens, together.hidden[1:], together.logits[1:], strict=True):
        one = cache.decode([TokenRun(alone, [token])], hidden=True)
        assert one.hidden is not None
        assert np.abs(one.hidden[0] - state).max() < 0.1 * np.abs(state).max()
        assert distance(distribution(one.logits[0]), distribution(row)) < TOLERANCE


@pytest.mark.parametrize(
    "make_runs",
    [
        lambda s, n: [],
        lambda s, n: [TokenRun(s, [])],
        lambda s, n: [TokenRun(s, [n])],
        lambda s, n: [TokenRun(s, [-1])],
        lambda s, n: [TokenRun(s, [1]), TokenRun(s, [2])],
        lambda s, n: [TokenRun(s + 1, [1])],
    ],
    ids=["nothing", "empty run", "token too large", "token negative", "twice", "unknown sequence"],
)
def test_arguments_llama_cpp_would_abort_on_are_errors(
    cache: Cache, small_model: LoadedModel, make_runs: object
) -> None:
    sequence = cache.new()
    with pytest.raises(EngineError):
        cache.decode(make_runs(sequence, small_model.n_vocab))  # type: ignore[operator]


def test_no_more_sequences_than_it_was_made_for(cache: Cache) -> None:
    for _ in range(16):
        cache.new()
    with pytest.raises(EngineError, match="in use"):
        cache.new()


def test_a_signal_while_it_is_made_leaves_nothing(
    small_model: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, free = llama_cpp.llama_init_from_model, llama_cpp.llama_free
    alive = []

    def interrupted(*given: Any) -> Any:
        alive.append(make(*given))
        signal.raise_signal(signal.SIGINT)
        return alive[0]

    def freed(handle: Any) -> None:
        alive.remove(handle)
        free(handle)

    monkeypatch.setattr(llama_cpp, "llama_init_from_model", interrupted)
    monkeypatch.setattr(llama_cpp, "llama_free", freed)
    with pytest.raises(KeyboardInterrupt):
        Cache(small_model, cells=CELLS, sequences=1, threads=THREADS)
    assert alive == []
