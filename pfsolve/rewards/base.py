"""The contract of a reward: from a prefix of a solution to the logit of its score.

A reward serves many searches. For each it opens a `Scorer`, which hears of every fork, so that one
with a model and a cache of its own can keep a sequence per particle and read each token once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pfsolve.engine.policy import Branch, Trace
from pfsolve.particle import Particle

# Log of a probability that was 1 to the last digit: its logit would be infinite.
SUREST = -1e-9


@dataclass(frozen=True, slots=True)
class Prefix:
    """A partial solution to be scored.

    slot: index of the particle in its population, the same that `Scorer.fork` speaks of. particle:
    its steps, the last of them new. branch: its place in the policy's cache, to be left as it was
    found. trace: the policy's view of the newest step, if `wants_trace`.
    """

    slot: int
    particle: Particle
    branch: Branch
    trace: Trace | None


class Scorer(Protocol):
    """Scores the prefixes of one search, which has a fixed number of particles."""

    def score(self, prefixes: Sequence[Prefix]) -> NDArray[np.float64]:
        """Logit of each prefix's score, shape (len(prefixes),), in [-inf, inf).

        Each prefix is the one last scored in its slot, or forked into it, or what that was rewound
        to, plus one step.
        """

    def fork(self, ancestors: NDArray[np.intp]) -> None:
        """Slot i goes on as a copy of slot ancestors[i], shape (n,)."""

    def rewind(self, slots: NDArray[np.intp], steps: NDArray[np.intp]) -> None:
        """Each of these slots, (k,), goes back to its prefix after so many steps, (k,); 0: to nothing.

        One that reads every prefix against what it holds already need do nothing; one that adds up
        what it was given step by step must keep a sum for each step.
        """

    def close(self) -> None:
        """The search is over: give back what was held for it."""


class Reward(Protocol):
    """What `--reward NAME` stands for.

    reserve: tokens of a particle's context that scoring needs for itself. wants_trace: whether
    prefixes must carry the newest step's log-probabilities and hidden states. tokens_read: decoded
    for scoring so far, in whichever model.
    """

    name: str
    reserve: int
    wants_trace: bool

    @property
    def tokens_read(self) -> int: ...

    def open(self, problem: str, n: int) -> Scorer:
        """A scorer for a search of n particles on this problem."""

    def close(self) -> None:
        """Give back models and caches."""


def distinct(prefixes: Sequence[Prefix]) -> tuple[list[Prefix], NDArray[np.intp]]:
    """The different ones among prefixes, token by token, and for each prefix, shape (k,), which it is.

    Copies of a particle often write the same next step, and that need not be scored twice.
    """
    numbers: dict[tuple[tuple[int, ...], ...], int] = {}
    found: list[Prefix] = []
    which = np.empty(len(prefixes), dtype=np.intp)
    for i, prefix in enumerate(prefixes):
        tokens = tuple(step.tokens for step in prefix.particle.steps)
        if tokens not in numbers:
            numbers[tokens] = len(found)
            found.append(prefix)
        which[i] = numbers[tokens]
    return found, which


class Memoryless:
    """Base of rewards that keep nothing between calls: one object is every search's scorer."""

    name = ""
    reserve = 0
    wants_trace = False
    tokens_read = 0

    def score(self, prefixes: Sequence[Prefix]) -> NDArray[np.float64]:
        raise TypeError(f"{type(self).__name__} does not say how it scores")

    def open(self, problem: str, n: int) -> Scorer:
        return self

    def fork(self, ancestors: NDArray[np.intp]) -> None:
        """Nothing to move."""

    def rewind(self, slots: NDArray[np.intp], steps: NDArray[np.intp]) -> None:
        """Nothing to forget."""

    def close(self) -> None:
        """Nothing to give back."""
