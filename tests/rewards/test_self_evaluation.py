"""Self-evaluation: the difference of two logits behind the verification turn, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pfsolve.engine.cache import Cache
from pfsolve.engine.chat import Chat
from pfsolve.engine.library import LoadedModel
from pfsolve.engine.policy import Policy
from pfsolve.engine.runs import TokenRun
from pfsolve.engine.sampling import Sampling
from pfsolve.particle import Kind, Particle, Step, StepRules
from pfsolve.rewards.base import Prefix
from pfsolve.rewards.self_evaluation import NO, QUESTION, YES, SelfEvaluation
from tests.conftest import THREADS


@pytest.fixture
def policy(small_model: LoadedModel) -> Iterator[Policy]:
    with Cache(small_model, cells=1024, sequences=8, threads=THREADS) as cache:
        yield Policy(cache, Chat(small_model), {Kind.TEXT: Sampling()}, StepRules())


def test_score_is_the_logit_difference_of_a_fresh_conversation(policy: Policy) -> None:
    reward = SelfEvaluation(policy.cache, policy.chat)
    prompt = policy.chat.prompt("Think step by step.", "What is 2 + 2?")
    solutions = ["2 + 2 is 4.\n\n", "Bananas are yellow.\n\n"]
    prefixes = []
    for slot, text in enumerate(solutions):
        tokens = policy.model.tokenize(text)
        particle = Particle((Step(tuple(tokens), text.encode(), slot),))
        prefixes.append(Prefix(slot, particle, policy.open([*prompt, *tokens]), None))
    scores = reward.score(prefixes)
    yes, no = (policy.model.tokenize(word)[0] for word in (YES, NO))
    for text, score in zip(solutions, scores, strict=True):
        whole = [*prompt, *policy.model.tokenize(text), *policy.chat.follow_up(QUESTION)]
        sequence = policy.cache.new()
        row = policy.cache.decode([TokenRun(sequence, whole)]).logits[0]
        assert score == pytest.approx(float(row[yes] - row[no]), abs=0.5)
        policy.cache.drop(sequence)


def test_the_turn_follows_the_models_own_chat_format(policy: Policy) -> None:
    turn = policy.chat.follow_up(QUESTION)
    pieces = policy.model.tokenize("<|im_end|>", special=True)
    assert turn[: len(pieces)] == pieces
    assert b"correct so far" in b"".join(policy.model.piece(token) for token in turn)
    assert SelfEvaluation(policy.cache, policy.chat).reserve == len(turn)
