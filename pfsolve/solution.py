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
    """What came of a problem, with n particles: fewer than settings allow where it ended early."""

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
    interrupted: bool = False
    redrawn: int = 0  # number of times a dead particle was drawn again
    sandbox_seconds: float = 0.0  # of its programs' runs, all added up; they run beside the search


@dataclass(frozen=True, slots=True)
class ScoredSolution:
    """What a reward says of a solution of L steps."""

    log_odds: NDArray[np.float64]  # (L,) of the prefix that ends with each step, in [-inf, inf)
    tokens: int  # read for it by the policy and by the reward's own model
    seconds: float
