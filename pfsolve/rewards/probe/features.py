"""What the probe sees of a prefix: the policy's own hidden states, and how sure it was of its tokens.

Nothing is computed for it that the policy has not computed anyway. The final-norm states of a step's
tokens are averaged, since the mean over a step tells far more than its last token does. How sure the
policy was is told of all tokens and of those with digits, in the step and in the whole prefix: of
everything here, entropy at digits tells most about whether a step is right. Of a thought it sees nothing:
a `Trace` leaves it out.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pfsolve.engine.policy import Trace
from pfsolve.search.log_odds import Floats

Vector = NDArray[np.float32]

FORMAT = 3  # of feature vectors, and so of heads and of what they learn from

# A feature vector is the mean state over the step, (n_embd,), and `NUMBERS` numbers: the number of
# steps, and for each of four groups of tokens the numbers of a `TokenTally`.
GROUPS = ("step", "digits of the step", "prefix", "digits of the prefix")
_FLOOR = 1e-3  # nats; below it the policy is as good as certain


@dataclass(frozen=True, slots=True)
class TokenTally:
    """Surprise (minus log-probability), entropy and margin of a group of tokens, in nats."""

    count: int = 0  # number of tokens
    # (3,), of each of the three over the tokens.
    sums: Floats = field(default_factory=lambda: np.zeros(3))
    maxima: Floats = field(default_factory=lambda: np.zeros(3))  # (3,), likewise

    @classmethod
    def of(cls, values: Floats) -> TokenTally:
        """The tally of tokens with these values, (tokens, 3)."""
        return cls(len(values), values.sum(axis=0), values.max(axis=0, initial=0.0))

    def __add__(self, other: TokenTally) -> TokenTally:
        return TokenTally(
            self.count + other.count,
            self.sums + other.sums,
            np.maximum(self.maxima, other.maxima),
        )

    @property
    def numbers(self) -> Floats:
        """The numbers (14,) that stand for it in a feature vector, each of a size near 1.

        Logarithms of what grows with a solution's length: without, a head that learnt from short
        solutions is sure that long ones are wrong.
        """
        means = self.sums / max(1, self.count)
        _, entropy, _ = self.sums
        levels = np.concatenate([means, self.maxima])
        return np.concatenate([np.log1p([self.count, entropy]), levels, np.log(levels + _FLOOR)])


NUMBERS = 1 + len(GROUPS) * TokenTally().numbers.size
# Places of the groups' sums of entropies among the numbers: together they tell nearly all that is known.
ENTROPIES = [1 + group * TokenTally().numbers.size for group in range(len(GROUPS))]


@dataclass(frozen=True, slots=True)
class History:
    """What the features of a prefix's next step depend on."""

    steps: int = 0  # number of steps
    tokens: TokenTally = field(default_factory=TokenTally)  # tally of all tokens
    digits: TokenTally = field(default_factory=TokenTally)  # tally of the tokens with digits
    state: Floats | None = None  # (n_embd,) mean over the newest step; None before the first


def features(history: History, trace: Trace) -> tuple[Vector, History]:
    """The feature vector (n_embd + NUMBERS,) float32 after one more step, and its history.

    Args:
        history: of the prefix before the step.
        trace: of the step. One without hidden states (the step's only token ended the generation)
            leaves the state of the step before.
    """
    values = np.abs(np.array(trace.uncertainties, dtype=np.float64).reshape(-1, 3))
    with_digits = np.array([has_digit(piece) for piece in trace.pieces], dtype=bool)
    tokens, digits = TokenTally.of(values), TokenTally.of(values[with_digits])
    if len(trace.hidden):
        state = trace.hidden.mean(axis=0, dtype=np.float64)
    else:
        state = np.zeros(trace.hidden.shape[1]) if history.state is None else history.state
    after = History(history.steps + 1, history.tokens + tokens, history.digits + digits, state)
    groups = (tokens, digits, after.tokens, after.digits)
    numbers = [group.numbers for group in groups]
    steps = [np.log1p(after.steps)]
    return np.concatenate([state, *numbers, steps]).astype(np.float32), after


def has_digit(piece: bytes) -> bool:
    """Whether a token's bytes hold one of the digits 0 to 9."""
    return any(48 <= byte <= 57 for byte in piece)


def lengths(vectors: Vector) -> Floats:
    """Logarithm of one plus the number of the newest step's tokens, (k,), from vectors (k, width)."""
    return vectors[:, -NUMBERS].astype(np.float64)
