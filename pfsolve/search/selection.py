"""From a finished population to one answer.

* argmax: the answer of the particle with the highest last log-odds (the paper's choice).
* vote: the answer most particles agree on.
* weighted-vote: the answer with the largest share of the weight. Filters weigh by odds, beams and
  best-of-n by scores ("weighted best-of-n"); without scores all particles weigh the same.

Agreement is equivalence, not equality of text: the caller says which answers are the same.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pfsolve.search.log_odds import Floats

_EPSILON = 1e-9  # a lead that rounding may make of a tie


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
        chosen: index of the particle that it is taken from, None when no particle has one.
        agreement: its share, 0 to 1; particles without an answer count against every candidate.
        candidates: all of them, largest share first.
    """

    answer: str | None
    chosen: int | None
    agreement: float
    candidates: tuple[Candidate, ...]


def select(
    how: str,
    answers: Sequence[str | None],
    classes: Sequence[int | None],
    log_odds: Floats,
    weights: Floats,
    preferred: Sequence[bool] | None = None,
) -> Choice:
    """Choose among n particles.

    Of the particles with the answer the heaviest stands for it, with argmax that of the highest log-odds.
    Of equals that is the one better by the other measure, then a preferred one, then the first. Equal
    shares go to the answer that comes first.

    Args:
        how: "argmax", "vote" or "weighted-vote".
        answers: (n,), None for a particle without one.
        classes: (n,), equal for equivalent answers, None without an answer.
        log_odds: (n,), logit of each particle's last score.
        weights: (n,), normalised.
        preferred: (n,), all alike by default.
    """

    def best(members: Iterable[int], by: Floats, then: Floats) -> int:
        return max(members, key=lambda i: (by[i], then[i], bool(preferred and preferred[i]), -i))

    groups: dict[int, list[int]] = {}
    for index, group in enumerate(classes):
        if group is not None and answers[index] is not None:
            groups.setdefault(group, []).append(index)
    if not groups:
        return Choice(None, None, 0.0, ())

    mass = _mass(how, weights)
    shares = {group: float(mass[members].sum()) for group, members in groups.items()}
    ranked = sorted(groups, key=lambda group: -shares[group])
    heaviest = {group: best(members, weights, log_odds) for group, members in groups.items()}
    winner, chosen = ranked[0], heaviest[ranked[0]]
    if how == "argmax":
        chosen = best(itertools.chain(*groups.values()), log_odds, weights)
        winner = next(group for group, members in groups.items() if chosen in members)
    candidates = tuple(
        Candidate(str(answers[heaviest[g]]), len(groups[g]), shares[g]) for g in ranked
    )
    return Choice(answers[chosen], chosen, shares[winner], candidates)


def is_settled(
    how: str,
    classes: Sequence[int | None],
    finished: NDArray[np.bool_],
    weights: Floats,
    threshold: float = 0.95,
) -> bool:
    """Whether the leading answer of a vote very probably stays in front until all have finished.

    Each unfinished particle will have one vote. In a weighted vote a finished one has its weight times
    the number of particles that have any.

    Args:
        how: "vote" or "weighted-vote".
        classes: (n,), as in `select`; those of unfinished particles are ignored.
        finished: (n,), whether each particle has finished; those without an answer vote for nothing.
        weights: (n,), normalised.
        threshold: what `chance_of_staying_ahead` must exceed.
    """
    votes = _mass(how, weights) * (weights.size if how == "vote" else np.count_nonzero(weights))
    counts: dict[int, float] = {}
    for group, vote, has_ended in zip(classes, votes.tolist(), finished.tolist(), strict=True):
        if group is not None and has_ended:
            counts[group] = counts.get(group, 0.0) + vote
    leader, second, *_ = sorted([*counts.values(), 0.0, 0.0], reverse=True)
    left = int(np.count_nonzero(~finished))
    return leader > 0 and chance_of_staying_ahead(leader, second, left) > threshold


def chance_of_staying_ahead(leader: float, second: float, left: int) -> float:
    """Probability that the leading answer of a vote is still ahead of the second at the end.

    Those to come vote for one of the two, for the leader with an unknown chance, the same for all,
    whose prior is uniform: its posterior is Beta(leader + 1, second + 1). For many to come it is the
    probability that this chance is above one half (Aggarwal et al., arXiv:2305.11860). A tie is no lead.

    Args:
        leader: votes for the leader so far, 0 and up.
        second: votes for the answer after it, 0 and up.
        left: the number of votes to come.
    """
    a, b = leader + 1, second + 1
    winning = [k for k in range(left + 1) if leader + k > second + left - k + _EPSILON]
    log_ways = [-_log_beta(k + 1, left - k + 1) - math.log(left + 1) for k in winning]
    log_chances = [_log_beta(a + k, b + left - k) - _log_beta(a, b) for k in winning]
    return sum(math.exp(sum(both)) for both in zip(log_ways, log_chances, strict=True))


def _log_beta(a: float, b: float) -> float:
    """Log of the Beta function, for a and b above 0."""
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _mass(how: str, weights: Floats) -> Floats:
    """The weight of each particle in a vote, (n,), normalised."""
    return np.full(weights.size, 1.0 / weights.size) if how == "vote" else weights
