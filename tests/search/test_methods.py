"""Every method by its name keeps the laws of a search, however few its particles."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pfsolve import settings
from pfsolve.search.methods import METHODS, filter_rules
from pfsolve.search.particle_filter import FilterRules
from pfsolve.search.resampling import SCHEMES
from pfsolve.search.weighting import WEIGHTINGS
from pfsolve.settings import Settings
from tests.laws import check_search
from tests.search.worlds import Script, Tree, drive

methods = pytest.mark.parametrize("name", sorted(METHODS))


def test_what_settings_can_name_is_what_there_is() -> None:
    assert set(settings.METHODS) == set(METHODS)
    assert set(settings.RESAMPLING) == set(SCHEMES)
    assert set(settings.WEIGHTS) == set(WEIGHTINGS)


def test_every_rule_of_a_filter_is_the_setting_of_its_name() -> None:
    chosen = Settings(
        weights="ratio", ess_threshold=0.3, finished="absorb", softmax_temperature=2.0
    )
    rules = filter_rules(chosen)
    assert rules == FilterRules(
        weights="ratio", ess_threshold=0.3, finished="absorb", softmax_temperature=2.0
    )
    assert filter_rules(Settings(ess_threshold=1.0, softmax_temperature=1.0)) == FilterRules()


@methods
@pytest.mark.parametrize("weights", ["score", "ratio"])
@pytest.mark.parametrize("finished", ["stay", "absorb"])
def test_it_keeps_the_laws_of_a_search(name: str, weights: str, finished: str) -> None:
    chosen = Settings(particles=8, weights=weights, finished=finished, sweeps=3)
    check_search(lambda rng: METHODS[name](chosen, rng), 8)


@methods
def test_it_keeps_them_with_the_fewest_particles_it_can_do_with(name: str) -> None:
    n = {"pg": 2, "tempering": 4, "islands": 2}.get(name, 1)
    chosen = Settings(particles=n, beam_width=1)
    check_search(lambda rng: METHODS[name](chosen, rng), n)


@methods
def test_another_seed_gives_another_result(name: str) -> None:
    results = set()
    for seed in range(8):
        tree = Tree(8, seed)
        drive(METHODS[name](Settings(particles=8), np.random.default_rng(seed)), tree.answer)
        results.add(tuple(tree.paths))
    assert len(results) > 1


@methods
def test_one_that_dies_is_carried_by_the_rest(name: str) -> None:
    inf = math.inf
    scores = {step: [0.0, -inf, 1.0, 0.5, 0.0, -inf, 1.0, 0.5] for step in (1, 2)}
    script = Script(scores, [2, 1, 2, 1, 2, 1, 2, 1])
    drive(METHODS[name](Settings(particles=8), np.random.default_rng(0)), script.answer)
    assert all(script.is_finished(path) for path in script.paths)


def test_entropic_flattens_and_the_filter_does_not() -> None:
    survivors = {}
    for name in ("pf", "entropic"):
        script = Script({1: [9.0, *[0.0] * 7], 2: [0.0] * 8}, [2] * 8)
        chosen = Settings(particles=8, softmax_temperature=1.0)
        drive(METHODS[name](chosen, np.random.default_rng(0)), script.answer)
        survivors[name] = len(set(script.forks()[0]))
    assert survivors["pf"] == 1
    assert survivors["entropic"] > 3
