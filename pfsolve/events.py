"""All that can be heard while models are fetched, loaded, trained and solve: frozen records of plain values.

The display, the run records and the tests listen to this one stream.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

# --- one search -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Began:
    """A search starts; its prompt has been decoded."""

    problem: str  # its text
    particles: int  # number of them, n
    prompt_tokens: int


@dataclass(frozen=True, slots=True)
class ParticleRow:
    """One particle as a watcher sees it."""

    weight: float  # share of the population's weight, 0 to 1
    log_odds: float | None  # of its prefix; -inf for a dead one, None where there is no score
    steps: int
    tokens: int
    text: str  # the end of its text, or of its code
    answer: str | None  # None until it has finished with one
    finish: str | None  # why it takes no further step; None while it does
    kind: str = "text"  # or "program"
    error: str | None = None  # why it failed, in one line; None unless it is a program that did
    writes: bool = False  # its next step; else it waits for those that do, or has finished


@dataclass(frozen=True, slots=True)
class Progressed:
    """The population now; it comes several times a step."""

    step: int  # number of steps taken so far
    ess: float  # effective sample size, 1 to n
    rows: tuple[ParticleRow, ...]  # (n,), by slot
    tokens: int  # written so far
    seconds: float  # since the search began


@dataclass(frozen=True, slots=True)
class Resampled:
    """Between `step` and the next one, particle i continues from ancestors[i]."""

    step: int
    ancestors: tuple[int, ...]  # (n,), slots
    weights: tuple[float, ...]  # (n,), normalised, from now on; those that took part are equal


@dataclass(frozen=True, slots=True)
class Rewound:
    """Between `step` and the next one, these particles drop all but their first steps."""

    step: int
    particles: tuple[int, ...]  # (m,), slots
    steps: tuple[int, ...]  # (m,), number of steps that each keeps


@dataclass(frozen=True, slots=True)
class StepScored:
    """A step of all particles has been scored, and their weights follow from it."""

    step: int
    log_odds: tuple[float, ...]  # (n,), logits of the scores
    weights: tuple[float, ...]  # (n,), normalised: their sum is 1
    ess: float  # of these weights, 1 to n
    # Log of the estimated normalising constant; None if a method has none.
    log_evidence: float | None


@dataclass(frozen=True, slots=True)
class ProgramRan:
    """A particle's program has run to its end, or its code so far has failed."""

    step: int  # number of steps taken so far
    particle: int  # its slot
    error: str | None  # what it raised, in one line; None if it ran to its end
    output: str  # all it printed


@dataclass(frozen=True, slots=True)
class Ended:
    """A search is over."""

    rows: tuple[ParticleRow, ...]  # (n,), the final population
    tokens: int  # written in all
    seconds: float  # since the search began


SearchEvent: TypeAlias = Began | Progressed | Resampled | Rewound | StepScored | ProgramRan | Ended
SearchListener: TypeAlias = Callable[[SearchEvent], None]

# --- a file of problems ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ManyBegan:
    """The run of a file begins, or resumes an earlier one, which has settled some of its problems."""

    problems: int  # rows this run answers for
    done: int = 0  # of them, settled earlier
    failed: int = 0  # of those, without an answer
    right: int = 0  # of those, answered rightly
    graded: int = 0  # of those, with a known answer to compare with


@dataclass(frozen=True, slots=True)
class InProblem:
    """Something has happened in the search of one problem; several run side by side."""

    id: str  # the problem's
    event: SearchEvent


@dataclass(frozen=True, slots=True)
class ProblemEnded:
    """One row of a file is settled."""

    id: str  # the problem's
    answer: str | None
    correct: bool | None  # None where the file gives no answer
    error: str | None  # why there is no solution, if there is none
    tokens: int  # written by the policy
    seconds: float  # from its beginning to its end


@dataclass(frozen=True, slots=True)
class ManyEnded:
    """The run of a file is over."""

    interrupted: bool  # the user has stopped it before its end
    seconds: float  # since it began


# --- models ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Loading:
    """A model is about to be loaded, by one call that tells nothing until it is over."""

    role: str  # "policy" or "reward"
    name: str


@dataclass(frozen=True, slots=True)
class ModelLoaded:
    """A model is ready."""

    role: str  # "policy" or "reward"
    name: str
    device: str  # that computes it
    weight_bytes: int  # memory for its weights
    cache_bytes: int  # memory for its cache; 0 where it has none of its own


