"""From a finished population to one answer.

* argmax: the answer of the particle with the highest last log-odds (the paper's choice).
* vote: the answer most particles agree on.
* weighted-vote: the answer with the largest share of the weight. Filters weigh by odds, beams and
  best-of-n by scores ("weighted best-of-n"); without scores all particles weigh the same.

Agreement is equivalence, not equality of text: the caller says which answers are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pfsolve.search.log_odds import Floats

_EPSILON = 1e-9  # a share that rounding may make of a tie


@dataclass(frozen=True, slots=True)
class Candidate:
    """One of the answers that were reached.

    Args:
        answer: as its heaviest particle writes it.
        particles: the number of particles that reached it.
        share: of the weight, in a plain vote of the particles, 0 to 1.
    """

    answer: str
    particles: int
    share: float


@dataclass(frozen=True, slots=True)
class Choice:
    """The answer chosen.

    Args:
        answer: None when no particle has one.
        agreement: its share, 0 to 1; particles without an answer count against every candidate.
        candidates: all of them, largest share first.
    """

    answer: str | None
    agreement: float
    candidates: tuple[Candidate, ...]


def select(
    how: str,
    answers: Sequence[str | None],
    classes: Sequence[int | None],
    log_odds: Floats,
    weights: Floats,
) -> Choice:
    """Choose among n particles.

    Ties go to the lower index.

    Args:
        how: "argmax", "vote" or "weighted-vote".
        answers: (n,), None for a particle without one.
        classes: (n,), equal for equivalent answers, None without an answer.
        log_odds: (n,), logit of each particle's last score.
        weights: (n,), normalised.
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
    chosen = ranked[0]
    answer = answers[_heaviest(groups[chosen], weights)]
    if how == "argmax":
        best = _heaviest([index for members in groups.values() for index in members], log_odds)
        chosen = next(group for group, members in groups.items() if best in members)
        answer = answers[best]
    candidates = tuple(
        Candidate(str(answers[_heaviest(groups[g], weights)]), len(groups[g]), shares[g])
        for g in ranked
    )
    return Choice(answer, shares[chosen], candidates)


def is_settled(
    how: str,
    classes: Sequence[int | None],
    finished: NDArray[np.bool_],
    weights: Floats,
) -> bool:
    """Whether the unfinished particles can no longer change a vote.

    The leading answer would stay in front even if all of them came to agree on another. Each is taken
    to weigh in the end what it weighs now: exact for a plain vote of independent samples, an
    approximation where weights still change.

    Args:
        how: "vote" or "weighted-vote".
        classes: (n,), as in `select`; those of unfinished particles are ignored.
        finished: (n,), whether each particle has finished.
        weights: (n,), normalised.
    """
    mass = _mass(how, weights)
    shares: dict[int, float] = {}
    for group, share, has_ended in zip(classes, mass.tolist(), finished.tolist(), strict=True):
        if group is not None and has_ended:
            shares[group] = shares.get(group, 0.0) + share
    first, second, *_ = sorted([*shares.values(), 0.0, 0.0], reverse=True)
    return bool(first > second + mass[~finished].sum() + _EPSILON)


def _mass(how: str, weights: Floats) -> Floats:
    """The weight of each particle in a vote, (n,), normalised."""
    return np.full(weights.size, 1.0 / weights.size) if how == "vote" else weights


def _heaviest(members: Sequence[int], weights: Floats) -> int:
    """The member of highest weight, of equals the lowest index."""
    return max(members, key=lambda index: (weights[index], -index))
