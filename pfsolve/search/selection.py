"""From a finished population to one answer.

* argmax: the answer of the particle with the highest last log-odds (the paper's choice).
* vote: the answer most particles agree on.
* weighted-vote: the answer with the largest share of the weight. Filters weigh by odds, beams and
  best-of-n by scores ("weighted best-of-n"); without scores all weigh the same, and it is a vote.

Agreement is equivalence, not equality of text: the caller says which answers are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_EPSILON = 1e-9  # a share that rounding may make of a tie


@dataclass(frozen=True, slots=True)
class Candidate:
    """An answer, how many particles reached it, and the share of the weight they hold (0 to 1)."""

    answer: str
    particles: int
    share: float


@dataclass(frozen=True, slots=True)
class Choice:
    """The answer chosen, None when no particle has one; agreement: its share; all candidates.

    The share is of the weight, and for a plain vote of the particles; particles without an answer
    count against every candidate. Candidates come largest share first.
    """

    answer: str | None
    agreement: float
    candidates: tuple[Candidate, ...]


def select(
    how: str,
    answers: Sequence[str | None],
    classes: Sequence[int | None],
    log_odds: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> Choice:
    """Choose among n particles.

    Args:
        how: "argmax", "vote" or "weighted-vote".
        answers: (n,), None for a particle without one.
        classes: (n,), equal for equivalent answers, None without an answer.
        log_odds: (n,), last log-odds of each.
        weights: (n,), normalised.

    The answer shown for a class is that of its heaviest particle. Ties go to the lower index.
    """
    groups: dict[int, list[int]] = {}
    for index, group in enumerate(classes):
        if group is not None and answers[index] is not None:
            groups.setdefault(group, []).append(index)
    if not groups:
        return Choice(None, 0.0, ())

    mass = _mass(how, weights)
    shares = {group: float(mass[members].sum()) for group, members in groups.items()}
    ranked = sorted(groups, key=lambda group: -shares[group])
    if how == "argmax":
        best = max(
            (index for members in groups.values() for index in members),
            key=lambda index: (log_odds[index], -index),
        )
        chosen, answer = classes[best], answers[best]
    else:
        chosen = ranked[0]
        answer = answers[_heaviest(groups[chosen], weights)]
    assert chosen is not None  # every group has a class
    candidates = tuple(
        Candidate(str(answers[_heaviest(groups[g], weights)]), len(groups[g]), shares[g])
        for g in ranked
    )
    return Choice(answer, shares[chosen], candidates)


def is_settled(
    how: str,
    classes: Sequence[int | None],
    finished: NDArray[np.bool_],
    weights: NDArray[np.float64],
) -> bool:
    """Whether the unfinished particles can no longer change a vote: the answer in front would stay
    there even if all of them came to agree on another.

    Each is taken to weigh in the end what it weighs now, which independent samples in a plain vote
    do; of others it is what can be known before they end.

    Args:
        how: "vote" or "weighted-vote".
        classes: (n,), as in `select`; those of unfinished particles are not looked at.
        finished: (n,).
        weights: (n,), normalised.
    """
    mass = _mass(how, weights)
    shares: dict[int, float] = {}
    for group, share, has_ended in zip(classes, mass.tolist(), finished.tolist(), strict=True):
        if group is not None and has_ended:
            shares[group] = shares.get(group, 0.0) + share
    first, second, *_ = sorted([*shares.values(), 0.0, 0.0], reverse=True)
    return bool(first > second + mass[~finished].sum() + _EPSILON)


def _mass(how: str, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """What each particle counts in a vote, (n,)."""
    return np.full(weights.size, 1.0 / weights.size) if how == "vote" else weights


def _heaviest(members: Sequence[int], weights: NDArray[np.float64]) -> int:
    return max(members, key=lambda index: (weights[index], -index))
