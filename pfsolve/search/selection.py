"""From a finished population to one answer.

* argmax: the answer of the particle with the highest last log-odds (the paper's choice).
* vote: the answer most particles agree on. Answers within one vote of the lead are decided by the ranks of
  their solutions' log-odds: each vote then counts a half, for the worst, to one and a half, for the best.
* weighted-vote: the answer with the largest share of the weight. Filters weigh by odds, beams and
  best-of-n by scores ("weighted best-of-n"); without scores all particles weigh the same.

Agreement is equivalence, not equality of text: the caller says which answers are the same. In a vote
solutions that are alike to the letter count once: a copy is no second opinion.

The order of particles breaks no tie. Of equal answers the one goes first that has better log-odds, then
the one that more kinds of solutions come to, then that of shorter solutions, then the first in the alphabet.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pfsolve.search.log_odds import Floats

_EPSILON = 1e-9  # a lead that rounding may make of a tie


@dataclass(frozen=True, eq=False)
class Voters:
    """The n particles of a population, as far as they matter for an answer.

    Args:
        answers: (n,), None for a particle without one.
        classes: (n,), equal for equivalent answers, None without an answer.
        log_odds: (n,), logit of each particle's last score.
        weights: (n,), normalised.
        kinds: (n,), of solutions; log-odds and lengths of two kinds are not compared. Those of kind 0
            are the easiest to read. All are of one kind by default.
        lengths: (n,), of the solutions; all equal by default.
        alike: (n,), equal for solutions that are alike to the letter; none are by default.
    """

    answers: Sequence[str | None]
    classes: Sequence[int | None]
    log_odds: Floats
    weights: Floats
    kinds: Sequence[int] | None = None
    lengths: Sequence[int] | None = None
    alike: Sequence[int] | None = None

    def kind(self, particle: int) -> int:
        return 0 if self.kinds is None else self.kinds[particle]

    def ranks(self, values: Floats, particles: Sequence[int]) -> Floats:
        """Ranks (n,) of these particles by value, each within its kind: 0 to 1, and 1/2 on average.

        Equal values share their mean rank; that of all other particles is 1/2.
        """
        ranks = np.full(len(self.answers), 0.5)
        for kind in {self.kind(i) for i in particles}:
            own = [i for i in particles if self.kind(i) == kind]
            these = values[own, None]
            ranks[own] = np.mean((these > values[own]) + (these == values[own]) / 2, axis=1)
        return ranks

    def distinct(self, particles: Iterable[int]) -> list[int]:
        """These particles, of which those that are alike in solution and answer are there once."""
        if self.alike is None:
            return list(particles)
        firsts: dict[object, int] = {}
        for i in particles:
            firsts.setdefault((self.alike[i], self.classes[i]), i)
        return list(firsts.values())


@dataclass(frozen=True, slots=True)
class Candidate:
    """One of the answers that were reached.

    Args:
        answer: as the particle writes it that stands for it.
        particles: the number of particles that reached it.
        share: of the weight, or of the votes, 0 to 1.
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
        candidates: all of them, in the order in which a vote puts them.
    """

    answer: str | None
    chosen: int | None
    agreement: float
    candidates: tuple[Candidate, ...]


def select(how: str, voters: Voters) -> Choice:
    """Choose among n particles.

    Of the particles with the answer the heaviest stands for it, in a vote any, with argmax that of the
    highest log-odds. Of equals that is the heaviest, then the one of the best rank by log-odds, then by
    readability, then by brevity, then the first.

    Args:
        how: "argmax", "vote" or "weighted-vote".
    """
    groups: dict[int, list[int]] = {}
    for index, group in enumerate(voters.classes):
        if group is not None and voters.answers[index] is not None:
            groups.setdefault(group, []).append(index)
    if not groups:
        return Choice(None, None, 0.0, ())

    counted = {group: _counted(how, voters, members) for group, members in groups.items()}
    every = [i for members in counted.values() for i in members]
    likely = voters.ranks(voters.log_odds, every)
    lengths = np.zeros(len(voters.answers)) if voters.lengths is None else np.array(voters.lengths)
    brief = voters.ranks(-lengths, every)
    mass = _mass(how, voters)
    shares = {group: float(mass[members].sum()) for group, members in counted.items()}
    lead = max(map(len, counted.values()))

    def place(group: int) -> tuple[object, ...]:
        """What sorts the answers, low for the first."""
        own = counted[group]
        by_rank = round(float(np.sum(likely[own] + 0.5)), 9)
        is_near = how == "vote" and len(own) >= lead - 1
        return (
            not is_near,
            0 if is_near else -round(shares[group], 9),
            -by_rank,
            -len({voters.kind(i) for i in own}),
            -round(float(np.mean(brief[own])), 9),
            min(str(voters.answers[i]) for i in own),
        )

    def best(members: Iterable[int], by: Floats) -> int:
        def standing(i: int) -> tuple[float, ...]:
            return by[i], mass[i], likely[i], -voters.kind(i), brief[i], -i

        return max(members, key=standing)

    ranked = sorted(groups, key=place)
    first = {group: best(members, mass) for group, members in counted.items()}
    winner, chosen = ranked[0], first[ranked[0]]
    if how == "argmax":
        chosen = best(every, voters.log_odds)
        winner = next(group for group, members in groups.items() if chosen in members)
    candidates = tuple(
        Candidate(str(voters.answers[first[g]]), len(groups[g]), shares[g]) for g in ranked
    )
    return Choice(voters.answers[chosen], chosen, shares[winner], candidates)


def is_settled(
    how: str, voters: Voters, finished: NDArray[np.bool_], threshold: float = 0.95
) -> bool:
    """Whether the leading answer of a vote very probably stays in front until all have finished.

    Each unfinished particle will have one vote. In a weighted vote a finished one has its weight times
    the number of particles that have any. A lead of one vote is none where there are scores, which may
    turn it.

    Args:
        how: "vote" or "weighted-vote".
        voters: the particles so far; answers of unfinished ones are ignored.
        finished: (n,), whether each particle has finished; those without an answer vote for nothing.
        threshold: what `chance_of_staying_ahead` must exceed.
    """
    ended = np.flatnonzero(finished).tolist()
    answered = [i for i in _counted(how, voters, ended) if voters.classes[i] is not None]
    votes = np.ones(finished.size)
    if how != "vote":
        votes = voters.weights * np.count_nonzero(voters.weights)
    counts: dict[int | None, float] = {}
    for i in answered:
        counts[voters.classes[i]] = counts.get(voters.classes[i], 0.0) + float(votes[i])
    leader, second, *_ = sorted([*counts.values(), 0.0, 0.0], reverse=True)
    by = int(how == "vote" and bool(voters.log_odds[answered].any()))  # 0 is without a score
    left = int(np.count_nonzero(~finished))
    return leader > 0 and chance_of_staying_ahead(leader, second, left, by) > threshold


def chance_of_staying_ahead(leader: float, second: float, left: int, by: int = 0) -> float:
    """Probability that the leading answer of a vote is still ahead of the second at the end.

    Those to come vote for one of the two, for the leader with an unknown chance, the same for all,
    whose prior is uniform: its posterior is Beta(leader + 1, second + 1). For many to come it is the
    probability that this chance is above one half (Aggarwal et al., arXiv:2305.11860).

    Args:
        leader: votes for the leader so far, 0 and up.
        second: votes for the answer after it, 0 and up.
        left: the number of votes to come.
        by: the number of votes that a lead must exceed.
    """
    a, b = leader + 1, second + 1
    winning = [k for k in range(left + 1) if leader + k > second + left - k + by + _EPSILON]
    log_ways = [-_log_beta(k + 1, left - k + 1) - math.log(left + 1) for k in winning]
    log_chances = [_log_beta(a + k, b + left - k) - _log_beta(a, b) for k in winning]
    return sum(math.exp(sum(both)) for both in zip(log_ways, log_chances, strict=True))


def _log_beta(a: float, b: float) -> float:
    """Log of the Beta function, for a and b above 0."""
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _counted(how: str, voters: Voters, particles: Sequence[int]) -> list[int]:
    """Those of these particles that have a vote of their own."""
    return voters.distinct(particles) if how == "vote" else list(particles)


def _mass(how: str, voters: Voters) -> Floats:
    """The weight of each particle in a vote, (n,), normalised over those that have one."""
    if how != "vote":
        return voters.weights
    n = len(voters.answers)
    return np.full(n, 1.0 / len(voters.distinct(range(n))))
