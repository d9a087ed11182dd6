"""What a reward is worth for choosing: accuracy of N rollouts for every N, from one set of M of them.

A method's accuracy with N rollouts is its mean over all subsets of N of the M: an unbiased estimate
for N fresh ones. For a problem's rollouts there are log_odds (M,), the log-odds of each whole
solution, and classes (M,): 0 for the right answer, other numbers for other answers, equal for
equivalent ones, -1 for none. Rollouts without an answer take a place but cannot be chosen.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from pfsolve.lab.evaluation.metrics import Bools
from pfsolve.search.log_odds import Floats

Ints = NDArray[np.intp]

EXACT = 12  # rollouts of which all subsets are looked at
ORDERS = 256  # subsets of each size, at the least, of more rollouts

_AT_A_TIME = 1 << 20  # truth values of subsets


def best_of_n(log_odds: Floats, classes: Ints) -> Floats:
    """Probability (M,) that the highest-scored of N = 1..M rollouts with an answer is right.

    Exact: of M rollouts in falling order the k-th (k = 0, 1, ...) is the highest of a subset of N in
    C(M-1-k, N-1) of C(M, N) cases. Equal scores are equally likely to be chosen.
    """
    answered = classes >= 0
    right = np.zeros(len(classes))
    for score in np.unique(log_odds[answered]):
        tied = answered & (log_odds == score)
        right[tied] = np.mean(classes[tied] == 0)
    falling = np.lexsort((log_odds, answered))[::-1]  # those without an answer last
    return np.asarray(_chances(len(classes)) @ right[falling])


def oracle(classes: Ints) -> Floats:
    """Probability (M,) that any of N = 1..M rollouts is right."""
    m = len(classes)
    wrong = int(np.sum(classes != 0))
    return np.array([1.0 - math.comb(wrong, n) / math.comb(m, n) for n in range(1, m + 1)])


def vote(log_weights: Floats, classes: Ints, *, seed: int = 0) -> Floats:
    """Probability (M,) that of N = 1..M rollouts the answer with the largest share of weight is right.

    Weights are exp(log_weights), zero where that is -inf; a tie is shared. log_weights of 0 make the
    majority vote, log-odds `pfsolve.search.selection`'s weighted vote, and logarithms of scores the
    weighted best-of-N of the literature.

    Exact up to `EXACT` rollouts. Beyond that the subsets are seeded random ones, `ORDERS` or more of
    each size, in which every rollout appears equally often; so N = 1 and N = M are exact there too.
    """
    kinds, member = np.unique(classes, return_inverse=True)
    if not np.any(kinds == 0):
        return np.zeros(len(classes))
    belongs = member.reshape(-1, 1) == np.arange(len(kinds))  # (M, C)
    subsets = _subsets(len(classes), seed)
    won = []
    for part in np.array_split(subsets, -(-subsets.size // _AT_A_TIME)):
        mass, present = _shares(part & (classes >= 0), log_weights, belongs)
        most = np.max(np.where(present, mass, -np.inf), axis=1, keepdims=True)
        first = present & (mass >= most * (1 - 1e-12))
        won.append(first[:, kinds == 0][:, 0] / np.maximum(np.sum(first, axis=1), 1))
    size = np.sum(subsets, axis=1)
    return np.asarray(np.bincount(size, np.concatenate(won))[1:] / np.bincount(size)[1:])


def _shares(usable: Bools, log_weights: Floats, belongs: Bools) -> tuple[Floats, Bools]:
    """Weight of each class in each subset (S, C), and whether it is there at all.

    Weights are relative to the subset's own heaviest rollout, so that none vanishes for the sake of
    one outside.

    Args:
        usable: (S, M), whether a rollout is in the subset and has an answer.
        log_weights: (M,).
        belongs: (M, C), whether a rollout is of the class.
    """
    top = np.max(np.where(usable, log_weights, -np.inf), axis=1, keepdims=True)
    top[np.isneginf(top)] = 0.0
    weights = np.exp(np.where(usable, log_weights - top, -np.inf))
    return weights @ belongs.astype(float), usable.astype(float) @ belongs > 0


@lru_cache(maxsize=64)
def _chances(m: int) -> Floats:
    """(N, k): probability that the k-th highest of m is the highest of a random N, N = 1..m."""
    return np.array(
        [[math.comb(m - 1 - k, n - 1) / math.comb(m, n) for k in range(m)] for n in range(1, m + 1)]
    )


@lru_cache(maxsize=8)
def _subsets(m: int, seed: int) -> Bools:
    """Subsets of m things as rows of truth values (S, m): all but the empty one, or many of each size.

    Those are the first N of random orders, each of which is used with all its rotations.
    """
    if m <= EXACT:
        return (np.arange(1, 1 << m)[:, None] >> np.arange(m) & 1).astype(bool)
    rng = np.random.default_rng(seed)
    orders = np.array([rng.permutation(m) for _ in range(-(-ORDERS // m))])
    place = np.argsort(orders, axis=1)  # of each thing in each order
    rotated = (place[:, None, :] + np.arange(m)[:, None]) % m  # (orders, rotations, m)
    first = rotated[:, :, None, :] < np.arange(1, m + 1)[:, None]
    return np.asarray(first.reshape(-1, m))
