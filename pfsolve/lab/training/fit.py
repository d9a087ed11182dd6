"""Fits a probe's head: principal components of the states and the numbers, and a linear score of them.

The loss of scores s on a problem is that of two choices, both from its own prefixes alone:

    after each step    mean over right i of  log mean_j exp(s_j) - s_i      (arXiv:2404.17546)
    at the end         mean over right i and wrong j of  log(1 + exp(s_j - s_i))

Each is the cross-entropy of a softmax over a set of prefixes, a pair in the second, less a constant. What
all prefixes of a problem share cancels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from pfsolve.lab.training.sets import LAST, Ints, Prefixes
from pfsolve.rewards.probe.features import NUMBERS
from pfsolve.search.log_odds import Floats

FOLDS = 5
COMPONENTS = (8, 32, 128)
RIDGES = (0.1, 1.0, 10.0)  # per problem
_OVERSAMPLING, _POWERS = 16, 3  # of the search for principal components
_NEWTON = 30  # steps at most


@dataclass(frozen=True, slots=True)
class HeadChoice:
    """How a head is fitted."""

    states: tuple[int, ...]  # which of the states kept it looks at; the last one is the final state
    components: int  # number of their principal components
    ridge: float  # penalty


@dataclass(frozen=True, slots=True)
class Targets:
    """What is to be chosen from each of G groups of prefixes, with M members in all."""

    rows: Ints  # (M,) indices of the members, group by group
    share: Floats  # (M,) of the group's target; each group's sum to 1
    starts: Ints  # (G,) places of the groups' first members
    weight: Floats  # (G,)

    def loss(self, inputs: Floats, slope: Floats) -> tuple[float, Floats, Floats]:
        """Cross-entropy of the scores inputs @ slope, its gradient (k,) and its Hessian (k, k).

        Args:
            inputs: (n, k) of the prefixes.
            slope: (k,).
        """
        members = inputs[self.rows]
        size = np.diff(np.append(self.starts, len(members)))
        scores = members @ slope
        scores -= np.repeat(np.maximum.reduceat(scores, self.starts), size)
        odds = np.exp(scores)
        total = np.add.reduceat(odds, self.starts)
        chance = odds / np.repeat(total, size)
        weight = np.repeat(self.weight, size)
        loss = self.weight @ np.log(total) - weight @ (self.share * scores)
        gradient = members.T @ (weight * (chance - self.share))
        means = np.add.reduceat(members * chance[:, None], self.starts)
        spread = (members.T * (weight * chance)) @ members
        return float(loss), gradient, spread - (means.T * self.weight) @ means


def targets_of(prefixes: Prefixes) -> Targets:
    """Both choices of each problem; in either all problems weigh the same, and 1 together."""
    ends = prefixes.step == LAST
    after_steps, at_end = _wholes(prefixes.of(~ends)), _pairs(prefixes.of(ends))
    return Targets(
        np.concatenate([after_steps.rows, at_end.rows]),
        np.concatenate([after_steps.share, at_end.share]),
        np.concatenate([after_steps.starts, len(after_steps.rows) + at_end.starts]),
        np.concatenate([after_steps.weight, at_end.weight]),
    )


def _wholes(prefixes: Prefixes) -> Targets:
    """From each set one of the right ones, all of which are as good."""
    right = np.bincount(prefixes.set_of, prefixes.right, minlength=len(prefixes.step))
    return Targets(
        prefixes.rows,
        prefixes.right / right[prefixes.set_of],
        prefixes.starts,
        _weights(prefixes),
    )


def _pairs(prefixes: Prefixes) -> Targets:
    """From each pair of a right and a wrong one of a set the right one."""
    first, second, of = prefixes.pairs
    return Targets(
        prefixes.rows[np.stack([first, second], axis=1).ravel()],
        np.tile([1.0, 0.0], len(first)),
        2 * np.arange(len(first)),
        (_weights(prefixes) / np.bincount(of, minlength=len(prefixes.step)))[of],
    )


def _weights(prefixes: Prefixes) -> Floats:
    """(S,) of the sets: all problems weigh the same, and 1 together."""
    _, of, counts = np.unique(prefixes.set_problem, return_inverse=True, return_counts=True)
    return np.asarray(1.0 / (counts[of] * len(counts)))


def minimise(targets: Targets, inputs: Floats, ridge: float) -> Floats:
    """The slope (k,) of least loss plus ridge / 2 times its square, by Newton's method."""
    slope = np.zeros(inputs.shape[1])
    value, gradient, hessian = targets.loss(inputs, slope)
    for _ in range(_NEWTON):
        step = np.linalg.solve(hessian + ridge * np.eye(len(slope)), gradient + ridge * slope)
        decrease = step @ (gradient + ridge * slope)
        if decrease < 1e-9:
            break
        length, penalised = 1.0, value + ridge / 2 * slope @ slope
        while length > 1e-6:
            moved = slope - length * step
            value, gradient, hessian = targets.loss(inputs, moved)
            if value + ridge / 2 * moved @ moved <= penalised - 1e-4 * length * decrease:
                break
            length /= 2
        slope = moved
    return slope


