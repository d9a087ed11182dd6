"""What happens during a solve, as frozen records of plain values, for whoever watches.

The live table, the plain lines, the run record and the tests all consume this one stream.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class ModelLoaded:
    """A model is ready: on which device, how much memory it and its cache take (bytes)."""

    role: str
    name: str
    device: str
    weight_bytes: int
    cache_bytes: int


@dataclass(frozen=True, slots=True)
class Began:
    """A search starts with n particles; the prompt has been decoded."""

    problem: str
    particles: int
    prompt_tokens: int


@dataclass(frozen=True, slots=True)
class Row:
    """One particle as a watcher sees it.

    weight: share of the population, 0 to 1. score: probability the reward gives its prefix, None
    before the first score. ancestor: slot it was forked from at the last resampling. text: end of its
    text. answer, finish: set once it has finished.
    """

    weight: float
    score: float | None
    steps: int
    tokens: int
    ancestor: int
    text: str
    answer: str | None
    finish: str | None


@dataclass(frozen=True, slots=True)
class Progressed:
    """The population now. tokens: decoded so far by the policy. seconds: since the search began."""

    step: int
    ess: float
    rows: tuple[Row, ...]
    tokens: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Resampled:
    """Before step `step + 1`: particle i continues from ancestors[i]."""

    step: int
    ancestors: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Rewound:
    """Before step `step + 1`: each of these particles goes on from its first steps, so many of them."""

    step: int
    particles: tuple[int, ...]
    steps: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Scored:
    """After step `step`: log-scores (logits) and normalised weights of all particles.

    log_evidence: log of the estimated normalising constant; None where a method has none.
    """

    step: int
    log_scores: tuple[float, ...]
    weights: tuple[float, ...]
    ess: float
    log_evidence: float | None


@dataclass(frozen=True, slots=True)
class Ended:
    """The search is over: final population and totals."""

    rows: tuple[Row, ...]
    tokens: int
    seconds: float


Event: TypeAlias = ModelLoaded | Began | Progressed | Resampled | Rewound | Scored | Ended
Listener: TypeAlias = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class BatchBegan:
    """A file of problems is begun, or gone on with.

    problems: rows this run answers for. done, failed, right, graded: how many of them an earlier run
    settled, without an answer, rightly, and with a known answer to compare.
    """

    problems: int
    done: int = 0
    failed: int = 0
    right: int = 0
    graded: int = 0


@dataclass(frozen=True, slots=True)
class InProblem:
    """Something happened in the search of one problem of a file; several run side by side."""

    id: str
    event: Event


@dataclass(frozen=True, slots=True)
class ProblemEnded:
    """One row of a file is settled.

    correct: None where the file gives no answer. error: why there is no solution, if there is none.
    tokens: written by the policy. seconds: from its beginning to its end.
    """

    id: str
    answer: str | None
    correct: bool | None
    error: str | None
    tokens: int
    seconds: float


@dataclass(frozen=True, slots=True)
class BatchEnded:
    """The run of a file is over, to its end or because the user stopped it."""

    interrupted: bool
    seconds: float


BatchEvent: TypeAlias = ModelLoaded | BatchBegan | InProblem | ProblemEnded | BatchEnded
BatchListener: TypeAlias = Callable[[BatchEvent], None]
