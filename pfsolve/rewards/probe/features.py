"""What the probe sees of a prefix: the policy's own hidden states, and how sure it was of its tokens.

Nothing is computed for it that the policy has not computed anyway. The states of a step's tokens are
averaged, since the mean over a step tells far more than its last token does. How sure the
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

FORMAT = 4  # of feature vectors, and so of heads

FINAL = 1.0  # depth of the final-norm state, as a share of the model's

# A feature vector is the mean over the step of each state that is looked at, (n_embd,), the final one
# last, and `NUMBERS` numbers: the number of steps, and for each of four groups of tokens the numbers of a
# `TokenTally`.
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


@dataclass(frozen=True, slots=True)
class History:
    """What the features of a prefix's next step depend on."""

    steps: int = 0  # number of steps
    tokens: TokenTally = field(default_factory=TokenTally)  # tally of all tokens
    digits: TokenTally = field(default_factory=TokenTally)  # tally of the tokens with digits
    states: Floats | None = (
        None  # (states * n_embd,) means over the newest step; None before the first
    )


def features(history: History, trace: Trace, *, final: bool = True) -> tuple[Vector, History]:
    """The feature vector (states * n_embd + NUMBERS,) float32 after one more step, and its history.

    Args:
        history: of the prefix before the step.
        trace: of the step. One without hidden states (the step's only token ended the generation)
            leaves the states of the step before.
        final: whether the final-norm state is looked at, beside those of all inner layers in the trace.
    """
    values = np.abs(np.array(trace.uncertainties, dtype=np.float64).reshape(-1, 3))
    with_digits = np.array([has_digit(piece) for piece in trace.pieces], dtype=bool)
    tokens, digits = TokenTally.of(values), TokenTally.of(values[with_digits])
    states = trace.inner
    if final:
        states = np.concatenate([states, trace.hidden[:, None]], axis=1)
    if len(states):
        means = states.mean(axis=0, dtype=np.float64).ravel()
    else:
        means = (
            np.zeros(states.shape[1] * states.shape[2])
            if history.states is None
            else history.states
        )
    after = History(history.steps + 1, history.tokens + tokens, history.digits + digits, means)
    groups = (tokens, digits, after.tokens, after.digits)
    numbers = [group.numbers for group in groups]
    steps = [np.log1p(after.steps)]
    return np.concatenate([means, *numbers, steps]).astype(np.float32), after


def has_digit(piece: bytes) -> bool:
    """Whether a token's bytes hold one of the digits 0 to 9."""
    return any(48 <= byte <= 57 for byte in piece)
