"""Fits a probe's head: standardised features, principal components, then a logistic or a small MLP.

Everything is chosen on held-out problems: a solution's steps, and all solutions of a problem, are
either learnt from or measured on, never both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pfsolve.rewards.probe.features import ENTROPIES, NUMBERS
from pfsolve.rewards.probe.head import ProbeHead, forward

Matrix = NDArray[np.float64]

FOLDS = 5
COMPONENTS = (16, 32, 64, 128)
RIDGES = (0.1, 0.3, 1.0, 3.0)  # per unit of weight of the data
_TRUST = 10.0  # sums of entropies come so much larger: the penalty shrinks them by its square less
HIDDEN = (0, 16)  # units of an MLP's hidden layer; 0 is a logistic regression
_ROUNDS, _RATE = 400, 0.003  # of training an MLP
_OVERSAMPLING, _POWERS = 16, 3  # of the search for principal components


@dataclass(frozen=True, slots=True)
class Examples:
    """Prefixes to learn from."""

    vectors: NDArray[np.float32]  # (n, width) features
    labels: NDArray[np.float64]  # (n,) probability that the prefix is right, 0 to 1
    weights: NDArray[np.float64]  # (n,) at least 0
    groups: NDArray[np.intp]  # (n,) number of the prefix's problem
    # (n,) number of where the prefix comes from. Right prefixes may be rarer in one source than in
    # another, so that each has an offset of its own; the last one's is kept.
    sources: NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class HeadChoice:
    """How a head is fitted."""

    components: int  # number of principal components of the states
    ridge: float  # penalty
    hidden: int  # units of the hidden layer; 0 for none


def cross_entropy(log_odds: Matrix, labels: Matrix, weights: Matrix) -> float:
    """Mean over the weights, in nats."""
    losses = np.logaddexp(0.0, log_odds) - labels * log_odds
    return float(np.average(losses, weights=weights))


def folds(groups: NDArray[np.intp], count: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Fold (n,) of each example; a group is never split."""
    distinct, of = np.unique(groups, return_inverse=True)
    numbers = np.arange(distinct.size) % count
    rng.shuffle(numbers)
    return numbers[of]


@dataclass(frozen=True, slots=True)
class Projection:
    """Standardises features and keeps the states' principal components, each of unit variance.

    The numbers are kept; of hundreds of inputs on a thousand steps most must be shrunk hard, but not
    those that are known to tell most.
    """

    mean: Matrix  # (width,)
    scale: Matrix  # (width,)
    axes: Matrix  # (width, components + NUMBERS)

    def __call__(self, vectors: NDArray[np.float32]) -> Matrix:
        return np.asarray(((vectors - self.mean) / self.scale) @ self.axes)

    def columns(self, components: int) -> NDArray[np.intp]:
        """Places of its first `components` components and of the numbers, among its outputs."""
        kept = self.axes.shape[1] - NUMBERS
        first = np.arange(min(components, kept))
        return np.concatenate([first, np.arange(kept, kept + NUMBERS)])


def project(vectors: NDArray[np.float32], components: int, rng: np.random.Generator) -> Projection:
    """The projection that fits `vectors` (n, width)."""
    mean = vectors.mean(axis=0, dtype=np.float64)
    scale = vectors.std(axis=0, dtype=np.float64) + 1e-6
    states = ((vectors - mean) / scale).astype(np.float32)[:, :-NUMBERS]
    spread, directions = _principal_components(states, components, rng)
    kept = int((spread > 1e-4 * spread[0]).sum())
    axes = np.zeros((vectors.shape[1], kept + NUMBERS))
    axes[:-NUMBERS, :kept] = directions[:kept].T / (spread[:kept] / np.sqrt(len(vectors)))
    axes[-NUMBERS:, kept:] = np.eye(NUMBERS)
    axes[:, np.add(ENTROPIES, kept)] *= _TRUST
    return Projection(mean, scale, axes)


