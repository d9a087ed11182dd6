"""What is told while problems are solved: by one search, and by the run of a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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
    # None until it has finished with one; in one spelling for all particles whose answers are equal.
    answer: str | None
    finish: str | None  # why it takes no further step; None while it does
    kind: str = "text"  # or "program"
    error: str | None = None  # why it failed, in one line; None unless it is a program that did
    writes: bool = False  # its next step; else it waits for those that do, or has finished


@dataclass(frozen=True, slots=True)
class StepWritten:
    """m particles have taken a step, whose programs have yet to run; the others wait, or have finished."""

    step: int  # number of steps taken so far
    particles: tuple[int, ...]  # (m,), slots
    texts: tuple[str, ...]  # (m,), of the step alone
    tokens: tuple[int, ...]  # (m,), of the step alone
    finishes: tuple[str | None, ...]  # (m,), why each takes no further step; None while it does
    kinds: tuple[str, ...]  # (m,), "text" or "program"


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


SearchEvent: TypeAlias = (
    Began | StepWritten | Progressed | Resampled | Rewound | StepScored | ProgramRan | Ended
)
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


ManyEvent: TypeAlias = ManyBegan | InProblem | ProblemEnded | ManyEnded
