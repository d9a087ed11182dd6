"""Fits a probe's head: standardised features, principal components, then a logistic or a small MLP.

Everything is chosen on held-out problems: a solution's steps, and all solutions of a problem, are
either learnt from or judged by, never both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pfsolve.rewards.probe.features import NUMBERS
from pfsolve.rewards.probe.head import ProbeHead

Matrix = NDArray[np.float64]

FOLDS = 5
COMPONENTS = (32, 64, 128, 256)
RIDGES = (1e-3, 1e-2, 1e-1, 1.0)  # per unit of weight of the data
_ROUNDS, _RATE = 400, 0.003  # of training an MLP
HIDDEN = (0, 16)  # units of an MLP's hidden layer; 0 is a logistic regression


@dataclass(frozen=True, slots=True)
class Examples:
    """Prefixes to learn from.

    vectors: (n, width) features. labels: (n,) in [0, 1], the probability that the prefix is right.
    weights: (n,) at least 0. groups: (n,) the number of each one's problem. sources: (n,) the number
    of where it comes from: what is called right may be rarer here than there, so that each source has
    an offset of its own; the last one's is kept.
    """

    vectors: NDArray[np.float32]
    labels: NDArray[np.float64]
    weights: NDArray[np.float64]
    groups: NDArray[np.intp]
    sources: NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Choice:
    """How a head is fitted. components: of the features. ridge: penalty. hidden: units, 0 for none."""

    components: int
    ridge: float
    hidden: int


def cross_entropy(logits: Matrix, labels: Matrix, weights: Matrix) -> float:
    """Mean over the weights, in nats."""
    losses = np.logaddexp(0.0, logits) - labels * logits
    return float(np.average(losses, weights=weights))


def folds(groups: NDArray[np.intp], count: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Fold (n,) of each example; a group is never split."""
    distinct, of = np.unique(groups, return_inverse=True)
    numbers = np.arange(distinct.size) % count
    rng.shuffle(numbers)
    return numbers[of]


@dataclass(frozen=True, slots=True)
class Projection:
    """Standardises features and keeps their principal components, each of unit variance."""

    mean: Matrix
    scale: Matrix
    axes: Matrix

    def __call__(self, vectors: NDArray[np.float32]) -> Matrix:
        return ((vectors - self.mean) / self.scale) @ self.axes


def project(vectors: NDArray[np.float32], numbers: int, components: int) -> Projection:
    """The projection that fits `vectors`. The last `numbers` features are kept as they are."""
    mean = vectors.mean(axis=0, dtype=np.float64)
    scale = vectors.std(axis=0, dtype=np.float64) + 1e-6
    states = (vectors[:, :-numbers] - mean[:-numbers]) / scale[:-numbers]
    _, spread, axes = np.linalg.svd(states, full_matrices=False)
    kept = min(components, int((spread > 1e-6 * spread[0]).sum()))
    width = vectors.shape[1]
    whole = np.zeros((width, kept + numbers))
    whole[:-numbers, :kept] = axes[:kept].T / (spread[:kept] / np.sqrt(len(vectors)))
    whole[-numbers:, kept:] = np.eye(numbers)
    return Projection(mean, scale, whole)


def fit(examples: Examples, choice: Choice, rng: np.random.Generator) -> ProbeHead:
    """The head that `choice` makes of these examples."""
    projection = project(examples.vectors, NUMBERS, choice.components)
    inputs = projection(examples.vectors)
    offsets = np.eye(int(examples.sources.max()) + 1)[examples.sources][:, :-1]
    if choice.hidden:
        first, second = _perceptron(inputs, offsets, examples, choice, rng)
    else:
        first, second = _logistic(inputs, offsets, examples, choice.ridge), None
    # Standardising and projecting are linear: they become part of the first layer.
    weight, bias = first
    folded = weight @ (projection.axes / projection.scale[:, None]).T
    bias = bias - folded @ projection.mean
    layers = [(folded, bias)] + ([second] if second else [])
    return ProbeHead(tuple((w.astype(np.float32), b.astype(np.float32)) for w, b in layers))


Layer = tuple[Matrix, Matrix]


def _logistic(inputs: Matrix, offsets: Matrix, examples: Examples, ridge: float) -> Layer:
    """Penalised maximum likelihood by Newton's method; intercept and offsets are not penalised."""
    design = np.hstack([inputs, offsets, np.ones((len(inputs), 1))])
    weights = examples.weights / examples.weights.sum()
    penalty = np.full(design.shape[1], ridge)
    penalty[inputs.shape[1] :] = 1e-6
    solution = np.zeros(design.shape[1])
    for _ in range(50):
        logits = np.clip(design @ solution, -30, 30)
        chances = 1 / (1 + np.exp(-logits))
        gradient = design.T @ (weights * (chances - examples.labels)) + penalty * solution
        curvature = np.maximum(weights * chances * (1 - chances), 1e-12)
        step = np.linalg.solve((design.T * curvature) @ design + np.diag(penalty), gradient)
        solution -= step
        if np.abs(step).max() < 1e-8:
            break
    return solution[None, : inputs.shape[1]], solution[-1:]


def _perceptron(
    inputs: Matrix, offsets: Matrix, examples: Examples, choice: Choice, rng: np.random.Generator
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
        logits = hidden @ w2 + b2 + offsets @ w3
        error = weights * (1 / (1 + np.exp(-np.clip(logits, -30, 30))) - labels)
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


def calibration(logits: Matrix, labels: Matrix, weights: Matrix) -> tuple[float, float]:
    """Slope and offset of the line that turns logits into calibrated ones (Platt 1999)."""
    spread = float(logits.std()) + 1e-9
    rows = Examples(
        np.empty((len(logits), 0), np.float32),
        labels,
        weights,
        np.zeros(len(logits), np.intp),
        np.zeros(len(logits), np.intp),
    )
    nothing = np.empty((len(logits), 0))
    slope, offset = _logistic((logits / spread)[:, None], nothing, rows, 1e-6)
    return float(slope[0, 0]) / spread, float(offset[0])


def held_out(examples: Examples, choice: Choice, rng: np.random.Generator) -> Matrix:
    """Logits (n,) of each example by a head that has seen nothing of its problem."""
    fold = folds(examples.groups, FOLDS, rng)
    logits = np.empty(len(examples.labels))
    for number in range(FOLDS):
        head = fit(select(examples, fold != number), choice, rng)
        logits[fold == number] = head.log_scores(examples.vectors[fold == number])
    return logits


def select(examples: Examples, which: NDArray[np.bool_]) -> Examples:
    """Some of the examples."""
    return Examples(
        examples.vectors[which],
        examples.labels[which],
        examples.weights[which],
        examples.groups[which],
        examples.sources[which],
    )
