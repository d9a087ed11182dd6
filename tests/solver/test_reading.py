"""A given solution is read as if the policy had written it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from pfsolve.engine.cache import Cache
from pfsolve.engine.policy import Policy
from pfsolve.engine.runs import TokenRun
from pfsolve.engine.sampling import Sampler
from pfsolve.errors import ProblemTooLong
from pfsolve.solver.reading import read_steps
from tests.engine.fixtures import TOLERANCE, distance, distribution

STEPS = ["Two and two make four.", "Four and one make five.", "So it is \\boxed{5}."]


def test_tokens_are_those_of_the_whole_text(make_policy: Callable[..., Policy]) -> None:
    """Steps are joined by blank lines, as the policy writes them, and none is lost or doubled."""
    policy = make_policy(context=200)
    prompt = policy.chat.prompt("Think.", "What is 2 + 2 + 1?")
    *_, last = read_steps(policy, prompt, STEPS, traced=False)
    text = "\n\n".join(STEPS)
    assert last.particle.text == text
    tokens = [token for step in last.particle.steps for token in step.tokens]
    assert tokens == policy.model.tokenize(text)


def test_traces_hold_the_log_probability_and_state_of_every_token(
    make_policy: Callable[..., Policy], cache: Cache
) -> None:
    policy = make_policy(context=200)
    prompt = policy.chat.prompt("Think.", "What is 2 + 2 + 1?")
    alone = cache.new()
    row = cache.decode([TokenRun(alone, prompt)]).logits[0].copy()
    for prefix in read_steps(policy, prompt, STEPS, traced=True):
        step, trace = prefix.particle.steps[-1], prefix.trace
        assert trace is not None
        assert trace.hidden.shape == (len(step.tokens), policy.model.n_embd)
        assert len(trace.uncertainties) == len(step.tokens)
        assert b"".join(trace.pieces) == step.data
        for token, seen in zip(step.tokens, trace.uncertainties, strict=True):
            assert np.exp(seen.log_prob) == pytest.approx(
                np.exp(Sampler(row.size).uncertainty(row, token).log_prob), abs=TOLERANCE
            )
            row = cache.decode([TokenRun(alone, [token])]).logits[0].copy()
        assert distance(distribution(row), distribution(prefix.branch.logits)) < TOLERANCE


def test_the_cache_is_empty_afterwards_even_if_it_is_not_read_to_the_end(
    make_policy: Callable[..., Policy], cache: Cache
) -> None:
    policy = make_policy(context=200)
    reading = read_steps(policy, policy.chat.prompt("Think.", "?"), STEPS, traced=False)
    next(reading)
    assert cache.sequences == 1
    reading.close()
    assert cache.sequences == 0


def test_what_does_not_fit_is_refused_before_it_is_read(
    make_policy: Callable[..., Policy], cache: Cache
) -> None:
    policy = make_policy(context=60)
    with pytest.raises(ProblemTooLong, match="a particle holds 60"):
        next(read_steps(policy, policy.chat.prompt("Think.", "?"), STEPS * 9, traced=False))
    assert cache.sequences == 0