@dataclass(frozen=True, slots=True)
class Projection:
    """Standardises features and keeps the states' principal components, each of unit variance."""

    scale: Floats  # (width,)
    axes: Floats  # (width, components + NUMBERS)

    def __call__(self, vectors: NDArray[np.float32]) -> Floats:
        return np.asarray((vectors / self.scale) @ self.axes)

    def columns(self, components: int) -> Ints:
        """Places of its first `components` components and of the numbers, among its outputs."""
        kept = self.axes.shape[1] - NUMBERS
        return np.concatenate([np.arange(min(components, kept)), np.arange(kept, kept + NUMBERS)])


def project(
    vectors: NDArray[np.float32], problem: Ints, components: int, rng: np.random.Generator
) -> Projection:
    """The projection that fits how vectors (n, width) differ within their problems, (n,)."""
    _, of = np.unique(problem, return_inverse=True)
    sums = np.zeros((of.max() + 1, vectors.shape[1]))
    np.add.at(sums, of, vectors)
    within = vectors - (sums / np.bincount(of)[:, None])[of]
    scale = within.std(axis=0) + 1e-3
    states = (within / scale).astype(np.float32)[:, :-NUMBERS]
    spread, directions = _principal_components(states, components, rng)
    kept = int((spread > 1e-4 * spread[0]).sum())
    axes = np.zeros((vectors.shape[1], kept + NUMBERS))
    axes[:-NUMBERS, :kept] = directions[:kept].T / (spread[:kept] / np.sqrt(len(vectors)))
    axes[-NUMBERS:, kept:] = np.eye(NUMBERS)
    return Projection(scale, axes)