def _principal_components(
    states: NDArray[np.float32], count: int, rng: np.random.Generator
) -> tuple[Matrix, Matrix]:
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


def fit(examples: Examples, choice: HeadChoice, rng: np.random.Generator) -> ProbeHead:
    """The head that `choice` makes of these examples."""
    projection = project(examples.vectors, choice.components, rng)
    inputs = projection(examples.vectors)
    (weight, bias), *others = _layers(inputs, examples, choice, rng)
    # Standardising and projecting are linear: they become part of the first layer.
    folded = weight @ (projection.axes / projection.scale[:, None]).T
    layers = [(folded, bias - folded @ projection.mean), *others]
    return ProbeHead(tuple((w.astype(np.float32), b.astype(np.float32)) for w, b in layers))


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What heads say of examples whose problems they have not seen."""

    examples: Examples
    fold: NDArray[np.intp]  # (n,) of each example
    log_odds: dict[HeadChoice, Matrix]  # by choice, (n,)

    def loss(self, choice: HeadChoice, where: NDArray[np.bool_]) -> float:
        """Cross-entropy of a choice on some of the examples, nats."""
        data = self.examples
        return cross_entropy(self.log_odds[choice][where], data.labels[where], data.weights[where])

    def best(self) -> HeadChoice:
        """The choice with the least loss."""
        everywhere = np.ones(len(self.fold), dtype=bool)
        return min(self.log_odds, key=lambda choice: self.loss(choice, everywhere))

    def unbiased(self) -> Matrix:
        """Log-odds (n,), in each fold those of the choice that is best in the others.

        The best of many on the very examples that measure it would flatter.
        """
        log_odds = np.empty(len(self.fold))
        for number in np.unique(self.fold):
            here, others = self.fold == number, self.fold != number
            choice = min(self.log_odds, key=lambda choice: self.loss(choice, others))
            log_odds[here] = self.log_odds[choice][here]
        return log_odds


def held_out(
    examples: Examples,
    choices: Sequence[HeadChoice],
    rng: np.random.Generator,
    listen: Callable[[int, int], None] = lambda done, total: None,
) -> HeldOut:
    """Score every example by heads that were fitted to other problems.

    Args:
        listen: hears the number of heads fitted, and that of all.
    """
    fold = folds(examples.groups, FOLDS, rng)
    log_odds = {choice: np.empty(len(examples.labels)) for choice in choices}
    for number in range(FOLDS):
        seen, unseen = subset(examples, fold != number), examples.vectors[fold == number]
        projection = project(seen.vectors, max(choice.components for choice in choices), rng)
        inputs, questions = projection(seen.vectors), projection(unseen)
        for done, choice in enumerate(choices, number * len(choices)):
            listen(done, FOLDS * len(choices))
            columns = projection.columns(choice.components)
            layers = _layers(inputs[:, columns], seen, choice, rng)
            log_odds[choice][fold == number] = forward(layers, questions[:, columns])[:, 0]
    return HeldOut(examples, fold, log_odds)


Layer = tuple[Matrix, Matrix]


def _layers(
    inputs: Matrix, examples: Examples, choice: HeadChoice, rng: np.random.Generator
) -> list[Layer]:
    """Layers of a head on projected features (n, k)."""
    offsets = np.eye(int(examples.sources.max()) + 1)[examples.sources][:, :-1]
    if choice.hidden:
        return list(_perceptron(inputs, offsets, examples, choice, rng))
    return [_logistic(inputs, offsets, examples, choice.ridge)]


def _logistic(inputs: Matrix, offsets: Matrix, examples: Examples, ridge: float) -> Layer:
    """Penalised maximum likelihood by Newton's method; intercept and offsets are not penalised."""
    design = np.hstack([inputs, offsets, np.ones((len(inputs), 1))])
    weights = examples.weights / examples.weights.sum()
    penalty = np.full(design.shape[1], ridge)
    penalty[inputs.shape[1] :] = 1e-6
    solution = np.zeros(design.shape[1])
    for _ in range(50):
        log_odds = np.clip(design @ solution, -30, 30)
        chances = 1 / (1 + np.exp(-log_odds))
        gradient = design.T @ (weights * (chances - examples.labels)) + penalty * solution
        curvature = np.maximum(weights * chances * (1 - chances), 1e-12)
        step = np.linalg.solve((design.T * curvature) @ design + np.diag(penalty), gradient)
        solution -= step
        if np.abs(step).max() < 1e-8:
            break
    return solution[None, : inputs.shape[1]], solution[-1:]


