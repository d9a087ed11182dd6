"""The contract of a reward: from a prefix of a solution to the log-odds of its score.

A reward serves many searches. For each it opens a `Scorer`, which hears of every fork, so that one
with a model and a cache of its own can keep a sequence per particle and read each token once.

A reward that settings can name also says what it needs before it is opened: its kind finds the files,
and what it found (`FoundReward`) tells the memory they take and opens them. `pfsolve.rewards.kinds` is
the table of kinds; tests/laws.py holds what any reward must satisfy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pfsolve.engine.cache import Cache
from pfsolve.engine.chat import Chat
from pfsolve.engine.library import Footprint
from pfsolve.engine.policy import Branch, Trace
from pfsolve.environment import Environment
from pfsolve.events import Listener
from pfsolve.particle import Particle

# Log of a probability that was 1 to the last digit: its logit would be infinite.
SUREST = -1e-9


@dataclass(frozen=True, slots=True)
class Prefix:
    """A partial solution to be scored."""

    slot: int  # index of the particle in its population, the same that `Scorer.fork` speaks of
    particle: Particle  # its steps, the last of them new
    branch: Branch  # its place in the policy's cache, to be left as it was found
    trace: Trace | None  # of the newest step, where the reward `wants_trace`


class Scorer(Protocol):
    """Scores the prefixes of one search, which has a fixed number of particles, n."""

    def score(self, prefixes: Sequence[Prefix]) -> NDArray[np.float64]:
        """Log-odds of each prefix's score, shape (len(prefixes),), in [-inf, inf).

        Each prefix is the one last scored in its slot, or forked into it, or what that was rewound
        to, plus one step.
        """

    def fork(self, ancestors: NDArray[np.intp]) -> None:
        """Slot i continues as a copy of slot ancestors[i], shape (n,)."""

    def rewind(self, slots: NDArray[np.intp], steps: NDArray[np.intp]) -> None:
        """Each of these slots, (k,), goes back to its prefix of that number of steps, (k,); 0: to none.

        A scorer that reads every prefix against what it holds already need do nothing; one that adds
        up what it was given step by step must keep a sum for each step.
        """

    def close(self) -> None:
        """The search is over: give back what was held for it; twice does no harm."""


class Reward(Protocol):
    """What scores the prefixes of every search.

    Attributes:
        name: as results and errors call it.
        reserve: number of tokens of a particle's context that scoring needs for itself.
        wants_trace: whether prefixes must carry the trace of their newest step.
        depths: of the layers whose output a trace must hold too, as shares of the model's depth; for a
            reward of the caller's own, others say it as they are found.
        reads_programs: whether it can tell good programs from bad ones; those of a reward that
            cannot all have log-odds 0 while they are alive.
        calibrated: whether it has been measured that, among the solutions of one problem, differences of
            its log-odds are those of the chance to come out right; else no vote is weighted by them
            unless the settings say so.
        tokens_read: number of tokens decoded for scoring so far, in whichever model; never falls.
    """

    name: str
    reserve: int
    wants_trace: bool
    depths: Sequence[float]
    reads_programs: bool
    calibrated: bool

    @property
    def tokens_read(self) -> int: ...

    def open(self, problem: str, n: int) -> Scorer:
        """A scorer for a search of n particles on this problem.

        Raises:
            ProblemTooLong: the problem leaves no room for a solution.
        """


@dataclass(frozen=True, slots=True)
class WantedReward:
    """A reward that settings name, before anything of it has been looked for."""

    name: str  # as the settings have it
    policy: str  # name of the policy whose solutions it is to score
    environment: Environment  # where files are
    offline: bool  # whether the network is not to be used
    listen: Listener  # hears of downloads


@dataclass(frozen=True, slots=True)
class Site:
    """Where a reward is opened: beside a loaded policy."""

    cache: Cache  # of the policy's model
    chat: Chat  # the policy's chat format
    policy_sha256: str | None  # of the policy's file, None where it is not known
    sequences: int  # number of particles of all searches that run side by side
    context: int  # number of tokens that one particle may hold in the policy's cache
    threads: int  # number of CPU threads
    gpu_layers: int | None  # layers to offload; None for all where the build can
    aggregate: str  # how scores of steps become a prefix's, one of `settings.AGGREGATIONS`
    models: ExitStack  # closes what the reward opens, together with the policy
    listen: Listener  # hears of each model that is loaded


class FoundReward(Protocol):
    """A reward whose files, if it needs any, are on this disk.

    Attributes:
        sha256: of what decides its scores besides the policy; None where there is nothing.
        model: what it loads beside the policy; None where there is nothing.
        depths: as a `Reward`'s.
    """

    @property
    def sha256(self) -> str | None: ...

    @property
    def model(self) -> Footprint | None: ...

    @property
    def depths(self) -> Sequence[float]: ...

    def open(self, site: Site) -> Reward:
        """The reward, ready to score; what it loads is closed by `site.models`.

        Raises:
            ModelFileError: a file of it cannot be used, or not with this policy.
            ResourceError: there is too little memory.
        """


# Finds a reward of one kind, and fetches what is missing.
RewardKind: TypeAlias = Callable[[WantedReward], FoundReward]


@dataclass(frozen=True, slots=True)
class NoFiles:
    """A `FoundReward` that needs nothing but the policy."""

    make: Callable[[Site], Reward]  # opens it
    sha256: str | None = None
    model: Footprint | None = None
    depths: Sequence[float] = ()

    def open(self, site: Site) -> Reward:
        return self.make(site)


def distinct(prefixes: Sequence[Prefix]) -> tuple[list[Prefix], NDArray[np.intp]]:
    """The different ones among prefixes, token by token, and for each prefix, shape (k,), which it is.

    Copies of a particle often write the same next step, and that need not be scored twice.
    """
    numbers: dict[tuple[tuple[int, ...], ...], int] = {}
    found: list[Prefix] = []
    which = np.empty(len(prefixes), dtype=np.intp)
    for i, prefix in enumerate(prefixes):
        tokens = tuple(step.tokens for step in prefix.particle.steps)
        if tokens not in numbers:
            numbers[tokens] = len(found)
            found.append(prefix)
        which[i] = numbers[tokens]
    return found, which


class Memoryless:
    """Base of rewards that keep nothing between calls: one object is every search's scorer."""

    name = ""
    reserve = 0
    wants_trace = False
    depths: Sequence[float] = ()
    reads_programs = False
    calibrated = False
    tokens_read = 0

    def score(self, prefixes: Sequence[Prefix]) -> NDArray[np.float64]:
        raise TypeError(f"{type(self).__name__} does not say how it scores")

    def open(self, problem: str, n: int) -> Scorer:
        return self

    def fork(self, ancestors: NDArray[np.intp]) -> None:
        """Nothing to move."""

    def rewind(self, slots: NDArray[np.intp], steps: NDArray[np.intp]) -> None:
        """Nothing to forget."""

    def close(self) -> None:
        """Nothing to give back."""


class Uniform(Memoryless):
    """`--reward none`: log-odds 0 for every prefix, so that the filter becomes plain sampling."""

    name = "none"

    def score(self, prefixes: Sequence[Prefix]) -> NDArray[np.float64]:
        return np.zeros(len(prefixes))
