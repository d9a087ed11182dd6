"""What came of a problem, and what a reward says of a solution."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pfsolve.particle import Particle
from pfsolve.search.selection import Candidate
from pfsolve.settings import Settings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Solution:
    """What came of a problem, with n particles: fewer than settings allow where it ended early.

    `best` is the particle that the answer is taken from, `text` what it wrote, `steps` that step by step.
    """

    problem: str
    answer: str | None
    agreement: float  # the answer's share of the weight, 0 to 1
    candidates: tuple[Candidate, ...]  # all answers, the heaviest first
    particles: tuple[Particle, ...] = field(repr=False)  # (n,) final population
    weights: tuple[float, ...]  # (n,) of the final population, normalised
    log_evidence: float | None  # None where the method has none
    settings: Settings  # with everything resolved that was left open; they reproduce the result
    seed: int  # the problem's own
    versions: dict[str, str]  # of programs and libraries; sha256 of model files
    tokens: int  # written by the policy
    reward_tokens: int  # read to score them, by whichever model
    seconds: float  # of the search
    load_seconds: float  # of loading the models
    interrupted: bool = False  # whether the user stopped it before its end
    out_of_time: bool = False  # whether its time was up before that: it cannot be reproduced
    redrawn: int = 0  # number of times a dead particle was drawn again
    sandbox_seconds: float = 0.0  # of its programs' runs, all added up; they run beside the search
    chosen: int | None = (
        None  # index of the particle that the answer is taken from, if there is one
    )

    @property
    def best(self) -> Particle | None:
        """The particle that the answer is taken from: the heaviest of those that agree on it."""
        return None if self.chosen is None else self.particles[self.chosen]

    @property
    def text(self) -> str | None:
        """The solution as the policy wrote it, with its LaTeX; of a program its code."""
        return None if self.best is None else self.best.text

    @property
    def steps(self) -> tuple[str, ...]:
        """The texts of its steps, which together are `text`; none without an answer."""
        return () if self.best is None else self.best.texts


@dataclass(frozen=True, slots=True)
class ScoredSolution:
    """What a reward says of a solution of L steps."""

    log_odds: NDArray[np.float64]  # (L,) of the prefix that ends with each step, in [-inf, inf)
    tokens: int  # read for it by the policy and by the reward's own model
    seconds: float
