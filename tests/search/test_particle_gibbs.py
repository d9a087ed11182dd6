"""Particle Gibbs leaves the exact posterior as it is, for any number of particles from 2 on.

A conditional sweep around a reference that is itself drawn from the posterior must give weights
whose mean is the posterior. That is checked on independent sweeps, so its significance is exact; and
that a chain of sweeps gets there from a filter's first population, on one long run.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from pfsolve.search.particle_filter import FilterRules, sweep
from pfsolve.search.particle_gibbs import particle_gibbs
from pfsolve.search.requests import FinalPopulation, Fork, Rewind
from pfsolve.search.state import Reference
from tests.search.worlds import (
    HiddenMarkovModel,
    Path,
    Script,
    Tree,
    World,
    assert_law,
    assert_mean,
    drive,
    shares,
    stopping,
)


def around(world: World, path: Path, slot: int, rules: FilterRules, seed: int) -> FinalPopulation:
    """The end of a sweep around a reference that stands in a slot."""
    world.paths[slot] = path
    scores = np.array([world.log_odds(path[: step + 1]) for step in range(len(path))])
    rng = np.random.default_rng(seed)
    swept = drive(sweep(len(world.paths), rules, rng, Reference(slot, scores)), world.answer)
    assert world.paths[slot] == path, "the reference was dropped"
    assert swept.population.log_odds[slot] == scores[-1]
    return swept.population


KERNELS = [
    (FilterRules(weights="ratio"), 2),
    (FilterRules(weights="ratio"), 3),
    (FilterRules(weights="ratio", resampling="multinomial"), 3),
    (FilterRules(weights="ratio", resampling="stratified", finished="absorb"), 4),
    (FilterRules(weights="ratio", resampling="residual", ess_threshold=0.6), 4),
    (FilterRules(weights="ratio", expected_steps=12, softmax_temperature=0.4), 4),
]


@pytest.mark.parametrize(("rules", "n"), KERNELS, ids=repr)
def test_a_sweep_around_a_draw_from_the_posterior_gives_the_posterior(
    rules: FilterRules, n: int
) -> None:
    """On solutions of 1 to 4 steps, so that references end before and after the others."""
    exact, _ = Tree.exact(rules.softmax_temperature)
    chances = np.array([exact[leaf] for leaf in Tree.leaves])
    rng = np.random.default_rng(1)
    samples = []
    for seed in range(1000):
        leaf = Tree.leaves[rng.choice(len(Tree.leaves), p=chances)]
        tree = Tree(n, seed)
        end = around(tree, leaf, seed % n, rules, seed + 10**6)
        samples.append(shares(tree.paths, end.weights.normalised, Tree.leaves))
    assert_law(np.array(samples), chances)


@pytest.mark.parametrize("weights", ["score", "ratio"])
def test_a_sweep_leaves_whole_paths_of_a_hidden_markov_model_as_they_are(weights: str) -> None:
    """Paths, and not just their ends: the reference's early states must be forked with its prefix."""
    cumulative = weights == "ratio"
    observations = (0, 2, 1)
    exact = HiddenMarkovModel(1, 0, cumulative=cumulative, observations=observations).posterior()
    paths, chances = tuple(exact), np.array(list(exact.values()))
    rng = np.random.default_rng(2)
    samples = []
    for seed in range(1000):
        model = HiddenMarkovModel(3, seed, cumulative=cumulative, observations=observations)
        path = paths[rng.choice(len(paths), p=chances)]
        end = around(model, path, 1, FilterRules(weights=weights), seed + 10**6)
        samples.append(shares(model.paths, end.weights.normalised, paths))
    assert_law(np.array(samples), chances)


class Watched(Tree):
    """Keeps the reference of every sweep: what stands alone when all others go back to the prompt."""

    def __init__(self, n: int, seed: int) -> None:
        super().__init__(n, seed)
        self.references: list[Path] = []

    def answer(self, request: object) -> object:
        answer = super().answer(request)
        if isinstance(request, Rewind) and not request.steps.any():
            (path,) = [path for path in self.paths if path]
            self.references.append(path)
        return answer


def test_a_long_run_converges_to_the_exact_posterior() -> None:
    """2000 sweeps of two particles; standard errors from means over batches of 50.

    Sweeps further apart than a batch do not correlate.
    """
    exact, _ = Tree.exact()
    tree = Watched(2, 5)
    rules = FilterRules(weights="ratio")
    drive(particle_gibbs(2, rules, np.random.default_rng(6), 2001), tree.answer)
    visits = np.array([[path == leaf for leaf in Tree.leaves] for path in tree.references])
    assert len(visits) == 2000
    batches = visits.reshape(40, 50, -1).mean(axis=1)
    assert_law(batches, np.array([exact[leaf] for leaf in Tree.leaves]))
    assert batches.std(ddof=1) < 0.2, "it does not move"


