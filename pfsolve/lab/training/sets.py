"""Sets of prefixes to choose from: those that a search would have had to choose among.

Only what is told within a set counts. A set holds prefixes of one problem and one kind, after the same
number of steps, some of which came out right and some wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pfsolve.lab.evaluation.metrics import Bools
from pfsolve.lab.training.material import Item, Rollout
from pfsolve.lab.training.vectors import vectors_of
from pfsolve.rewards.probe.features import NUMBERS
from pfsolve.search.log_odds import Floats

Ints = NDArray[np.intp]

MOST_STEPS = 8  # after which no more sets are made of a problem, but the one at the end
LAST = 0  # in place of a number of steps: the rollouts at their end

# What a prefix is told by without any training; a higher value is meant to be better.
BASELINES = ("log_prob", "mean_log_prob", "entropy", "length")


@dataclass(frozen=True, slots=True)
class Prefixes:
    """All n prefixes of one kind, and the sets among them: S sets with m members in all."""

    vectors: NDArray[np.float32]  # (n, width) features, with all states that were kept
    n_embd: int  # width of a state
    baselines: Floats  # (n, len(BASELINES))
    problem: Ints  # (n,) number of each one's problem
    rows: Ints  # (m,) indices of the members, set by set
    right: Bools  # (m,) whether what came of it is right
    set_of: Ints  # (m,) each member's set, in order from 0
    step: Ints  # (S,) number of steps, or LAST
    set_problem: Ints  # (S,) number of the set's problem

    def of(self, kept: Bools) -> Prefixes:
        """Only these of the sets, (S,); all prefixes stay."""
        members = kept[self.set_of]
        return replace(
            self,
            rows=self.rows[members],
            right=self.right[members],
            set_of=(np.cumsum(kept) - 1)[self.set_of[members]],
            step=self.step[kept],
            set_problem=self.set_problem[kept],
        )

    @property
    def starts(self) -> Ints:
        """(S,) place of each set's first member."""
        return np.searchsorted(self.set_of, np.arange(len(self.step)))

    @property
    def states(self) -> int:
        """Number of states in a vector."""
        return int(self.vectors.shape[1] - NUMBERS) // self.n_embd

    def columns(self, states: Sequence[int]) -> Ints:
        """Places of some states, and of the numbers, in a vector."""
        width, each = self.vectors.shape[1], np.arange(self.n_embd)
        places = [state * self.n_embd + each for state in states]
        return np.concatenate([*places, np.arange(width - NUMBERS, width)])

    @property
    def pairs(self) -> tuple[Ints, Ints, Ints]:
        """Members of each pair of a right and a wrong prefix of one set, and the pair's set."""
        first, second = [np.empty(0, np.intp)], [np.empty(0, np.intp)]
        for members in np.split(np.arange(self.rows.size), self.starts[1:]):
            right = self.right[members]
            one, other = np.meshgrid(members[right], members[~right], indexing="ij")
            first.append(one.ravel())
            second.append(other.ravel())
        return np.concatenate(first), np.concatenate(second), self.set_of[np.concatenate(first)]

    def auc(self, scores: Floats) -> Floats:
        """(S,) for each set the probability that a right prefix scores higher than a wrong one.

        Ties count half.

        Args:
            scores: (n,) of the prefixes.
        """
        first, second, of = self.pairs
        one, other = scores[self.rows[first]], scores[self.rows[second]]
        won = (one > other) + 0.5 * (one == other)
        return np.asarray(np.bincount(of, won) / np.bincount(of))


def prefixes_of(items: Sequence[Item], kind: str) -> Prefixes:
    """The prefixes of this kind; a problem's are one group, from whichever items they come."""
    numbers: dict[str, int] = {}
    vectors: list[NDArray[np.float32]] = []
    baselines, problem = [np.empty((0, len(BASELINES)))], list[int]()
    rows, right, set_of = list[int](), list[bool](), list[int]()
    step, set_problem, n_embd = list[int](), list[int](), 1
    for item in items:
        number = numbers.setdefault(item.origin.problem.strip(), len(numbers))
        rollouts, starts = [], []
        for rollout in item.rollouts:
            if rollout.kind == kind and len(own := vectors_of(rollout)):
                starts.append(len(problem))
                rollouts.append(rollout)
                n_embd = rollout.n_embd
                vectors.append(own)
                baselines.append(_baselines(rollout))
                problem += [number] * len(own)
        for steps in (*range(1, MOST_STEPS + 1), LAST):
            members = [
                (start + place, rollout.right)
                for start, rollout in zip(starts, rollouts, strict=True)
                if (place := _place(rollout, steps)) is not None
            ]
            going = steps == LAST or any(len(rollout.steps) >= steps for rollout in rollouts)
            if going and len({is_right for _, is_right in members}) == 2:
                rows += [row for row, _ in members]
                right += [is_right for _, is_right in members]
                set_of += [len(step)] * len(members)
                step.append(steps)
                set_problem.append(number)
    return Prefixes(
        np.concatenate(vectors) if vectors else np.empty((0, NUMBERS), np.float32),
        n_embd,
        np.concatenate(baselines),
        np.array(problem, np.intp),
        np.array(rows, np.intp),
        np.array(right, np.bool_),
        np.array(set_of, np.intp),
        np.array(step, np.intp),
        np.array(set_problem, np.intp),
    )


def _place(rollout: Rollout, steps: int) -> int | None:
    """Which of its prefixes stands for a rollout after this number of steps; None once it is dead."""
    if steps == LAST:
        return None if rollout.dead else len(rollout.steps) - 1
    if len(rollout.steps) >= steps:
        return steps - 1
    return None if rollout.dead else len(rollout.steps) - 1  # a finished one keeps its last score


def _baselines(rollout: Rollout) -> Floats:
    """(steps, len(BASELINES)) of the whole prefix that ends with each step."""
    seen = np.array(
        [[*step.sureness[:, :2].sum(axis=0), len(step.sureness)] for step in rollout.steps]
    )
    log_prob, entropy, tokens = np.cumsum(seen, axis=0).T
    count = np.maximum(tokens, 1)
    return np.stack([log_prob, log_prob / count, -entropy / count, -tokens], axis=1)
