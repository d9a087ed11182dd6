"""Dead particles are drawn again, and the search inside sees nothing of it but longer lives."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any

import numpy as np
import pytest

from pfsolve.search.independent import independent_samples
from pfsolve.search.methods import METHODS
from pfsolve.search.redrawing import redrawing
from pfsolve.search.requests import Extend, FinalPopulation, Fork, Rewind, Score, Search
from pfsolve.search.weights import AllParticlesDead, InvalidLogWeight
from pfsolve.settings import Settings, merge
from tests.laws import check_search
from tests.search.worlds import (
    LOG_ODDS,
    Path,
    Script,
    Tree,
    assert_law,
    assert_mean,
    drive,
    written,
)

INF = math.inf

OFTEN = frozenset({(0, 0), (1, 0), (1, 1, 0, 0)})  # 45 of 100 solutions die of one of these
SELDOM = frozenset({(1, 1, 0, 0)})  # 8 of 100, where others have long finished


class Mortal(Tree):
    """A tree in which these prefixes have log-odds of -inf, and what follows from them; others 0.

    failing: whether a particle has finished with its death. soft: others have the tree's log-odds.
    """

    def __init__(
        self,
        n: int,
        seed: int,
        deadly: frozenset[Path],
        *,
        failing: bool = True,
        soft: bool = False,
    ) -> None:
        super().__init__(n, seed)
        self.deadly, self.failing, self.soft = deadly, failing, soft
        self.within = False  # whether the search inside waits for the answer to an Extend
        self.redrawn = 0

    def is_dead(self, path: Path) -> bool:
        return any(path[:depth] in self.deadly for depth in range(len(path) + 1))

    def is_finished(self, path: Path) -> bool:
        return super().is_finished(path) or (self.failing and self.is_dead(path))

    def log_odds(self, path: Path) -> float:
        return -INF if self.is_dead(path) else LOG_ODDS[path] if self.soft else 0.0

    def law(self) -> np.ndarray:
        """Of a solution that lives, over the leaves."""
        mass = np.array([self.probability(leaf) * (not self.is_dead(leaf)) for leaf in self.leaves])
        return mass / mass.sum()

    def counts(self) -> np.ndarray:
        """The number of living particles at each leaf."""
        alive = [path for path in self.paths if not self.is_dead(path)]
        return np.array([alive.count(leaf) for leaf in self.leaves])

    def answer(self, request: object) -> object:
        if self.within and isinstance(request, Fork):
            for slot, source in enumerate(request.ancestors.tolist()):
                if slot != source:
                    self._replace(slot)
                    assert not self.is_dead(self.paths[source])
                    assert not self.is_finished(self.paths[source]), "a copy of a finished one"
                    assert len(self.paths[source]) == len(self.paths[slot])
        elif self.within and isinstance(request, Rewind):
            assert not request.steps.any(), "not back to the prompt"
            for slot in request.particles.tolist():
                self._replace(slot)
        return super().answer(request)

    def _replace(self, slot: int) -> None:
        assert self.is_dead(self.paths[slot]), "a living particle was replaced"
        self.redrawn += 1


def observed(search: Search, world: Mortal) -> Search:
    """A search, with checks of what it is told."""
    answer: Any = None
    while True:
        try:
            request = search.send(answer)
        except StopIteration as end:
            return end.value
        world.within = isinstance(request, Extend)
        answer = yield request
        world.within = False
        if not isinstance(request, Extend | Score):
            continue
        paths = [world.paths[slot] for slot in request.particles.tolist()]
        if isinstance(request, Score):
            assert answer.tolist() == [world.log_odds(path) for path in paths]
            continue
        assert answer.tolist() == [world.is_finished(path) for path in paths]
        alive = [path for path in paths if not world.is_dead(path)]
        assert world.redrawn <= len(world.paths)
        assert alive == paths or world.redrawn == len(world.paths), "one was left dead"
        assert len({len(path) for path in alive if not world.is_finished(path)}) <= 1, "one lags"


def run(world: Mortal, seed: int, *, copies: bool = False, **settings: object) -> FinalPopulation:
    n, (inner, outer) = len(world.paths), np.random.default_rng(seed).spawn(2)
    chosen = merge({"particles": n, **settings})
    search = observed(METHODS[chosen.method](chosen, inner), world)
    end: FinalPopulation = drive(redrawing(search, n, outer, copies), world.answer)
    return end


METHODS_AND_RULES: list[dict[str, object]] = [
    *({"method": name} for name in METHODS if name not in ("greedy", "pg")),
    {"method": "pf", "finished": "absorb"},
    {"method": "pf", "weights": "ratio", "ess_threshold": 0.5},
    {"method": "pf", "deduplicate": True},
    {"method": "pg", "sweeps": 4, "resampling": "multinomial"},
    {"method": "pg", "sweeps": 4, "weights": "ratio", "finished": "absorb"},
]


@pytest.mark.parametrize("copies", [False, True])
@pytest.mark.parametrize("settings", METHODS_AND_RULES, ids=str)
def test_the_search_inside_sees_longer_lives_and_nothing_else(
    settings: dict[str, object], copies: bool
) -> None:
    """The world refuses what makes no sense, and each answer to the search is checked."""
    redraws, whole = 0, 0
    for seed in range(40):
        world = Mortal(8, seed, (OFTEN, SELDOM)[seed % 2], failing=seed % 4 < 2, soft=seed % 8 < 4)
        try:
            run(world, seed, copies=copies, **settings)
        except AllParticlesDead:
            continue
        assert all(world.is_finished(path) for path in world.paths)
        redraws += world.redrawn
        whole += world.redrawn < 8
    assert redraws > 40
    assert whole > 5


@pytest.mark.parametrize("method", ["sc", "bon"])
@pytest.mark.parametrize("n", [2, 8])
def test_independent_samples_are_draws_given_that_they_live(method: str, n: int) -> None:
    """Also where redraws are used up: then fewer live, by the same law."""
    samples = []
    for seed in range(1500):
        world = Mortal(n, seed, OFTEN, failing=seed % 2 == 0)
        with suppress(AllParticlesDead):
            run(world, seed, method=method)
        counts = world.counts()
        samples.append(counts - counts.sum() * world.law())
    assert_mean(np.array(samples), np.zeros(len(Tree.leaves)))


@pytest.mark.parametrize(
    ("settings", "deadly"),
    [({"method": "pf"}, OFTEN), ({"method": "pg", "weights": "ratio", "sweeps": 2}, SELDOM)],
    ids=str,
)
def test_a_filter_s_particles_are_draws_given_that_they_live(
    settings: dict[str, object], deadly: frozenset[Path]
) -> None:
    """Where redraws suffice, weights stay equal and nothing is resampled."""
    samples = []
    for seed in range(1500):
        world = Mortal(8, seed, deadly, failing=seed % 2 == 0)
        end = run(world, seed, **settings)
        if world.redrawn < 8:
            assert end.weights.normalised == pytest.approx(np.full(8, 1 / 8))
            samples.append(world.counts() / 8)
    assert len(samples) > 500
    assert_law(np.array(samples), world.law())


def conversation(script: Script, *, copies: bool, scored: bool = True) -> str:
    n = len(script.paths)
    search = independent_samples(n, scored=scored)
    drive(redrawing(search, n, np.random.default_rng(0), copies), script.answer)
    return " ".join(map(written, script.log))


def test_a_copy_is_made_of_one_that_has_just_taken_the_same_step() -> None:
    script = Script({1: [0.0, -INF, 0.0], 2: [0.0] * 3}, [1, 2, 2])
    assert conversation(script, copies=True) == "E012 S012 F022 I1 E12 S12 I2"


def test_one_that_begins_again_catches_up_and_may_die_again() -> None:
    """A slot that always dies at its second step takes all redraws, and stays dead then."""
    script = Script({1: [0.0, 0.0], 2: [0.0, -INF], 3: [0.0, -INF]}, [3, 3])
    again = "R1>0 E1 S1 E1 S1"
    assert conversation(script, copies=False) == f"E01 S01 I1 E01 S01 {again} {again} I2 E01 S01 I3"


def test_without_anyone_to_copy_it_begins_again() -> None:
    script = Script({1: [0.0, -INF]}, [1, 1])
    assert conversation(script, copies=True) == "E01 S01 R1>0 E1 S1 R1>0 E1 S1 I1"


def test_a_search_that_never_scores_needs_nothing() -> None:
    script = Script({1: [0.0, 0.0], 2: [0.0, 0.0]}, [1, 2])
    assert conversation(script, copies=False, scored=False) == "E01 S01 I1 E1 S1 I2"


@pytest.mark.parametrize("scored", [False, True])
@pytest.mark.parametrize(
    ("value", "error"), [(-INF, AllParticlesDead), (math.nan, InvalidLogWeight)]
)
def test_useless_scores_end_the_search(value: float, error: type[Exception], scored: bool) -> None:
    script = Script({1: [value, value]}, [1, 1])
    with pytest.raises(error):
        conversation(script, copies=False, scored=scored)


@pytest.mark.parametrize("name", sorted(METHODS.keys() - {"sc", "greedy"}))  # which know no scores
@pytest.mark.parametrize("copies", [False, True])
def test_a_search_with_redraws_keeps_the_laws_of_a_search(name: str, copies: bool) -> None:
    chosen = Settings(particles=8, sweeps=3)

    def make_search(rng: np.random.Generator) -> Search:
        inner, outer = rng.spawn(2)
        return redrawing(METHODS[name](chosen, inner), 8, outer, copies)

    check_search(make_search, 8)
