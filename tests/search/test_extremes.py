"""Searches over scores of every size: a population whose numbers are numbers, or an error that has a name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pfsolve.errors import UsageError
from pfsolve.search.methods import METHODS
from pfsolve.search.redrawing import redrawing
from pfsolve.search.requests import StepInfo
from pfsolve.search.resampling import SCHEMES
from pfsolve.search.selection import Voters, is_settled, select
from pfsolve.search.weights import AllParticlesDead, InvalidLogWeight
from pfsolve.settings import METHODS as OWN
from pfsolve.settings import Settings
from tests.search.worlds import Path, World, drive

CASES = 60

# Those of a sure score, of the least one above none, of what rounds to 0 and to 1, and far beyond.
SCORES = [0.0, -np.inf, 1e12, -1e12, 1e-308, 700.0, -745.2, 36.0, 5.0]
NO_SCORES = [np.inf, np.nan, 1e308, -1e308]


class Extreme(World):
    """Paths end by chance, and each score is one of a few."""

    def __init__(self, n: int, seed: int, scores: np.ndarray) -> None:
        super().__init__(n, seed)
        self.scores = scores

    def following(self, path: Path, slot: int) -> int:
        return int(self.rng.integers(4))

    def is_finished(self, path: Path) -> bool:
        return len(path) > 4 or path[-1:] == (0,)

    def log_odds(self, path: Path) -> float:
        return float(self.rng.choice(self.scores))

    def answer(self, request: object) -> object:
        if isinstance(request, StepInfo):
            check_numbers(request.weights.normalised, request.log_evidence)
        return super().answer(request)


def check_numbers(weights: np.ndarray, log_evidence: float | None) -> None:
    assert weights.sum() == pytest.approx(1)
    assert (weights >= 0).all()
    assert log_evidence is None or log_evidence < np.inf


def some_settings(method: str, rng: np.random.Generator) -> Settings | None:
    """Settings at the ends of their ranges; None if these contradict each other."""
    values: dict[str, Any] = {
        "particles": [1, 2, 8], "resampling": [*SCHEMES], "weights": ["score", "ratio"],
        "finished": ["stay", "absorb"], "ess_threshold": [0.0, 1e-300, 0.5, 1.0],
        "softmax_temperature": [0.001, 1.0, 1000.0], "deduplicate": [False, True],
        "ladder": [(1000.0, 0.001), (1.0,), (1.0, 0.001)], "islands": [1, 2], "beam_width": [1, 2],
        "sweeps": [1, 3], "expected_steps": [1, 12, 10_000],
    }  # fmt: skip
    chosen = {name: among[rng.integers(len(among))] for name, among in values.items()}
    try:
        return Settings(**{**chosen, "method": method, **OWN[method]})
    except UsageError:
        return None


@pytest.mark.parametrize("method", METHODS)
def test_scores_of_any_size_give_numbers_or_an_error_with_a_name(method: str) -> None:
    rng = np.random.default_rng(sorted(METHODS).index(method))
    ended = 0
    for _ in range(CASES):
        settings = some_settings(method, rng)
        if settings is None:
            continue
        n = settings.particles
        scores = rng.choice(SCORES, 3)
        is_broken = bool(rng.random() < 0.2)
        world = Extreme(
            n, int(rng.integers(2**32)), np.array([rng.choice(NO_SCORES)]) if is_broken else scores
        )
        search = METHODS[method](settings, rng)
        if rng.random() < 0.3:
            search = redrawing(search, n, rng, copies=bool(rng.integers(2)))
            is_scored = True
        else:
            is_scored = method not in ("sc", "greedy")
        try:
            population = drive(search, world.answer)
        except InvalidLogWeight:
            assert is_broken
            continue
        except AllParticlesDead:
            assert -np.inf in scores
            continue
        assert not (is_broken and is_scored), "what is no score was taken for one"
        ended += 1
        weights = population.weights.normalised
        check_numbers(weights, population.log_evidence)
        answers = [str(path[0]) if path[-1] == 0 else None for path in world.paths]
        classes = [None if answer is None else int(answer) for answer in answers]
        voters = Voters(answers, classes, population.log_odds, weights)
        for how in ("vote", "weighted-vote", "argmax"):
            choice = select(how, voters)
            assert (choice.answer is None) == (choice.chosen is None) == (not any(answers))
            assert 0 <= choice.agreement <= 1 + 1e-9
            if how != "argmax":
                is_settled(how, voters, np.array([answer is not None for answer in answers]))
    assert ended > CASES / 10


@pytest.mark.parametrize("method", sorted({*METHODS} - {"sc", "greedy"}))
def test_ties_are_ties_and_where_all_are_dead_that_is_said(method: str) -> None:
    settings = Settings(particles=8, method=method, **OWN[method])
    for score in SCORES:
        world = Extreme(8, 0, np.array([score]))
        search = METHODS[method](settings, np.random.default_rng(0))
        if score == -np.inf:
            with pytest.raises(AllParticlesDead):
                drive(search, world.answer)
            continue
        assert np.ptp(drive(search, world.answer).weights.normalised) < 1e-9