def _principal_components(
    states: NDArray[np.float32], count: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Largest singular values (count,) and right singular vectors (count, width), or all if there are fewer.

    By a randomised range finder: Halko, Martinsson and Tropp 2011, algorithms 4.4 and 5.1.
    """
    width = min(count + _OVERSAMPLING, *states.shape)
    basis = states @ rng.standard_normal((states.shape[1], width), dtype=np.float32)
    for _ in range(_POWERS):
        basis = states @ np.linalg.qr(states.T @ np.linalg.qr(basis)[0])[0]
    basis = np.linalg.qr(basis)[0]
    _, spread, directions = np.linalg.svd(basis.T @ states, full_matrices=False)
    return spread[:count].astype(np.float64), directions[:count].astype(np.float64)


def fit(prefixes: Prefixes, choice: HeadChoice, rng: np.random.Generator) -> Floats:
    """The weights (width,) that `choice` makes of these prefixes; 0 for states it does not look at."""
    columns = prefixes.columns(choice.states)
    vectors = prefixes.vectors[:, columns]
    projection = project(vectors, prefixes.problem, choice.components, rng)
    slope = minimise(targets_of(prefixes), projection(vectors), choice.ridge)
    weights = np.zeros(prefixes.vectors.shape[1])
    weights[columns] = projection.axes @ slope / projection.scale
    return weights


class HeldOut:
    """What heads say of prefixes whose problems they have not seen.

    Args:
        prefixes: n of them, in S sets.
        fold: (n,) of each prefix.
        scores: by choice, (n,).
    """

    def __init__(self, prefixes: Prefixes, fold: Ints, scores: Mapping[HeadChoice, Floats]) -> None:
        self._fold = fold
        self._scores = scores
        self._fold_of_set = fold[prefixes.rows[prefixes.starts]]
        self._auc = {choice: prefixes.auc(of) for choice, of in scores.items()}

    def best(self, but: int | None = None) -> HeadChoice:
        """The choice with the highest mean AUC over the sets, but for those of one fold."""
        here = self._fold_of_set != but
        return max(self._auc, key=lambda choice: float(np.mean(self._auc[choice][here])))

    def unbiased(self) -> Floats:
        """Scores (n,), in each fold those of the choice that is best in the others.

        The best of many on the very problems that measure it would flatter.
        """
        scores = np.empty(len(self._fold))
        for number in range(FOLDS):
            here = self._fold == number
            scores[here] = self._scores[self.best(but=number)][here]
        return scores


def held_out(
    prefixes: Prefixes,
    choices: Sequence[HeadChoice],
    rng: np.random.Generator,
    listen: Callable[[int, int], None] = lambda done, total: None,
) -> HeldOut:
    """Score every prefix by heads that were fitted to other problems.

    Args:
        choices: those that look at the same states one after another, or projections are made anew.
        listen: hears the number of heads fitted, and that of all.
    """
    fold_of = folds(prefixes, rng)
    fold = fold_of[prefixes.problem]
    scores = {choice: np.empty(len(fold)) for choice in choices}
    done = 0
    for number in range(FOLDS):
        targets = targets_of(prefixes.of(fold_of[prefixes.set_problem] != number))
        for states, group in groupby(choices, key=lambda choice: choice.states):
            same = list(group)
            vectors = prefixes.vectors[:, prefixes.columns(states)]
            seen = fold != number
            most = max(choice.components for choice in same)
            projection = project(vectors[seen], prefixes.problem[seen], most, rng)
            inputs = projection(vectors)
            for choice in same:
                listen(done, FOLDS * len(choices))
                columns = projection.columns(choice.components)
                slope = minimise(targets, inputs[:, columns], choice.ridge)
                scores[choice][~seen] = inputs[~seen][:, columns] @ slope
                done += 1
    return HeldOut(prefixes, fold, scores)


def folds(prefixes: Prefixes, rng: np.random.Generator) -> Ints:
    """Fold (problems,) of each problem; those with sets are spread evenly."""
    count = int(prefixes.problem.max(initial=-1)) + 1
    with_sets = np.isin(np.arange(count), prefixes.set_problem)
    fold = np.empty(count, np.intp)
    for which in (with_sets, ~with_sets):
        numbers = np.arange(which.sum()) % FOLDS
        rng.shuffle(numbers)
        fold[which] = numbers
    return fold


def calibration(prefixes: Prefixes, scores: Floats) -> tuple[float, float]:
    """Slope and offset of the line that turns scores (n,) of unseen problems into log-odds.

    The slope is that of the likeliest odds that the right one of a pair is the right one. It is at least
    0: scores that run against the outcomes know nothing, and turned around they would look as if they did.
    The offset makes the mean log-odds at the end those of the share that is right.
    """
    spread = float(scores.std()) + 1e-9
    slope = float(minimise(_pairs(prefixes), (scores / spread)[:, None], 0.0)[0]) / spread
    slope = max(0.0, slope)
    at_end = prefixes.step[prefixes.set_of] == LAST
    chance = float(np.mean(prefixes.right[at_end]))
    mean = float(np.mean(slope * scores[prefixes.rows[at_end]]))
    return slope, float(np.log(chance) - np.log1p(-chance)) - mean