def test_the_reference_is_weighed_after_the_same_number_of_steps() -> None:
    """Step for step: neither one step late nor with its final score, and its last once it has ended."""
    script = Script({1: [2.0, 2.0, 2.1], 2: [2.0, 2.0, 2.2], 3: [2.0, 2.0, 9.9]}, [3, 3, 2])
    script.paths[2] = (2, 2)  # as good as the others, so that each has one offspring
    rules = FilterRules(weights="score")
    drive(
        sweep(3, rules, np.random.default_rng(0), Reference(2, np.array([2.1, 2.2])), taken=10),
        script.answer,
    )
    assert [news.log_odds[2] for news in script.news()] == [2.1, 2.2, 2.2]
    assert [news.step for news in script.news()] == [11, 12, 13]


def test_a_fork_of_the_reference_continues_from_its_prefix() -> None:
    """All weight is on the reference: after each step the others become its prefix of that length."""
    script = Script({1: [0.0, 60.0], 2: [0.0, 60.0], 3: [0.0, 60.0]}, [3, 3])
    script.paths[1] = (1, 1, 1)
    rules = FilterRules(weights="score")
    drive(sweep(2, rules, np.random.default_rng(0), Reference(1, np.full(3, 60.0))), script.answer)
    rewinds = [
        (r.particles.tolist(), r.steps.tolist()) for r in script.log if isinstance(r, Rewind)
    ]
    assert rewinds == [([0], [1]), ([0], [2])]
    assert script.paths == [(1, 1, 0), (1, 1, 1)]


def test_a_reference_longer_than_all_others_is_followed_to_its_end() -> None:
    """Its later steps change the weights, though no particle takes a step any more."""
    script = Script({1: [0.0, 0.0], 2: [0.0, -4.0], 3: [0.0, 5.0]}, [1, 3])
    script.paths[1] = (1, 1, 1)
    rules = FilterRules(weights="ratio", ess_threshold=0.0)
    end = drive(
        sweep(2, rules, np.random.default_rng(0), Reference(1, np.array([0.0, -4.0, 5.0]))),
        script.answer,
    ).population
    assert script.extended() == [[0]]
    assert end.weights.log.tolist() == [0.0, 5.0]
    assert end.steps == 1


def test_each_sweep_starts_all_but_its_reference_afresh() -> None:
    tree = Watched(4, 0)
    end = drive(particle_gibbs(4, FilterRules(), np.random.default_rng(3), 3), tree.answer)
    assert len(tree.references) == 2
    starts = [i for i, r in enumerate(tree.log) if isinstance(r, Rewind) and not r.steps.any()]
    for start in starts:
        fork, rewind = tree.log[start - 1], tree.log[start]
        assert isinstance(fork, Fork)
        assert isinstance(rewind, Rewind)
        (slot,) = set(fork.ancestors.tolist())
        assert sorted([*rewind.particles.tolist(), slot]) == [0, 1, 2, 3]
    steps = [news.step for news in tree.news()]
    assert steps == sorted(steps)
    assert steps[-1] == end.steps == len(tree.extended())
    assert all(tree.is_finished(path) for path in tree.paths)


def test_the_evidence_is_the_first_sweeps_and_unbiased() -> None:
    _, log_evidence = Tree.exact()
    rules = FilterRules(weights="ratio")
    estimates = []
    for seed in range(300):
        end = drive(
            particle_gibbs(4, rules, np.random.default_rng(seed + 10**6), 2), Tree(4, seed).answer
        )
        estimates.append(math.exp(end.log_evidence))
    assert_mean(np.array(estimates)[:, None], np.array([math.exp(log_evidence)]))


def test_one_sweep_is_a_particle_filter() -> None:
    from pfsolve.search.particle_filter import particle_filter

    rules = FilterRules()
    one, other = Tree(4, 1), Tree(4, 1)
    drive(particle_gibbs(4, rules, np.random.default_rng(2), 1), one.answer)
    drive(particle_filter(4, rules, np.random.default_rng(2)), other.answer)
    assert one.kinds() == other.kinds()
    assert one.paths == other.paths


def test_a_stop_ends_the_sweep_at_hand_with_its_reference_whole() -> None:
    script = Script({step: [float(step)] * 2 for step in (1, 2, 3)}, [3, 3])
    search = particle_gibbs(2, FilterRules(weights="ratio"), np.random.default_rng(0), 9)
    end = drive(search, stopping(script, 4))
    assert end.stopped
    assert end.steps == 4
    assert sorted(map(len, script.paths)) == [1, 3]
    assert end.log_odds.tolist() == [float(len(path)) for path in script.paths]
    assert end.weights.log.tolist() == end.log_odds.tolist()


def test_stopping_between_sweeps_says_so() -> None:
    script = Script({1: [1.0, 1.0]}, [1, 1])
    search = particle_gibbs(2, FilterRules(), np.random.default_rng(0), 9)
    end = drive(search, stopping(script, 1))
    assert end.stopped
    assert script.kinds() == ["Extend", "Score", "StepInfo"]
