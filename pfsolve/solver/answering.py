"""From a population to the answer it stands for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from itertools import compress

import numpy as np

from pfsolve.answers import group_equivalent
from pfsolve.particle import Finish, Kind, Particle, first_alike
from pfsolve.search.log_odds import Floats
from pfsolve.search.selection import Voters, is_settled, select
from pfsolve.settings import Settings
from pfsolve.solution import Solution
from pfsolve.solver.task import Outcome, Task


def answer_is_settled(
    final: str, particles: Sequence[Particle], log_odds: Floats, weights: Floats
) -> bool:
    """Whether the particles that are still under way will hardly change the answer.

    So it is too once both kinds of solutions have come to an answer, and all to the same
    (arXiv:2604.17433).

    Args:
        final: how the answer is chosen, one of `pfsolve.settings.FINAL`.
        log_odds: of the newest scores, (n,).
        weights: normalised, (n,).
    """
    voters = voters_of(particles, log_odds, weights)
    answered = {particle.kind for particle in particles if particle.answer is not None}
    if len(answered) > 1 and len(set(voters.classes) - {None}) == 1:
        return True
    return is_settled(final, voters, np.array([each.finish is not None for each in particles]))


def voters_of(particles: Sequence[Particle], log_odds: Floats, weights: Floats) -> Voters:
    """What a vote of particles goes by, from their log-odds and weights, each (n,)."""
    answers = [particle.answer for particle in particles]
    return Voters(
        answers,
        group_equivalent(answers),
        log_odds,
        weights,
        kinds=[int(particle.kind is Kind.PROGRAM) for particle in particles],
        lengths=[particle.n_tokens for particle in particles],
        alike=first_alike(particles),
    )


def solution_of(
    task: Task, outcome: Outcome, settings: Settings, versions: dict[str, str], load_seconds: float
) -> Solution:
    """The solution that a search has come to.

    Particles that were not needed any more have no say: to count them against the answer would make
    an early end look like doubt.

    Args:
        settings: with everything decided that was left open.
        versions: of all that the result depends on.
        load_seconds: time that loading the models took.
    """
    population = outcome.population
    weights = population.weights.normalised
    needed = np.array([particle.finish is not Finish.SETTLED for particle in outcome.particles])
    share = weights[needed].sum()
    voters = list(compress(outcome.particles, needed))
    shares = weights[needed] / share if share > 0 else weights[needed]
    choice = select(
        settings.final or "vote", voters_of(voters, population.log_odds[needed], shares)
    )
    return Solution(
        problem=task.problem.text,
        answer=choice.answer,
        agreement=choice.agreement,
        candidates=choice.candidates,
        particles=outcome.particles,
        weights=tuple(weights.tolist()),
        log_evidence=population.log_evidence,
        settings=settings,
        seed=task.seed,
        versions=versions,
        **asdict(outcome.counts),
        sandbox_seconds=outcome.sandbox_seconds,
        seconds=outcome.seconds,
        load_seconds=load_seconds,
        interrupted=outcome.cut is Finish.INTERRUPTED,
        out_of_time=outcome.cut is Finish.OUT_OF_TIME,
        chosen=None if choice.chosen is None else int(np.flatnonzero(needed)[choice.chosen]),
    )
