"""Heads of prompts that stay in the cache: the same logits with fewer tokens, and no cell in the way."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain

import numpy as np
import pytest

from pfsolve.engine.cache import Cache
from pfsolve.engine.chat import Chat
from pfsolve.engine.library import LoadedModel
from pfsolve.engine.policy import Policy
from pfsolve.engine.runs import TokenRun
from pfsolve.engine.sampling import Sampling
from pfsolve.engine.stopping import given_up_once
from pfsolve.particle import Kind, StepRules
from tests.conftest import THREADS
from tests.engine.fixtures import CELLS, TOLERANCE, distance, distribution

SYSTEM = "You are a helpful assistant, and so on. " * 6
PROBLEMS = ("What is 3 + 4?", "Name a prime number.")

MakePolicy = Callable[[int], Policy]


@pytest.fixture
def make(small_model: LoadedModel):  # type: ignore[no-untyped-def]
    """A policy whose cache has one sequence, and that number of sequences to keep heads in."""
    caches = []

    def make(kept: int) -> Policy:
        caches.append(Cache(small_model, cells=CELLS, sequences=1, threads=THREADS, kept=kept))
        sampling = {Kind.TEXT: Sampling()}
        policy = Policy(caches[-1], Chat(small_model), sampling, StepRules())
        policy.heads.add(*(policy.chat.prompt(SYSTEM, problem) for problem in ("1", "A")))
        return policy

    yield make
    for cache in caches:
        cache.close()


def opened(policy: Policy, problem: str) -> np.ndarray:
    """The logits behind a prompt, whose branch is dropped."""
    branch = policy.open(policy.chat.prompt(SYSTEM, problem))
    policy.drop(branch)
    return branch.logits


def test_a_head_is_decoded_once_and_gives_the_same_logits_to_the_bit(make: MakePolicy) -> None:
    policy, cold = make(1), make(0)
    first, second = (policy.chat.prompt(SYSTEM, problem) for problem in PROBLEMS)
    head = next(
        i for i, (one, other) in enumerate(zip(first, second, strict=False)) if one != other
    )
    assert head > 48, "it is decoded in more than one part"
    logits = [opened(policy, problem) for problem in (*PROBLEMS, *PROBLEMS)]
    assert policy.heads.tokens_saved == 3 * head
    assert policy.cache.tokens_decoded == 2 * (len(first) + len(second)) - 3 * head
    assert np.array_equal(logits[0], logits[2])
    assert np.array_equal(logits[1], logits[3])
    for kept, problem in zip(logits, PROBLEMS, strict=False):
        assert np.array_equal(kept, opened(cold, problem)), "it matters whether a head is kept"
    assert cold.heads.tokens_saved == 0
    whole = cold.cache.new()
    row = cold.cache.decode([TokenRun(whole, second)]).logits[0]
    assert distance(distribution(row), distribution(logits[1])) < TOLERANCE
    cold.cache.drop(whole)
    assert policy.cache.sequences == cold.cache.sequences == 0


def test_heads_are_given_back_where_cells_are_short_and_decoded_again(make: MakePolicy) -> None:
    policy = make(1)
    before = opened(policy, PROBLEMS[0])
    long = policy.cache.new()
    policy.cache.decode([TokenRun(long, [5] * CELLS, output=False)])
    policy.cache.drop(long)
    assert np.array_equal(opened(policy, PROBLEMS[0]), before)
    assert policy.heads.tokens_saved == 0
    assert np.array_equal(opened(policy, PROBLEMS[0]), before)
    assert policy.heads.tokens_saved > 0


def test_a_head_that_is_given_up_is_not_kept(make: MakePolicy) -> None:
    policy = make(1)
    with given_up_once(lambda: True):
        logits = opened(policy, PROBLEMS[0])
    assert not logits.any()
    assert policy.cache.sequences == 0
    opened(policy, PROBLEMS[0])
    assert policy.heads.tokens_saved == 0, "half a head was taken for a whole one"


def test_prompts_that_begin_otherwise_and_more_heads_than_room(make: MakePolicy) -> None:
    policy = make(1)
    prompts = [list(range(at, at + 20)) for at in (200, 300, 400)]
    for prompt in prompts[:2]:
        policy.heads.add(prompt[:10])
    for prompt in chain(prompts, prompts, [prompts[0][:10]]):
        policy.drop(policy.open(prompt))
    assert policy.heads.tokens_saved == 10, (
        "the second head is not kept; the last prompt is no more"
    )
    assert policy.cache.sequences == 0


def test_heads_share_their_common_start_if_it_is_long(make: MakePolicy) -> None:
    policy = make(3)
    texts, programs = ([*range(200, 220), *range(at, at + 10)] for at in (300, 400))
    other = [200, 201, *range(500, 510)]
    for head in (texts, programs, other):
        policy.heads.add(head)
    saved, rows = [], []
    for prompt in ([*texts, 7], [*programs, 7], [*other, 7], [*programs, 8], [*texts[:25], 9]):
        policy.drop(policy.open(prompt))
        saved.append(policy.heads.tokens_saved)
        rows.append(policy.cache.tokens_decoded)
    assert np.diff(saved, prepend=0).tolist() == [0, 20, 0, 30, 20], "two tokens are too few"
    assert np.diff(rows, prepend=0).tolist() == [31, 11, 13, 1, 6]
    assert policy.cache.sequences == 0
