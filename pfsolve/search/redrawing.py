"""Dead particles are drawn again, in any search: an alive particle filter.

    whenever the search extends particles
        extend and score them
        while some of them are dead, and n redraws are not used up
            each dead one continues as a copy of a living one, or returns to the prompt
            extend and score those that lag behind

After Del Moral, Jasra, Lee, Yau, Zhang, "The alive particle filter and its use in particle Markov chain
Monte Carlo", 2015. A filter alone would fill dead slots with copies of the survivors. Copies of finished
ones say nothing new.

Where log-odds are 0 or -inf and the dead return to the prompt, the living are in the end independent
draws from the policy, given that they live. Other log-odds make it an approximation, since the search
takes a redrawn particle for a continuation of the dead one.

The search inside sees its particles live longer, and nothing else: its unfinished particles have all
taken the same number of steps.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeAlias

import numpy as np

from pfsolve.search.requests import Extend, FinalPopulation, Fork, Request, Rewind, Score, Search
from pfsolve.search.resampling import Ancestors
from pfsolve.search.weights import AllParticlesDead, check

Talk: TypeAlias = Generator[Request, Any, None]


def redrawing(search: Search, n: int, rng: np.random.Generator, copies: bool) -> Search:
    """Run a search, and draw its dead particles again.

    Args:
        search: of n particles.
        n: the number of particles, and of the redraws at most; what is dead after that stays dead.
        rng: chooses the particles that are copied.
        copies: whether a dead particle continues as a copy of one that lives, has not finished and has
            just taken the same step, where there is one; otherwise it begins again at the prompt.

    Raises:
        AllParticlesDead: every particle is dead, also where the search itself asks for no scores.
        InvalidLogWeight: a score is NaN or +inf.
    """
    slots, redrawn = _Slots(n), 0
    answer: Any = None
    while True:
        try:
            request = search.send(answer)
        except StopIteration as end:
            population: FinalPopulation = end.value
            return population
        answer = None
        match request:
            case Extend(particles=particles):
                yield from slots.extend(particles)
                redrawn += yield from _redraw(slots, particles, n - redrawn, rng, copies)
                answer = slots.finished[particles]
            case Score(particles=particles):
                answer = slots.log_odds[particles]
            case Fork():
                yield from slots.fork(request)
            case Rewind(particles=particles, steps=steps):
                yield from slots.rewind(particles, steps)
            case _:
                answer = yield request


class _Slots:
    """Particles as they are, which is not always as the search believes.

    A particle that was drawn again may have finished after fewer steps than the one whose place it
    took. The search takes it for one that finished just now. If particle Gibbs comes back to an
    earlier step of it, at which the search takes it for unfinished, it is left as it is, and the
    search learns by its next Extend that it has finished.

    Attributes:
        finished: bool (n,).
        taken: int (n,), the number of steps of each.
        log_odds: (n,), logit of each newest score; 0 at the prompt.
    """

    def __init__(self, n: int) -> None:
        self.finished = np.zeros(n, dtype=np.bool_)
        self.taken = np.zeros(n, dtype=np.intp)
        self.log_odds = np.zeros(n)

    def extend(self, particles: Ancestors) -> Talk:
        """A step and its score for each of these that has not finished."""
        moving = particles[~self.finished[particles]]
        if moving.size:
            self.finished[moving] = yield Extend(moving)
            self.taken[moving] += 1
            self.log_odds[moving] = yield Score(moving)
            check(self.log_odds)

    def fork(self, fork: Fork) -> Talk:
        yield fork
        ancestors = fork.ancestors
        self.finished = self.finished[ancestors]
        self.taken = self.taken[ancestors]
        self.log_odds = self.log_odds[ancestors]

    def rewind(self, particles: Ancestors, steps: Ancestors) -> Talk:
        """Each of these returns to its first steps, if it has more."""
        longer = steps < self.taken[particles]
        if longer.any():
            particles, steps = particles[longer], steps[longer]
            yield Rewind(particles, steps)
            self.finished[particles] = False
            self.taken[particles] = steps
            self.log_odds[particles] = 0.0


def _redraw(
    slots: _Slots, particles: Ancestors, most: int, rng: np.random.Generator, copies: bool
) -> Generator[Request, Any, int]:
    """Draw again those of these particles that have died by the step just taken.

    Args:
        most: the number of redraws that are left.

    Returns:
        The number of redraws.

    Raises:
        AllParticlesDead: all particles are dead after it.
    """
    goal, redrawn = slots.taken.copy(), 0
    while True:
        dead = np.isneginf(slots.log_odds[particles])
        again = particles[dead][: most - redrawn]
        growing = particles[~dead & ~slots.finished[particles]]
        ancestors = np.arange(goal.size)
        for slot in again.tolist() if copies else ():
            peers = growing[slots.taken[growing] == goal[slot]]
            if peers.size:
                ancestors[slot] = peers[rng.integers(peers.size)]
        copied = ancestors[again] != again
        if copied.any():
            yield from slots.fork(Fork(ancestors))
        yield from slots.rewind(again[~copied], np.zeros_like(again[~copied]))
        redrawn += again.size
        alive = ~np.isneginf(slots.log_odds) & ~slots.finished
        behind = particles[(alive & (slots.taken < goal))[particles]]
        if not behind.size:
            break
        yield from slots.extend(behind)
    if np.isneginf(slots.log_odds).all():
        raise AllParticlesDead(f"all {goal.size} particles have weight zero")
    return redrawn
