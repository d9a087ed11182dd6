"""Worlds that answer a search's requests, in which the right answer can be worked out exactly."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from itertools import accumulate, pairwise, product
from typing import Any

import numpy as np

from pfsolve.search.requests import Alike, Extend, Fork, Rewind, Score, StepInfo

Path = tuple[int, ...]


def drive(search: Generator[Any, Any, Any], answer: Callable[[object], object]) -> Any:
    """What a search returns when `answer` answers it."""
    reply: object = None
    while True:
        try:
            reply = answer(search.send(reply))
        except StopIteration as end:
            return end.value


def stopping(world: World, step: int) -> Callable[[object], object]:
    """The world's answers, by a watcher who wants no more once this step is weighed."""

    def answer(request: object) -> object:
        wanted = world.answer(request)
        return request.step >= step if isinstance(request, StepInfo) else wanted

    return answer


def written(request: object) -> str:
    """A request in short: E is Extend, S Score, A Alike, F Fork, R Rewind (particles > steps), I StepInfo.

    Each names a digit for each particle, StepInfo its step.
    """
    match request:
        case Extend(particles=indices) | Score(particles=indices) | Fork(ancestors=indices):
            return type(request).__name__[0] + _digits(indices)
        case Rewind(particles=particles, steps=steps):
            return f"R{_digits(particles)}>{_digits(steps)}"
        case StepInfo(step=step):
            return f"I{step}"
    return type(request).__name__[0]


def _digits(indices: np.ndarray) -> str:
    return "".join(map(str, indices.tolist()))


