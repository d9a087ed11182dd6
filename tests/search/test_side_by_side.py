"""Searches side by side are what each would be alone, in one wave or in several."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest

from pfsolve.search.independent import independent_samples
from pfsolve.search.particle_filter import FilterRules, particle_filter
from pfsolve.search.particle_gibbs import particle_gibbs
from pfsolve.search.requests import Alike, Extend, Fork, Rewind, Score, StepInfo
from pfsolve.search.side_by_side import abreast, join
from pfsolve.search.weights import AllParticlesDead
from tests.search.worlds import Script, Tree, World, drive, stopping

INF = math.inf


class Archipelago:
    """Worlds of their own behind one search, whose slots are numbered through."""

    def __init__(self, worlds: list[World]) -> None:
        self.worlds = worlds
        sizes = [len(world.paths) for world in worlds]
        self.slots = np.split(np.arange(sum(sizes)), np.cumsum(sizes)[:-1])
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
            case Fork(ancestors=ancestors, log_weights=log_weights):
                before, stays = self.news[-1].weights.log, ancestors == np.arange(ancestors.size)
                for own in self.slots:
                    if stays[own].all() and len(set(log_weights[own].tolist())) > 1:
                        assert log_weights[own].tolist() == before[own].tolist(), "nobody moved"
        answers = [world.answer(own) for world, own in self.shared_out(request)]
        return np.concatenate(answers) if isinstance(request, Extend | Score) else None

    def shared_out(self, request: object) -> Iterator[tuple[World, object]]:
        """The worlds that a request is about, and what each of them is asked."""
        for world, own in zip(self.worlds, self.slots, strict=True):
            if isinstance(request, Fork):
                ancestors = request.ancestors[own]
                assert np.isin(ancestors, own).all(), "islands are not connected"
                if ancestors.tolist() != own.tolist():
                    yield world, Fork(ancestors - own[0])
                continue
            mine = np.isin(request.particles, own)
            slots = request.particles[mine] - own[0]
            if slots.size and isinstance(request, Rewind):
                yield world, Rewind(slots, request.steps[mine])
            elif slots.size:
                yield world, type(request)(slots)


KINDS = [  # of different sizes, one of which seldom resamples
    (4, lambda rng: particle_filter(4, FilterRules(), rng)),
    (3, lambda rng: particle_filter(3, FilterRules(weights="ratio", ess_threshold=0.5), rng)),
    (5, lambda rng: particle_gibbs(5, FilterRules(), rng, 3)),
    (2, lambda rng: particle_filter(2, FilterRules(deduplicate=True), rng)),
]


@pytest.mark.parametrize("waves", [[4], [1, 3], [2, 2], [1, 1, 1, 1]], ids=str)
def test_each_search_runs_as_it_would_alone(waves: list[int]) -> None:
    sea = Archipelago([Tree(size, seed) for seed, (size, _) in enumerate(KINDS)])
    islands = iter([(make(np.random.default_rng(i)), size) for i, (size, make) in enumerate(KINDS)])
    ends = drive(abreast([[next(islands) for _ in range(count)] for count in waves]), sea.answer)
    for i, (size, make) in enumerate(KINDS):
        alone = Tree(size, i)
        end = drive(make(np.random.default_rng(i)), alone.answer)
        assert sea.worlds[i].paths == alone.paths
        assert ends[i].weights.log.tolist() == end.weights.log.tolist()
        assert ends[i].log_evidence == end.log_evidence
    assert sea.extended[0] == sum(size for size, _ in KINDS[: waves[0]]), "they fill no batch"
    rest = iter(ends)
    steps = sum(max(next(rest).steps for _ in range(count)) for count in waves)
    assert len(sea.extended) == sea.news[-1].step == steps
    assert [news.step for news in sea.news] == sorted(news.step for news in sea.news)
    for news in sea.news:
        assert news.log_odds.size == 14
        assert news.weights.normalised.sum() == pytest.approx(1)


def samples(n: int) -> tuple[object, int]:
    return independent_samples(n, scored=True), n


def test_what_has_not_begun_has_no_weight() -> None:
    script = Script({1: [0.0] * 4, 2: [1.0] * 4}, [2, 2, 1, 1])
    drive(abreast([[samples(1)], [samples(1), samples(2)]]), script.answer)
    assert script.extended() == [[0], [0], [1, 2, 3], [1]]
    assert [news.step for news in script.news()] == [1, 2, 3, 4]
    for news in script.news()[:2]:
        assert np.isneginf(news.log_odds).tolist() == [False, True, True, True]
        assert news.weights.normalised.tolist() == [1.0, 0.0, 0.0, 0.0]
    assert np.isfinite(script.news()[2].weights.log).all()


def test_a_watcher_that_has_seen_enough_saves_the_waves_to_come() -> None:
    script = Script({1: [2.0, 0.5, 0.0]}, [1] * 3)
    rules = FilterRules(weights="ratio")
    islands = [(particle_filter(n, rules, np.random.default_rng(n)), n) for n in (2, 1)]
    ends = drive(abreast([islands[:1], islands[1:]]), stopping(script, 1))
    assert script.extended() == [[0, 1]]
    (only,) = ends
    end = join(ends, [2, 1])
    assert end.stopped, "a whole wave was left out"
    assert not only.stopped
    assert end.log_odds.tolist() == end.weights.log.tolist() == [2.0, 0.5, -INF]
    assert end.log_evidence == only.log_evidence, "an island that has not begun has no evidence"


def test_after_a_wave_that_has_died_comes_the_next() -> None:
    script = Script({1: [-INF, -INF, 0.0]}, [1] * 3)
    waves = [[samples(1), samples(1)], [samples(1)]]
    end = join(drive(abreast(waves), script.answer), [1, 1, 1])
    assert script.extended() == [[0, 1], [2]]
    assert end.weights.normalised.tolist() == [0.0, 0.0, 1.0]
    assert not end.stopped


def test_all_waves_may_die() -> None:
    script = Script({1: [-INF] * 3}, [1] * 3)
    with pytest.raises(AllParticlesDead, match="all 3 particles"):
        drive(abreast([[samples(1), samples(1)], [samples(1)]]), script.answer)
    assert script.extended() == [[0, 1], [2]]
