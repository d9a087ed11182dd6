"""Chains at several temperatures: swaps keep the product of their laws, and so does a long run."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest

from pfsolve.search.particle_filter import FilterRules
from pfsolve.search.requests import Fork, Rewind
from pfsolve.search.state import Reference
from pfsolve.search.tempering import swap_probability, tempering, trade
from tests.search.worlds import (
    LOG_ODDS,
    Path,
    Script,
    Tree,
    assert_law,
    assert_mean,
    drive,
    shares,
)

RATIO = FilterRules(weights="ratio")


@pytest.mark.parametrize("temperatures", [(2.0, 1.0), (5.0, 0.5), (1.5, 1.0)])
def test_swaps_keep_the_product_of_two_tempered_laws(temperatures: tuple[float, float]) -> None:
    """The transition matrix on all pairs of leaves has that law as stationary, in detailed balance."""
    hot, cold = temperatures
    laws = [Tree.exact(temperature)[0] for temperature in temperatures]
    pairs = list(product(Tree.leaves, Tree.leaves))
    law = np.array([laws[0][one] * laws[1][other] for one, other in pairs])
    move = np.zeros((len(pairs), len(pairs)))
    for i, (one, other) in enumerate(pairs):
        chance = swap_probability(hot, cold, LOG_ODDS[one], LOG_ODDS[other])
        assert 0 <= chance <= 1
        move[i, pairs.index((other, one))] += chance
        move[i, i] += 1 - chance
    np.testing.assert_allclose(law @ move, law, atol=1e-15)
    flow = law[:, None] * move
    np.testing.assert_allclose(flow, flow.T, atol=1e-15)
    assert (move.diagonal() < 1).any(), "nothing is ever swapped"


def test_the_swap_probability_is_the_published_one() -> None:
    """It is min(1, exp((1/T_hot - 1/T_cold) * (l_cold - l_hot)))."""
    assert swap_probability(2.0, 1.0, 1.0, 3.0) == pytest.approx(math.exp(-0.5 * 2.0))
    assert swap_probability(2.0, 1.0, 3.0, 1.0) == 1.0
    assert swap_probability(1.0, 1.0, -7.0, 9.0) == 1.0


def test_trades_happen_as_often_as_they_should_and_go_down_the_ladder() -> None:
    """The best reference may fall through the whole ladder in one go."""
    rng = np.random.default_rng(0)
    best_on_top = [Reference(0, np.array([9.0, score])) for score in (3.0, 2.0, 1.0)]
    assert trade(best_on_top, (4.0, 2.0, 1.0), rng) == [1, 2, 0]
    assert trade([best_on_top[0], None, best_on_top[2]], (4.0, 2.0, 1.0), rng) == [0, 1, 2]
    worse = [Reference(0, np.array([score])) for score in (1.0, 2.0)]
    swaps = np.array([trade(worse, (2.0, 1.0), rng) == [1, 0] for _ in range(4000)], float)
    assert_mean(swaps[:, None], np.array([math.exp(-0.5)]))


class Watched(Tree):
    """Keeps each chain's reference at the start of each sweep but the first."""

    def __init__(self, n: int, seed: int, chains: int) -> None:
        super().__init__(n, seed)
        self.size = n // chains
        self.references: list[list[Path]] = []

    def answer(self, request: object) -> object:
        answer = super().answer(request)
        if isinstance(request, Rewind) and not request.steps.any():
            self.references.append([])
            for first in range(0, len(self.paths), self.size):
                (path,) = [path for path in self.paths[first : first + self.size] if path]
                self.references[-1].append(path)
        return answer


def test_every_chain_of_a_long_run_converges_to_the_law_of_its_temperature() -> None:
    """800 sweeps of two chains of two; errors from means over batches of 40."""
    ladder = (2.0, 0.5)
    tree = Watched(4, 1, 2)
    drive(tempering(4, RATIO, np.random.default_rng(2), ladder, 801), tree.answer)
    for chain, temperature in enumerate(ladder):
        exact, _ = Tree.exact(temperature)
        visits = np.array([[r[chain] == leaf for leaf in Tree.leaves] for r in tree.references])
        assert len(visits) == 800
        batches = visits.reshape(20, 40, -1).mean(axis=1)
        assert_law(batches, np.array([exact[leaf] for leaf in Tree.leaves]))


def test_a_reference_that_changes_chains_is_the_same_trajectory() -> None:
    """Swaps for certain: the hot chain holds the better one, in any slot."""
    script = Script({1: [5.0, 5.0, 1.0, 1.0], 2: [6.0, 6.0, 0.0, 0.0]}, [2] * 4)
    seen: list[list[Path]] = []

    def answer(request: object) -> object:
        reply = script.answer(request)
        if isinstance(request, Rewind) and not request.steps.any():
            seen.append(list(script.paths))
        return reply

    drive(tempering(4, RATIO, np.random.default_rng(0), (2.0, 1.0), 2), answer)
    (start,) = seen
    (hot,), (cold,) = ([p for p in start[first : first + 2] if p] for first in (0, 2))
    assert hot[-1] >= 2, "came from the cold chain's slots"
    assert cold[-1] < 2, "came from the hot chain's slots"


def test_hot_particles_are_weighed_at_the_lowest_temperature_in_the_end() -> None:
    """One sweep: the evidence of the target, and each leaf's part, over both chains without bias."""
    exact, log_evidence = Tree.exact(1.0)
    samples, evidence = [], []
    for seed in range(400):
        tree = Tree(8, seed)
        rng = np.random.default_rng(seed + 10**6)
        end = drive(tempering(8, RATIO, rng, (2.5, 1.0), 1), tree.answer)
        samples.append(
            np.exp(end.weights.log).mean() * shares(tree.paths, end.weights.normalised, Tree.leaves)
        )
        evidence.append(math.exp(end.log_evidence))
    mass = np.array([exact[leaf] for leaf in Tree.leaves]) * math.exp(log_evidence)
    assert_law(np.array(samples), mass)
    assert_mean(np.array(evidence)[:, None], np.array([math.exp(log_evidence)]))


def test_a_chain_that_died_starts_afresh() -> None:
    inf = math.inf
    script = Script({1: [-inf, -inf, 1.0, 2.0]}, [1] * 4)
    lives = iter([True, False])

    def answer(request: object) -> object:
        if isinstance(request, Fork) and next(lives, False):
            script.scores = {1: [0.0, 0.0, 1.0, 2.0]}
        return script.answer(request)

    end = drive(tempering(4, FilterRules(), np.random.default_rng(0), (2.0, 1.0), 2), answer)
    assert script.extended()[:1] == [[0, 1, 2, 3]]
    assert set(script.extended()[1]) > {0, 1}
    assert np.isfinite(end.weights.log).all()
