"""In a pool of searches that cannot be compared, each living particle counts one vote on average."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pfsolve.search.beam import beam_search
from pfsolve.search.independent import independent_samples
from pfsolve.search.particle_filter import FilterRules, particle_filter
from pfsolve.search.pooling import pooled
from pfsolve.search.requests import Fork, Search
from tests.laws import check_search
from tests.search.worlds import Script, drive, stopping

INF = math.inf


def mixed(rng: np.random.Generator) -> Search:
    """Two waves of islands of several methods and sizes, 8 particles in all."""
    one, other = rng.spawn(2)
    samples = independent_samples(1, scored=True), 1
    filters = [(particle_filter(2, FilterRules(weights="ratio"), r), 2) for r in (one, other)]
    return pooled([[filters[0], samples], [(beam_search(3, 1), 3), filters[1]]])


def test_a_pool_keeps_the_laws_of_a_search() -> None:
    check_search(mixed, 8)


def test_an_island_has_the_votes_of_its_living_particles() -> None:
    """Scores of 3/4 and 1/2 share two votes, as 6 to 4; what is alive of the other island has two."""
    script = Script({1: [math.log(3), 0.0, -INF, 9.0, 9.0]}, [1] * 5)
    islands = [(independent_samples(n, scored=True), n) for n in (2, 3)]
    end = drive(pooled([islands]), script.answer)
    votes = [1.2, 0.8, 0.0, 1.0, 1.0]
    for weights in (end.weights, script.news()[-1].weights):
        assert np.exp(weights.log) == pytest.approx(votes)
    assert end.log_evidence is script.news()[-1].log_evidence is None


def test_votes_do_not_depend_on_the_size_of_an_island_s_weights() -> None:
    script = Script({1: [50.0, 50.0, -50.0, -50.0]}, [1] * 4)
    rules = FilterRules(weights="ratio")
    islands = [(particle_filter(2, rules, np.random.default_rng(i)), 2) for i in range(2)]
    end = drive(pooled([islands]), script.answer)
    assert end.weights.normalised == pytest.approx([0.25] * 4)


def test_votes_stay_what_they_are_when_particles_are_copied() -> None:
    script = Script({1: [50.0, 40.0, -9.0, -INF], 2: [0.0] * 4}, [2] * 4)
    islands = [(particle_filter(2, FilterRules(), np.random.default_rng(i)), 2) for i in range(2)]
    drive(pooled([islands]), script.answer)
    (fork,) = (request for request in script.log if isinstance(request, Fork))
    assert fork.log_weights is not None
    assert np.exp(fork.log_weights) == pytest.approx(1.0), "none is dead any more"


def test_islands_that_are_dead_or_have_not_begun_have_no_vote() -> None:
    script = Script({1: [-INF, 0.0, 0.0, 0.0]}, [1] * 4)
    waves = [[(independent_samples(n, scored=True), n) for n in sizes] for sizes in ([1, 2], [1])]
    end = drive(pooled(waves), stopping(script, 1))
    assert end.weights.normalised.tolist() == [0.0, 0.5, 0.5, 0.0]
    assert end.stopped
    assert end.steps == 1
