"""Every method by its name: runs to the end, the same for the same seed, however few particles."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pfsolve import settings
from pfsolve.search.methods import METHODS
from pfsolve.search.resampling import SCHEMES
from pfsolve.settings import Settings
from tests.search.worlds import Script, Tree, drive

methods = pytest.mark.parametrize("name", sorted(METHODS))


def run(name: str, chosen: Settings, seed: int) -> tuple[Tree, object]:
    tree = Tree(chosen.particles, seed)
    return tree, drive(METHODS[name](chosen, np.random.default_rng(seed)), tree.answer)


def test_what_settings_can_name_is_what_there_is() -> None:
    assert set(settings.METHODS) == set(METHODS)
    assert set(settings.RESAMPLING) == set(SCHEMES)


@methods
@pytest.mark.parametrize("weights", ["score", "ratio"])
@pytest.mark.parametrize("finished", ["stay", "absorb"])
def test_all_particles_finish_and_a_seed_gives_one_result(
    name: str, weights: str, finished: str
) -> None:
    chosen = Settings(particles=8, weights=weights, finished=finished)
    tree, end = run(name, chosen, 4)
    again, _ = run(name, chosen, 4)
    assert tree.paths == again.paths
    assert all(tree.is_finished(path) for path in tree.paths)
    assert end.weights.log.shape == end.log_odds.shape == (8,)
    if name not in ("sc", "greedy"):
        assert end.log_odds.tolist() == [tree.log_odds(path) for path in tree.paths]
    assert end.steps == len(tree.extended())
    assert not end.stopped
    results = {tuple(run(name, chosen, seed)[0].paths) for seed in range(8)}
    assert len(results) > 1, "the seed changes nothing"


@methods
def test_the_fewest_particles_it_can_do_with(name: str) -> None:
    fewest = {"pg": 2, "tempering": 4, "islands": 2, "dvts": 1, "beam": 1}
    chosen = Settings(particles=fewest.get(name, 1), beam_width=1)
    tree, _ = run(name, chosen, 0)
    assert all(tree.is_finished(path) for path in tree.paths)


@methods
def test_one_that_dies_is_carried_by_the_rest(name: str) -> None:
    inf = math.inf
    scores = {step: [0.0, -inf, 1.0, 0.5, 0.0, -inf, 1.0, 0.5] for step in (1, 2)}
    script = Script(scores, [2, 1, 2, 1, 2, 1, 2, 1])
    end = drive(METHODS[name](Settings(particles=8), np.random.default_rng(0)), script.answer)
    assert np.isfinite(end.weights.log).any()


def test_entropic_flattens_and_the_filter_does_not() -> None:
    survivors = {}
    for name in ("pf", "entropic"):
        script = Script({1: [9.0, *[0.0] * 7], 2: [0.0] * 8}, [2] * 8)
        drive(METHODS[name](Settings(particles=8), np.random.default_rng(0)), script.answer)
        survivors[name] = len(set(script.forks()[0]))
    assert survivors["pf"] == 1
    assert survivors["entropic"] > 3
