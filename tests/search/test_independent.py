"""Best-of-n and self-consistency are plain sampling: nothing is copied, dropped or preferred."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pfsolve.search.independent import independent_samples
from tests.search.worlds import Script, Tree, assert_mean, drive, shares


@pytest.mark.parametrize("scored", [True, False])
def test_solutions_have_the_law_of_plain_sampling(scored: bool) -> None:
    samples = []
    for seed in range(600):
        tree = Tree(4, seed)
        drive(independent_samples(4, scored=scored), tree.answer)
        samples.append(shares(tree.paths, np.full(4, 0.25), Tree.leaves))
        assert "Fork" not in tree.kinds()
    assert_mean(np.array(samples), np.array([Tree.probability(leaf) for leaf in Tree.leaves]))


def test_best_of_n_scores_every_step_and_weighs_by_scores() -> None:
    script = Script({1: [0.0, 9.0], 2: [math.log(3), 0.0]}, [2, 1])
    end = drive(independent_samples(2, scored=True), script.answer)
    assert script.kinds() == ["Extend", "Score", "StepInfo"] * 2
    assert script.extended() == [[0, 1], [0]]
    assert end.log_odds.tolist() == [math.log(3), 9.0]
    assert math.exp(end.weights.log[0]) == pytest.approx(0.75)
    assert end.steps == 2


def test_self_consistency_asks_for_no_score_and_weighs_all_the_same() -> None:
    script = Script({}, [3, 1, 2])
    end = drive(independent_samples(3, scored=False), script.answer)
    assert script.kinds() == ["Extend", "StepInfo"] * 3
    assert end.weights.log.tolist() == [0.0, 0.0, 0.0]
    assert end.log_evidence is None


def test_dead_samples_have_no_weight() -> None:
    inf = math.inf
    script = Script({1: [-inf, 0.0]}, [1, 1])
    assert drive(independent_samples(2, scored=True), script.answer).weights.log[0] == -inf
