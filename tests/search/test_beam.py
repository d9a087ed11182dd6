"""Beam and tree search against brute force on trees in which the copies of a beam explore its children."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pfsolve.search.beam import beam_search, tree_search
from pfsolve.search.requests import Extend
from tests.search.worlds import Path, Script, World, drive


class Explored(World):
    """Copies of a prefix take its different children, in slot order; scores are random numbers.

    depth: of all leaves but those that `ends` names.
    """

    def __init__(self, n: int, seed: int, depth: int, ends: tuple[Path, ...] = ()) -> None:
        super().__init__(n, seed)
        self.depth, self.ends = depth, ends
        self.scores: dict[Path, float] = {}
        self.copies: dict[Path, int] = {}

    def answer(self, request: object) -> object:
        if isinstance(request, Extend):
            self.copies = {}
        return super().answer(request)

    def following(self, path: Path, slot: int) -> int:
        self.copies[path] = self.copies.get(path, -1) + 1
        return self.copies[path]

    def is_finished(self, path: Path) -> bool:
        return len(path) == self.depth or path in self.ends

    def log_odds(self, path: Path) -> float:
        """Fixed by the path alone."""
        if path not in self.scores:
            rng = np.random.default_rng([7, *path])
            self.scores[path] = float(rng.normal())
        return self.scores[path]


def best(world: Explored, paths: list[Path], count: int) -> list[Path]:
    return sorted(paths, key=world.log_odds, reverse=True)[:count]


@pytest.mark.parametrize(("n", "width"), [(8, 4), (12, 3), (4, 4), (6, 1)])
def test_beam_search_is_brute_force(n: int, width: int) -> None:
    world = Explored(n, 0, depth=4)
    end = drive(beam_search(n, width), world.answer)
    beams = best(world, [(child,) for child in range(n)], n // width)
    for _ in range(3):
        beams = best(
            world, [(*beam, child) for beam in beams for child in range(width)], n // width
        )
    assert set(world.paths) == set(beams)
    assert all(world.paths.count(beam) == width for beam in beams)
    assert end.log_odds.tolist() == [world.log_odds(path) for path in world.paths]
    assert end.log_evidence is None
    assert all(extended == list(range(n)) for extended in world.extended())


@pytest.mark.parametrize(("n", "width"), [(8, 4), (9, 3)])
def test_tree_search_is_one_greedy_descent_for_each_subtree(n: int, width: int) -> None:
    world = Explored(n, 0, depth=4)
    drive(tree_search(n, width), world.answer)
    for beam in range(n // width):
        candidates = [(child,) for child in range(beam * width, (beam + 1) * width)]
        for _ in range(3):
            (node,) = best(world, candidates, 1)
            candidates = [(*node, child) for child in range(width)]
        own = world.paths[beam * width : (beam + 1) * width]
        assert own == best(world, candidates, 1) * width


def test_a_finished_beam_keeps_one_place_and_the_others_share_the_rest() -> None:
    script = Script({1: [5.0, 4.0, 3.0, 2.0], 2: [4.5, 0.0, 4.2, 4.1]}, [1, 2, 2, 2])
    end = drive(beam_search(4, 2), script.answer)
    assert script.forks()[0] == [0, 1, 1, 1]
    assert script.extended() == [[0, 1, 2, 3], [1, 2, 3]]
    assert sorted(end.log_odds.tolist()) == [4.2, 4.2, 5.0, 5.0]


def test_it_ends_when_the_kept_beams_have_finished_though_others_have_not() -> None:
    script = Script({1: [5.0, 4.0, 3.0, 2.0]}, [1, 1, 9, 9])
    end = drive(beam_search(4, 2), script.answer)
    assert script.kinds() == ["Extend", "Score", "StepInfo", "Fork"]
    assert sorted(end.log_odds.tolist()) == [4.0, 4.0, 5.0, 5.0]
    assert all(script.is_finished(path) for path in script.paths)


def test_ties_go_to_the_lower_slot() -> None:
    script = Script({1: [1.0] * 4, 2: [1.0] * 4}, [2] * 4)
    drive(beam_search(4, 2), script.answer)
    assert script.forks()[0] == [0, 1, 0, 1]


def test_the_dead_are_no_beams() -> None:
    inf = math.inf
    script = Script({1: [-inf, -inf, -inf, 0.5], 2: [1.0] * 4}, [2] * 4)
    drive(beam_search(4, 2), script.answer)
    assert script.forks()[0] == [3, 3, 3, 3]


def test_a_dead_tree_leaves_the_others_alone() -> None:
    inf = math.inf
    script = Script({1: [-inf, -inf, 0.5, 0.0], 2: [0.0, 0.0, 2.0, 3.0]}, [2] * 4)
    end = drive(tree_search(4, 2), script.answer)
    assert end.weights.log[:2].tolist() == [-inf, -inf]
    assert end.log_odds[2:].tolist() == [3.0, 3.0]


def test_weights_are_the_scores() -> None:
    """As in weighted best-of-n: probabilities, not odds."""
    script = Script({1: [math.log(3), 0.0]}, [1, 1])
    end = drive(beam_search(2, 1), script.answer)
    np.testing.assert_allclose(np.exp(end.weights.log), [0.75, 0.5])


def test_beams_that_do_not_come_out_even_are_refused() -> None:
    for search in (beam_search(6, 4), tree_search(6, 4)):
        with pytest.raises(ValueError, match="6 particles"):
            drive(search, lambda _: None)