@dataclass(frozen=True, slots=True)
class PolicyChosen:
    """No policy was named, and no default is on this disk: this one is about to be fetched."""

    name: str  # the model's, here and in all that follow
    reason: str  # in one line


@dataclass(frozen=True, slots=True)
class DownloadWaits:
    """Another process is fetching the same model."""

    name: str


@dataclass(frozen=True, slots=True)
class PlaceChosen:
    """A place is about to be asked for a file."""

    name: str
    place: str
    done: int  # bytes that are here already
    total: int | None  # bytes; None while nobody knows the size of the file


@dataclass(frozen=True, slots=True)
class PlaceRefused:
    """A place did not give the file."""

    name: str
    place: str
    reason: str


@dataclass(frozen=True, slots=True)
class BytesCame:
    """More of a file is there."""

    name: str
    done: int  # bytes
    total: int  # bytes
    stage: str = (
        ""  # what has been done with them, where they have not just been fetched: "unpacked"
    )


@dataclass(frozen=True, slots=True)
class Checking:
    """A file is being hashed."""

    name: str


@dataclass(frozen=True, slots=True)
class DownloadEnded:
    """A file is complete, and its hash is right."""

    name: str
    path: Path
    bytes: int  # its size


@dataclass(frozen=True, slots=True)
class Converting:
    """A checkpoint is about to be converted."""

    name: str
    where: str  # the checkpoint is
    bytes: int  # its size


@dataclass(frozen=True, slots=True)
class ReadsLike:
    """The checkpoint that is being converted reads a solution as a known model does."""

    name: str
    like: str  # name of the known model


@dataclass(frozen=True, slots=True)
class HeadWritten:
    """The head of a process reward model is there."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class Copying:
    """A file of a checkpoint is next."""

    name: str
    file: str
    number: int  # the file's, 1 to count
    count: int  # files in all


@dataclass(frozen=True, slots=True)
class Quantizing:
    """llama.cpp is about to make the file smaller; `BytesCame` then tells of the new file."""

    name: str
    kind: str  # such as Q8_0


@dataclass(frozen=True, slots=True)
class Converted:
    """The GGUF is complete."""

    name: str
    path: Path
    bytes: int  # its size


# --- rewards: scoring and training ----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scoring:
    """A reward scores solutions."""

    done: int  # solutions, those that failed and those of earlier runs included
    total: int  # solutions
    scored: int  # solutions, by this run
    tokens: int  # read by this run
    seconds: float  # this run took for them


@dataclass(frozen=True, slots=True)
class Collecting:
    """The policy solves the problems of a file, or reads the solutions in it, to be learned from."""

    file: str  # its name
    solves: bool  # else it reads what is given
    done: int  # rows that need no more work
    total: int  # rows
    worked: int  # rows this run has worked on
    tokens: int  # written or read by this run
    seconds: float  # this run took for them


@dataclass(frozen=True, slots=True)
class Fitting:
    """Heads are fitted, to choose among them."""

    done: int  # heads
    total: int  # heads


# --- programs --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SandboxWaits:
    """Another process is building the sandbox of programs."""


@dataclass(frozen=True, slots=True)
class SandboxBuilding:
    """The sandbox of programs is being built, which is done once on a machine."""

    stage: str  # what is being made now, in words
    number: int  # the stage's, 1 to count
    count: int  # stages in all


@dataclass(frozen=True, slots=True)
class SandboxBuilt:
    """The sandbox of programs is complete."""

    path: Path  # of its machine code
    bytes: int  # the file's size
    seconds: float  # the building took


@dataclass(frozen=True, slots=True)
class ProgramsMissing:
    """No program can run here, so that all particles write texts."""

    reason: str  # in one line


ManyEvent: TypeAlias = ManyBegan | InProblem | ProblemEnded | ManyEnded
DownloadEvent: TypeAlias = (
    PolicyChosen | DownloadWaits | PlaceChosen | PlaceRefused | BytesCame | Checking | DownloadEnded
)
ConvertEvent: TypeAlias = Converting | ReadsLike | HeadWritten | Copying | Quantizing | Converted
LabEvent: TypeAlias = Scoring | Collecting | Fitting
SandboxEvent: TypeAlias = SandboxWaits | SandboxBuilding | SandboxBuilt | ProgramsMissing
Event: TypeAlias = (
    Loading
    | ModelLoaded
    | SearchEvent
    | ManyEvent
    | DownloadEvent
    | ConvertEvent
    | LabEvent
    | SandboxEvent
)
Listener: TypeAlias = Callable[[Event], None]


def ignore(event: Event) -> None:
    """A listener that does nothing."""