class World(ABC):
    """Particles are paths; a subclass says how one continues, when it has finished, and its score.

    Like the scheduler it refuses requests that make no sense: a step after the end, a score that does
    not follow a step, ancestors that do not exist, a way back to where a particle never was.
    """

    def __init__(self, n: int, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.paths: list[Path] = [()] * n
        self.log: list[object] = []
        self.unscored: set[int] = set()

    @abstractmethod
    def following(self, path: Path, slot: int) -> int: ...

    @abstractmethod
    def is_finished(self, path: Path) -> bool: ...

    @abstractmethod
    def log_odds(self, path: Path) -> float: ...

    def answer(self, request: object) -> object:
        self.log.append(request)
        match request:
            case Extend(particles=slots):
                return self._extend(slots.tolist())
            case Score(particles=slots):
                assert self.unscored.issuperset(slots.tolist()), "a score does not follow a step"
                self.unscored.difference_update(slots.tolist())
                return np.array([self.log_odds(self.paths[slot]) for slot in slots.tolist()])
            case Alike():
                return np.array([self.paths.index(path) for path in self.paths])
            case Fork(ancestors=ancestors, log_weights=log_weights):
                assert ancestors.size == len(self.paths), "not every particle has an ancestor"
                if log_weights is not None:
                    assert log_weights.shape == ancestors.shape
                    assert not np.isnan(log_weights).any()
                assert ancestors.min() >= 0, "an ancestor does not exist"
                self.paths = [self.paths[a] for a in ancestors.tolist()]
            case Rewind(particles=slots, steps=steps):
                for slot, step in zip(slots.tolist(), steps.tolist(), strict=True):
                    assert 0 <= step < len(self.paths[slot]), "a particle never was there"
                    self.paths[slot] = self.paths[slot][:step]
            case StepInfo(log_odds=log_odds, weights=weights):
                for array in (log_odds, weights.log):
                    assert array.shape == (len(self.paths),)
                    assert array.dtype == np.float64
        return None

    def _extend(self, slots: list[int]) -> np.ndarray:
        assert slots, "no particle is to take a step"
        assert sorted(set(slots)) == slots, "a particle is to take two steps"
        for slot in slots:
            path = self.paths[slot]
            assert not self.is_finished(path), "a finished particle was extended"
            self.paths[slot] = (*path, self.following(path, slot))
        self.unscored = set(slots)
        return np.array([self.is_finished(self.paths[slot]) for slot in slots])

    def kinds(self) -> list[str]:
        return [type(request).__name__ for request in self.log]

    def news(self) -> list[StepInfo]:
        return [request for request in self.log if isinstance(request, StepInfo)]

    def forks(self) -> list[list[int]]:
        return [request.ancestors.tolist() for request in self.log if isinstance(request, Fork)]

    def extended(self) -> list[list[int]]:
        return [request.particles.tolist() for request in self.log if isinstance(request, Extend)]


class Script(World):
    """Plays scores written down for each step and slot, for particles of given lengths.

    scores: for each step from 1, log-odds by slot. length: steps until the end, by the slot that
    the first step was taken in.
    """

    def __init__(self, scores: dict[int, list[float]], length: list[int]) -> None:
        super().__init__(len(length), 0)
        self.scores, self.length = scores, length

    def following(self, path: Path, slot: int) -> int:
        return slot

    def is_finished(self, path: Path) -> bool:
        return bool(path) and len(path) >= self.length[path[0]]

    def log_odds(self, path: Path) -> float:
        return self.scores[len(path)][path[-1]]


START = np.array([0.6, 0.3, 0.1])
MOVE = np.array([[0.7, 0.2, 0.1], [0.15, 0.7, 0.15], [0.05, 0.25, 0.7]])
SEEN = np.array([[0.8, 0.15, 0.05], [0.2, 0.6, 0.2], [0.02, 0.18, 0.8]])  # P(observation | state)
OBSERVATIONS = (0, 0, 1, 2, 2, 1)
START_SUMS = np.cumsum(START)[:-1].tolist()
MOVE_SUMS = np.cumsum(MOVE, axis=1)[:, :-1].tolist()


class HiddenMarkovModel(World):
    """A step is a transition of a hidden chain, a score the log-likelihood of its observation.

    cumulative: of all observations so far, which is what `ratio` weights take the change of.
    """

    def __init__(
        self, n: int, seed: int, *, cumulative: bool, observations: Path = OBSERVATIONS
    ) -> None:
        super().__init__(n, seed)
        self.cumulative = cumulative
        self.observations = observations

    def following(self, path: Path, slot: int) -> int:
        bounds = MOVE_SUMS[path[-1]] if path else START_SUMS
        point = self.rng.random()
        return sum(point >= bound for bound in bounds)

    def is_finished(self, path: Path) -> bool:
        return len(path) == len(self.observations)

    def log_odds(self, path: Path) -> float:
        seen = [SEEN[state, o] for state, o in zip(path, self.observations, strict=False)]
        return math.log(math.prod(seen) if self.cumulative else seen[-1])

    def exact(self) -> tuple[np.ndarray, float]:
        """Posterior of the last state, and log evidence, by the forward algorithm."""
        forward = START * SEEN[:, self.observations[0]]
        for seen in self.observations[1:]:
            forward = (forward @ MOVE) * SEEN[:, seen]
        return forward / forward.sum(), math.log(forward.sum())

    @staticmethod
    def prior(path: Path) -> float:
        return float(START[path[0]] * math.prod(MOVE[a, b] for a, b in pairwise(path)))

    def posterior(self) -> dict[Path, float]:
        """Of whole paths, by enumeration."""
        mass = {}
        for path in product(range(3), repeat=len(self.observations)):
            mass[path] = self.prior(path) * math.prod(
                SEEN[s, o] for s, o in zip(path, self.observations, strict=True)
            )
        total = sum(mass.values())
        return {path: float(m / total) for path, m in mass.items()}


CHILDREN: dict[Path, list[float]] = {  # probabilities; a node that is not here is a leaf
    (): [0.5, 0.35, 0.15],
    (0,): [0.6, 0.4],
    (1,): [0.2, 0.8],
    (0, 1): [0.3, 0.7],
    (1, 0): [0.5, 0.5],
    (1, 1): [0.75, 0.25],
    (1, 1, 0): [0.4, 0.6],
}
LOG_ODDS: dict[Path, float] = {
    (0,): 1.0,
    (1,): -0.7,
    (2,): 0.2,
    (0, 0): -1.2,
    (0, 1): 0.9,
    (1, 0): -1.0,
    (1, 1): 0.6,
    (0, 1, 0): 1.5,
    (0, 1, 1): -0.4,
    (1, 0, 0): 0.1,
    (1, 0, 1): -2.0,
    (1, 1, 0): 1.1,
    (1, 1, 1): 1.7,
    (1, 1, 0, 0): 2.1,
    (1, 1, 0, 1): -0.9,
}


class Tree(World):
    """Solutions as leaves of a small tree, at depths from 1 to 4, each node with a score of its own."""

    leaves = tuple(path for path in LOG_ODDS if path not in CHILDREN)

    def following(self, path: Path, slot: int) -> int:
        bounds = accumulate(CHILDREN[path][:-1])
        point = self.rng.random()
        return sum(point >= bound for bound in bounds)

    def is_finished(self, path: Path) -> bool:
        return path not in CHILDREN and path != ()

    def log_odds(self, path: Path) -> float:
        return LOG_ODDS[path]

    @classmethod
    def probability(cls, leaf: Path) -> float:
        """That plain sampling ends there."""
        return math.prod(CHILDREN[leaf[:depth]][leaf[depth]] for depth in range(len(leaf)))

    @classmethod
    def exact(cls, temperature: float = 1.0) -> tuple[dict[Path, float], float]:
        """p(x) * odds(x)^(1 / temperature), normalised, over the leaves; and its log evidence."""
        mass = {
            leaf: cls.probability(leaf) * math.exp(LOG_ODDS[leaf] / temperature)
            for leaf in cls.leaves
        }
        total = sum(mass.values())
        return {leaf: m / total for leaf, m in mass.items()}, math.log(total)


def shares(paths: list[Path], weights: np.ndarray, among: tuple[Path, ...]) -> np.ndarray:
    """The share of the weight at each of these paths."""
    held = np.zeros(len(among))
    for path, weight in zip(paths, weights, strict=True):
        held[among.index(path)] += weight
    return held


def assert_law(samples: np.ndarray, law: np.ndarray) -> None:
    """`assert_mean` for shares (k, m) with this law (m,), which need not be normalised.

    What is rarer than 1 in 100 is left out: seen a few times, it has no standard error to speak of.
    """
    common = law >= 0.01 * law.sum()
    assert_mean(samples[:, common], law[common])


def assert_mean(samples: np.ndarray, expected: np.ndarray, errors: float = 4.5) -> None:
    """Means over independent rows agree with what is expected, within `errors` standard errors.

    At 4.5 standard errors a right program fails once in 100 000 columns.
    """
    error = samples.std(axis=0, ddof=1) / math.sqrt(len(samples))
    off = np.abs(samples.mean(axis=0) - expected)
    assert np.all(off <= errors * error + 1e-12), f"off by {off / np.maximum(error, 1e-300)} errors"
