"""Searches side by side are what each would be alone, and their populations are weighed as one."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest

from pfsolve.search.islands import island_filters
from pfsolve.search.particle_filter import FilterRules, particle_filter
from pfsolve.search.particle_gibbs import particle_gibbs
from pfsolve.search.requests import Alike, Extend, Fork, Rewind, Score, StepInfo
from pfsolve.search.side_by_side import abreast
from pfsolve.search.weights import log_mean_exp
from tests.search.worlds import Script, Tree, World, assert_law, drive, shares


class Archipelago:
    """Worlds of their own behind one search: world i answers for slots i * size and so on."""

    def __init__(self, worlds: list[World]) -> None:
        self.worlds = worlds
        self.size = len(worlds[0].paths)
        self.news: list[StepInfo] = []
        self.extended: list[int] = []

    def answer(self, request: object) -> object:
        match request:
            case StepInfo():
                self.news.append(request)
                return None
            case Alike():
                return np.concatenate([world.answer(request) for world in self.worlds])
            case Extend(particles=slots):
                self.extended.append(slots.size)
        answers = [world.answer(own) for world, own in self.shared_out(request)]
        return np.concatenate(answers) if isinstance(request, Extend | Score) else None

    def shared_out(self, request: object) -> Iterator[tuple[World, object]]:
        """The worlds that a request is about, and what each of them is asked."""
        for i, world in enumerate(self.worlds):
            first = i * self.size
            if isinstance(request, Fork):
                own = request.ancestors[first : first + self.size] - first
                assert np.all((own >= 0) & (own < self.size)), "islands are not connected"
                if own.tolist() != list(range(self.size)):
                    yield world, Fork(own)
                continue
            mine = request.particles // self.size == i
            slots = request.particles[mine] - first
            if slots.size and isinstance(request, Rewind):
                yield world, Rewind(slots, request.steps[mine])
            elif slots.size:
                yield world, type(request)(slots)


def test_each_search_runs_as_it_would_alone() -> None:
    """Filters, one of which seldom resamples, and a chain of Gibbs sweeps, in lockstep."""
    kinds = [
        lambda rng: particle_filter(4, FilterRules(), rng),
        lambda rng: particle_filter(4, FilterRules(weights="ratio", ess_threshold=0.5), rng),
        lambda rng: particle_gibbs(4, FilterRules(), rng, 3),
        lambda rng: particle_filter(4, FilterRules(deduplicate=True), rng),
    ]
    sea = Archipelago([Tree(4, seed) for seed in range(4)])
    ends = drive(
        abreast([kind(np.random.default_rng(i)) for i, kind in enumerate(kinds)], 4), sea.answer
    )
    for i, kind in enumerate(kinds):
        alone = Tree(4, i)
        end = drive(kind(np.random.default_rng(i)), alone.answer)
        assert sea.worlds[i].paths == alone.paths
        assert ends[i].weights.log.tolist() == end.weights.log.tolist()
        assert ends[i].log_evidence == end.log_evidence
    assert sea.extended[0] == 16, "they do not fill a batch together"
    assert len(sea.extended) == max(end.steps for end in ends)
    for news in sea.news:
        assert news.log_odds.size == 16
        assert news.weights.normalised.sum() == pytest.approx(1)


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
