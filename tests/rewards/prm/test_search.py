"""Whole searches: the real small model writes, a tiny one scores, and both caches end up empty."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from pfsolve.engine.cache import Cache
from pfsolve.engine.chat import Chat
from pfsolve.engine.library import LoadedModel
from pfsolve.engine.policy import Policy
from pfsolve.engine.runs import TokenRun
from pfsolve.engine.sampling import Sampling
from pfsolve.particle import Kind, StepRules
from pfsolve.problems import Problem
from pfsolve.rewards.prm.model import Prm
from pfsolve.search.particle_filter import FilterRules, particle_filter
from pfsolve.solver.scheduler import Scheduler
from pfsolve.solver.streams import resampling_rng
from pfsolve.solver.task import Outcome, Task, Writer
from tests.conftest import THREADS

PROBLEMS = ("What is 12 + 30?", "How many sides has a square?")


@pytest.mark.parametrize(("kind", "whole"), [("mlp", False), ("sentencepiece", True)])
def test_every_score_of_a_search_is_that_of_the_solution_read_afresh(
    kind: str, whole: bool, small_model: LoadedModel, open_tiny: Callable[..., Prm]
) -> None:
    """Two problems side by side, resampled at every step, in one cache of the reward model."""
    prm = open_tiny(kind, sequences=9, context=400, whole=whole)
    n = 4
    with Cache(small_model, cells=1024, sequences=2 * n, threads=THREADS) as cache:
        policy = Policy(cache, Chat(small_model), {Kind.TEXT: Sampling(0.8)}, StepRules(2, 12, 120))
        with Scheduler(policy, prm) as scheduler:
            for seed, text in enumerate(PROBLEMS):
                search = particle_filter(n, FilterRules(), resampling_rng(seed))
                prompt = policy.chat.prompt("Think step by step.", text)
                scheduler.begin(
                    Task(Problem(text, 1, text), [Writer(Kind.TEXT, prompt)] * n, seed, search)
                )
            ended = []
            while scheduler.running:
                ended += scheduler.advance()
        assert cache.sequences == 0
    assert prm.cache.sequences == 0

    scores = []
    for task, outcome in ended:
        assert isinstance(outcome, Outcome)
        for particle in outcome.particles:
            tokens = prm.template.render(task.problem.text, particle.step_texts)
            sequence = prm.cache.new()
            expected = prm.reader.read(prm.cache, [TokenRun(sequence, tokens)])[0]
            prm.cache.drop(sequence)
            assert particle.steps[-1].log_odds == pytest.approx(expected, abs=1e-2)
            scores.append(expected)
    assert len(scores) == 2 * n
    assert np.ptp(scores) > 0.05, "the test cannot tell"
