"""What happens during a solve, as frozen records of plain values, for whoever watches.

The live table, the plain lines, the run record and the tests all consume this one stream.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
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
class ParticleRow:
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
    rows: tuple[ParticleRow, ...]
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
class StepScored:
    """After step `step`: log-odds (logits) and normalised weights of all particles.

    log_evidence: log of the estimated normalising constant; None where a method has none.
    """

    step: int
    log_odds: tuple[float, ...]
    weights: tuple[float, ...]
    ess: float
    log_evidence: float | None


@dataclass(frozen=True, slots=True)
class Ended:
    """The search is over: final population and totals."""

    rows: tuple[ParticleRow, ...]
    tokens: int
    seconds: float


SearchEvent: TypeAlias = Began | Progressed | Resampled | Rewound | StepScored | Ended
SearchListener: TypeAlias = Callable[[SearchEvent], None]


@dataclass(frozen=True, slots=True)
class ManyBegan:
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
    event: SearchEvent


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
class ManyEnded:
    """The run of a file is over, to its end or because the user stopped it."""

    interrupted: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class DownloadWaits:
    """Another process is fetching the same model."""

    name: str


@dataclass(frozen=True, slots=True)
class PlaceChosen:
    """A place is about to be asked. `total` is None while nobody knows the size of the file."""

    name: str
    place: str
    done: int
    total: int | None


@dataclass(frozen=True, slots=True)
class PlaceRefused:
    """A place did not give the file."""

    name: str
    place: str
    reason: str


@dataclass(frozen=True, slots=True)
class BytesCame:
    """`done` of `total` bytes are there."""

    name: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Checking:
    """The file is being hashed."""

    name: str


@dataclass(frozen=True, slots=True)
class DownloadEnded:
    """The file is whole and good."""

    name: str
    path: Path
    bytes: int


@dataclass(frozen=True, slots=True)
class Converting:
    """A checkpoint of so many `bytes` at `where` is about to be converted."""

    name: str
    where: str
    bytes: int


@dataclass(frozen=True, slots=True)
class ReadsLike:
    """A checkpoint is being converted that reads a solution as the known model `like` does."""

    name: str
    like: str


@dataclass(frozen=True, slots=True)
class HeadWritten:
    """The head of a process reward model is there."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class Copying:
    """File `number` of `count` of a checkpoint is next."""

    name: str
    file: str
    number: int
    count: int


@dataclass(frozen=True, slots=True)
class Quantizing:
    """llama.cpp is about to make the file smaller; progress then is that of the new file."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Converted:
    """The GGUF is whole."""

    name: str
    path: Path
    bytes: int


@dataclass(frozen=True, slots=True)
class Scoring:
    """done of total solutions, failed ones included; scored: by this run, in so many tokens and seconds."""

    done: int
    total: int
    scored: int
    tokens: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Collecting:
    """Of a file's `total` rows `done` need no more work; this run has worked on `worked` of them.

    solves: whether the policy solves them, or reads what is given. tokens: written or read by this
    run, in so many seconds.
    """

    file: str
    solves: bool
    done: int
    total: int
    worked: int
    tokens: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Fitting:
    """done of total heads have been fitted, to choose among them."""

    done: int
    total: int


Event: TypeAlias = (
    ModelLoaded
    | SearchEvent
    | ManyBegan
    | InProblem
    | ProblemEnded
    | ManyEnded
    | DownloadWaits
    | PlaceChosen
    | PlaceRefused
    | BytesCame
    | Checking
    | DownloadEnded
    | Converting
    | ReadsLike
    | HeadWritten
    | Copying
    | Quantizing
    | Converted
    | Scoring
    | Collecting
    | Fitting
)
Listener: TypeAlias = Callable[[Event], None]


def ignore(event: Event) -> None:
    """A listener that does not care."""
