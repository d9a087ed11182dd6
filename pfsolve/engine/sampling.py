"""Sampling a token from a row of logits, in NumPy.

Same filters in the same order as llama.cpp's own chain (top-k, top-p, min-p, then temperature), but
several times as fast on a vocabulary of 150 000: llama.cpp copies and sorts a 12-byte record for each
token, this finds a logit that all tokens to draw from exceed, and has exponentials of those alone.
Probabilities for the filters are those at temperature 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pfsolve.errors import EngineError, named

Logits = NDArray[np.float32]
_Tokens = NDArray[np.intp]

_GROUP = 64
_BLOCK = 512
_FEW = 1 / 16  # of a row; copying more of it takes longer than exponentials of all
_COLDEST = 1e-30  # below it the likeliest token wins anyway, and float32 has no number for the odds
# Tokens are left out as too unlikely that have, all together, less than the last digit of the odds.
_LAST_DIGIT = 24 * math.log(2)


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a token is drawn."""

    temperature: float = 0.8  # at least 0; 0 takes the likeliest token
    top_k: int = 0  # number of likeliest tokens to draw from; 0 for all
    top_p: float = 1.0  # share of the probability to draw from, in (0, 1]; 1 for all
    min_p: float = 0.0  # least probability, as a share of the likeliest token's; 0 for all


class TokenUncertainty(NamedTuple):
    """A token and its alternatives, at temperature 1 and unfiltered, in nats."""

    log_prob: float  # of the token
    entropy: float  # of the distribution it was drawn from
    margin: float  # by how much the log-probability of the likeliest token exceeds its own


class Sampler:
    """Draws tokens, in one thread at a time: its buffers serve all rows.

    One pass over all rows of a decode would be no faster: what it writes leaves the processor's cache.

    Args:
        n_vocab: number of logits in a row.
    """

    def __init__(self, n_vocab: int) -> None:
        self._below = np.empty(n_vocab, np.float32)  # logits less the largest
        self._odds = np.empty(n_vocab, np.float32)
        self._likely = np.empty(n_vocab, np.bool_)

    def draw(self, row: Logits, how: Sampling, rng: np.random.Generator) -> int:
        """Draw a token id from logits (n_vocab,). Takes one uniform number from `rng`; none when greedy.

        Raises:
            EngineError: a logit is NaN or +inf, or all are -inf.
        """
        top = row.max()  # NaN if one is
        if not math.isfinite(top):
            raise EngineError(
                f"the policy's logits are no numbers: the largest is {top}",
                f"its file may be damaged, or wrongly computed here: try {named('gpu_layers', 0)}, "
                "or another file",
            )
        if how.temperature < _COLDEST:
            return int(np.argmax(row))
        with np.errstate(over="ignore"):  # of logits so far below the largest that their odds are 0
            return self._drawn(row, how, top, rng.random())

    def _drawn(self, row: Logits, how: Sampling, top: np.float32, point: float) -> int:
        """The token where the cumulative odds of those to draw from pass `point`, a share of all."""
        warmth = np.float32(1.0 / how.temperature)
        tokens = self._candidates(row, how, top)
        if tokens is None:
            np.subtract(row, top, out=self._below)
            np.multiply(self._below, warmth, out=self._below)
            return _invert(np.exp(self._below, out=self._odds), point)
        odds = row[tokens] - top
        odds *= warmth
        cumulative = np.cumsum(np.exp(odds, out=odds), dtype=np.float64)
        index = int(np.searchsorted(cumulative, point * cumulative[-1], side="right"))
        return int(tokens[min(index, tokens.size - 1)])  # rounding may step past the end

    def uncertainty(self, row: Logits, token: int) -> TokenUncertainty:
        """How sure logits (n_vocab,) are of a token that is drawn from them."""
        total = self._exponentiate(row, row.max())
        log_total, margin = math.log(total), -float(self._below[token])
        with np.errstate(invalid="ignore"):
            mean = float(np.dot(self._odds, self._below)) / total
        if math.isnan(mean):  # 0 times the -inf of a token that has no part in it
            mean = float(np.dot(self._odds, np.maximum(self._below, np.float32(-1e4)))) / total
        return TokenUncertainty(-margin - log_total, max(0.0, log_total - mean), margin)

    def _candidates(self, row: Logits, how: Sampling, top: np.float32) -> _Tokens | None:
        """The tokens to draw from: the likeliest first with top-p, in order of their ids without.

        None stands for all of them, where there is no filter and they are many.
        """
        top_k, by_share = how.top_k if how.top_k < row.size else 0, how.top_p < 1.0
        total = self._exponentiate(row, top) if by_share and not top_k else 0.0

        # No token below is drawn, or matters for top-p.
        hottest = max(how.temperature, 1.0) if by_share else how.temperature
        least = float(top) - hottest * (_LAST_DIGIT + math.log(row.size))
        if top_k:
            least = max(least, _at_most_kth(row, top_k))
        if total:  # all tokens below it have, together, less than what top-p leaves out
            least = max(least, float(top) + math.log((1.0 - how.top_p) * total / row.size))
        np.greater_equal(row, least, out=self._likely)
        filtered = top_k or by_share or how.min_p > 0.0
        if not filtered and np.count_nonzero(self._likely) > _FEW * row.size:
            return None
        tokens = np.flatnonzero(self._likely)

        if 0 < top_k < tokens.size:
            tokens = tokens[np.sort(np.argpartition(row[tokens], -top_k)[-top_k:])]
        if by_share:
            tokens = tokens[np.argsort(-row[tokens], kind="stable")]
            mass = np.cumsum(np.exp(row[tokens] - top), dtype=np.float64)
            # The token that crosses the line is kept, so at least one always is.
            tokens = tokens[: int(np.searchsorted(mass, how.top_p * (total or mass[-1]))) + 1]
        if how.min_p > 0.0:
            tokens = tokens[row[tokens] >= top + np.float32(math.log(how.min_p))]
        return tokens

    def _exponentiate(self, row: Logits, top: np.float32) -> float:
        """Fill the buffers with the odds against the likeliest token; returns their sum."""
        with np.errstate(over="ignore"):
            np.subtract(row, top, out=self._below)
        return float(np.exp(self._below, out=self._odds).sum())


def _at_most_kth(row: Logits, k: int) -> float:
    """A logit that the k-th largest is not below, and few others are."""
    width = row.size // _GROUP
    if k > width:
        return -math.inf
    # As many groups have a token that is no smaller.
    maxima = row[: width * _GROUP].reshape(_GROUP, width).max(axis=0)
    return float(np.partition(maxima, -k)[-k])


def _invert(odds: Logits, point: float) -> int:
    """Index where the cumulative sum of odds, as a share of its total, passes `point` in [0, 1).

    In two levels, blocks and then the entries of one block: a cumulative sum over the whole
    vocabulary would cost more than the exponentials, and lose digits in float32.
    """
    blocks = np.add.reduceat(odds, np.arange(0, odds.size, _BLOCK))
    cumulative = np.cumsum(blocks, dtype=np.float64)
    target = point * cumulative[-1]
    block = min(int(np.searchsorted(cumulative, target, side="right")), blocks.size - 1)
    inside = odds[block * _BLOCK : (block + 1) * _BLOCK].astype(np.float64)
    below = cumulative[block - 1] if block else 0.0
    index = int(np.searchsorted(np.cumsum(inside), target - below, side="right"))
    # Rounding may step past the end of the block: the last entry with any weight is meant.
    return block * _BLOCK + min(index, int(np.flatnonzero(inside)[-1]))
