"""A given solution, read by the policy as if it had written it: to score it, or to learn from it."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence

import numpy as np

from pfsolve.engine.library import LoadedModel
from pfsolve.engine.policy import Branch, Policy, Trace
from pfsolve.engine.runs import TokenRun
from pfsolve.errors import ProblemTooLong, named
from pfsolve.particle import Particle, Step
from pfsolve.rewards.base import Prefix, Reward
from pfsolve.solution import ScoredSolution


def score_solution(
    policy: Policy, reward: Reward, problem: str, prompt: Sequence[int], steps: Sequence[str]
) -> ScoredSolution:
    """Score each prefix of a given solution.

    Args:
        problem: as the reward is given it.
        prompt: tokens that ask for its solution.
        steps: their texts, at least one.

    Raises:
        ProblemTooLong: problem and solution do not fit into a particle's context.
        EngineError: llama.cpp fails.
    """
    started = time.monotonic()
    scorer = reward.open(problem, 1)
    log_odds, tokens = [], len(prompt) - reward.tokens_read
    prefixes = read_steps(policy, prompt, steps, traced=reward.wants_trace)
    try:
        for prefix in prefixes:
            log_odds.append(float(scorer.score([prefix])[0]))
            tokens += len(prefix.particle.steps[-1].tokens)
    finally:
        prefixes.close()
        scorer.close()
    tokens += reward.tokens_read
    return ScoredSolution(np.array(log_odds), tokens, time.monotonic() - started)


def read_steps(
    policy: Policy, prompt: Sequence[int], steps: Sequence[str], *, traced: bool
) -> Generator[Prefix]:
    """The prefix after each step, in slot 0, in turn; one holds until the next is asked for.

    Args:
        prompt: tokens that ask for the solution.
        steps: texts. A blank line is put after each but the last, as the policy writes them.
        traced: whether prefixes carry a trace.

    Raises:
        ProblemTooLong: prompt and solution do not fit into a particle's context.
        EngineError: llama.cpp fails.
    """
    tokenized = _tokenize(policy.model, steps)
    length = len(prompt) + sum(map(len, tokenized))
    if length > policy.rules.context:
        raise ProblemTooLong(
            f"problem and solution take {length} tokens, and a particle holds {policy.rules.context}",
            f"use a larger {named('context')}",
        )
    branch = policy.open(prompt)
    try:
        particle = Particle()
        for tokens in tokenized:
            trace = _read(policy, branch, tokens, traced) if tokens else None
            data = b"".join(map(policy.model.piece, tokens))
            particle = particle.extended(Step(tokens, data, 0), None)
            yield Prefix(0, particle, branch, trace)
    finally:
        policy.drop(branch)


def _tokenize(model: LoadedModel, steps: Sequence[str]) -> list[tuple[int, ...]]:
    """The tokens of the whole solution, each in the step that its first byte belongs to."""
    texts = [step.strip() + "\n\n" for step in steps[:-1]] + [step.strip() for step in steps[-1:]]
    ends = np.cumsum([len(text.encode(errors="replace")) for text in texts])
    tokens = model.tokenize("".join(texts), continued=True)
    starts = np.cumsum([0, *(len(model.piece(token)) for token in tokens[:-1])])
    splits = np.searchsorted(starts, ends[:-1])
    return [tuple(part.tolist()) for part in np.split(np.array(tokens, dtype=np.int64), splits)]


def _read(policy: Policy, branch: Branch, tokens: Sequence[int], traced: bool) -> Trace | None:
    """Append a step's tokens to a branch."""
    outputs = policy.cache.decode([TokenRun(branch.sequence, tokens)], hidden=traced)
    before, branch.logits = branch.logits, outputs.logits[-1].copy()
    if outputs.hidden is None or outputs.inner is None:
        return None
    rows = [before, *outputs.logits[:-1]]
    uncertainties = [*map(policy.sampler.uncertainty, rows, tokens)]
    pieces = [*map(policy.model.piece, tokens)]
    return Trace(uncertainties, pieces, np.array(outputs.hidden), outputs.inner)