def _perceptron(
    inputs: Matrix,
    offsets: Matrix,
    examples: Examples,
    choice: HeadChoice,
    rng: np.random.Generator,
) -> tuple[Layer, Layer]:
    """One hidden layer of tanh units, by Adam on all examples at once, `_ROUNDS` times."""
    width, units = inputs.shape[1], choice.hidden
    weights = (examples.weights / examples.weights.sum())[:, None]
    labels = examples.labels[:, None]
    parameters = [
        rng.normal(scale=1 / np.sqrt(width), size=(width, units)),
        np.zeros(units),
        rng.normal(scale=1 / np.sqrt(units), size=(units, 1)),
        np.zeros(1),
        np.zeros((offsets.shape[1], 1)),
    ]
    penalties = [choice.ridge, 0.0, choice.ridge, 0.0, 0.0]
    first = [np.zeros_like(p) for p in parameters]
    second = [np.zeros_like(p) for p in parameters]
    for number in range(1, _ROUNDS + 1):
        w1, b1, w2, b2, w3 = parameters
        hidden = np.tanh(inputs @ w1 + b1)
        log_odds = hidden @ w2 + b2 + offsets @ w3
        error = weights * (1 / (1 + np.exp(-np.clip(log_odds, -30, 30))) - labels)
        back = (error @ w2.T) * (1 - hidden**2)
        gradients = [
            inputs.T @ back,
            back.sum(0),
            hidden.T @ error,
            error.sum(0),
            offsets.T @ error,
        ]
        for i, (gradient, penalty) in enumerate(zip(gradients, penalties, strict=True)):
            gradient = gradient + penalty * parameters[i]
            first[i] = 0.9 * first[i] + 0.1 * gradient
            second[i] = 0.999 * second[i] + 0.001 * gradient**2
            mean, spread = first[i] / (1 - 0.9**number), second[i] / (1 - 0.999**number)
            parameters[i] = parameters[i] - _RATE * mean / (np.sqrt(spread) + 1e-8)
    w1, b1, w2, b2, _ = parameters
    return (w1.T, b1), (w2.T, b2)


def calibration(log_odds: Matrix, labels: Matrix, weights: Matrix) -> tuple[float, float]:
    """Slope and offset of the line that turns log-odds into calibrated ones (Platt 1999).

    The slope is at least 0: log-odds that run against the labels know nothing, and turned around they
    would look as if they did.
    """
    spread = float(log_odds.std()) + 1e-9
    rows = Examples(
        np.empty((len(log_odds), 0), np.float32),
        labels,
        weights,
        np.zeros(len(log_odds), np.intp),
        np.zeros(len(log_odds), np.intp),
    )
    nothing = np.empty((len(log_odds), 0))
    slope, offset = _logistic((log_odds / spread)[:, None], nothing, rows, 1e-6)
    if slope[0, 0] < 0:
        chance = float(np.average(labels, weights=weights))
        return 0.0, float(np.log(chance) - np.log1p(-chance))
    return float(slope[0, 0]) / spread, float(offset[0])


def subset(examples: Examples, which: NDArray[np.bool_]) -> Examples:
    """Some of the examples."""
    return Examples(
        examples.vectors[which],
        examples.labels[which],
        examples.weights[which],
        examples.groups[which],
        examples.sources[which],
    )
