"""One search as it is asked for, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pfsolve.events.search import SearchListener
from pfsolve.particle import Finish, Kind, Particle
from pfsolve.problems import Problem
from pfsolve.search.log_odds import Floats
from pfsolve.search.requests import FinalPopulation, Search
from pfsolve.search.weights import Weights


@dataclass(frozen=True, slots=True)
class Writer:
    """How the solution in a slot is written."""

    kind: Kind
    prompt: Sequence[int]  # tokens that ask for it; the same of all of one kind
    greedy: bool = False  # whether the likeliest tokens are taken, the first time
    opening: str = ""  # what the prompt has begun of it, as `Particle` has it


@dataclass(frozen=True, slots=True)
class Task:
    """One problem to search."""

    problem: Problem  # as the reward is given it
    writers: Sequence[Writer]  # (n,), of each particle
    seed: int  # of all sampling
    search: Search  # what to do
    listen: SearchListener | None = None  # receives the events of this search
    # Asked after each step with the particles, their log-odds (n,) and normalised weights (n,); once
    # true, the search ends there. None for never.
    settled: Callable[[Sequence[Particle], Floats, Floats], bool] | None = None
    seconds: float | None = (
        None  # from the search's beginning, after which it is cut; None for never
    )


@dataclass(slots=True)
class Counts:
    """What a search has taken so far."""

    tokens: int = 0  # number of tokens written by the policy
    reward_tokens: int = 0  # number of tokens read to score them
    redrawn: int = 0  # number of times that a program that had died was drawn again
    prompt_tokens: int = 0  # number of tokens that ask for solutions, those of each kind once
    prompt_tokens_saved: int = 0  # number of those that the cache held already
    rows_saved: int = 0  # number of tokens decoded in the row of another particle, that was alike


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of one search."""

    particles: tuple[Particle, ...]  # (n,), the last population, without those that never began
    population: FinalPopulation  # its scores and weights
    counts: Counts
    sandbox_seconds: float  # time that programs took, side by side or not
    seconds: float  # from the search's beginning
    cut: Finish | None  # why it was stopped before its own end, INTERRUPTED or OUT_OF_TIME


def those_that_began(
    particles: Sequence[Particle], population: FinalPopulation
) -> tuple[tuple[Particle, ...], FinalPopulation]:
    """Without the particles that have written nothing; those are in waves that were not needed.

    All are left where no other lives: the search was cut before the dead were drawn again.
    """
    slots = [slot for slot, particle in enumerate(particles) if particle.steps]
    if np.isneginf(population.weights.log[slots]).all():
        slots = list(range(len(particles)))
    began = replace(
        population,
        log_odds=population.log_odds[slots],
        weights=Weights(population.weights.log[slots]),
    )
    return tuple(particles[slot] for slot in slots), began
