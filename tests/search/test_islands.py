"""Islands are filters that share nothing, and their populations are weighed as one."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pfsolve.search.islands import island_filters
from pfsolve.search.particle_filter import FilterRules, particle_filter
from pfsolve.search.weights import log_mean_exp
from tests.search.worlds import Script, Tree, assert_law, drive, shares


def test_islands_count_by_their_evidence_and_the_whole_is_exact() -> None:
    """Evidence times weights, over many runs, is each leaf's part of the evidence."""
    exact, log_evidence = Tree.exact()
    rules = FilterRules(weights="ratio")
    samples = []
    for seed in range(500):
        tree = Tree(8, seed)
        end = drive(island_filters(8, rules, np.random.default_rng(seed + 10**6), 2), tree.answer)
        assert end.log_evidence == pytest.approx(log_mean_exp(end.weights.log))
        samples.append(
            math.exp(end.log_evidence) * shares(tree.paths, end.weights.normalised, Tree.leaves)
        )
    mass = np.array([exact[leaf] for leaf in Tree.leaves]) * math.exp(log_evidence)
    assert_law(np.array(samples), mass)


def test_no_particle_ever_comes_from_another_island() -> None:
    script = Script({1: [9.0, 0.0, -40.0, -41.0], 2: [0.0] * 4}, [2] * 4)
    drive(island_filters(4, FilterRules(), np.random.default_rng(0), 2), script.answer)
    assert all({a // 2 for a in fork[:2]} == {0} for fork in script.forks())
    assert all({a // 2 for a in fork[2:]} == {1} for fork in script.forks())


def test_a_dead_island_has_no_weight_and_the_others_continue() -> None:
    inf = math.inf
    script = Script({1: [-inf, -inf, 1.0, 2.0], 2: [0.0, 0.0, 3.0, 4.0]}, [2] * 4)
    end = drive(island_filters(4, FilterRules(), np.random.default_rng(0), 2), script.answer)
    assert script.extended() == [[0, 1, 2, 3], [2, 3]]
    assert end.weights.normalised[:2].tolist() == [0.0, 0.0]
    assert end.steps == 2


def test_one_island_is_a_particle_filter() -> None:
    tree, plain = Tree(4, 0), Tree(4, 0)
    end = drive(island_filters(4, FilterRules(), np.random.default_rng(1), 1), tree.answer)
    own = np.random.default_rng(1).spawn(1)[0]
    other = drive(particle_filter(4, FilterRules(), own), plain.answer)
    assert tree.paths == plain.paths
    assert end.weights.log.tolist() == other.weights.log.tolist()
    assert end.log_evidence == other.log_evidence


def test_particles_that_cannot_be_shared_equally_are_refused() -> None:
    with pytest.raises(ValueError, match="7 particles"):
        drive(island_filters(7, FilterRules(), np.random.default_rng(0), 2), lambda _: None)
