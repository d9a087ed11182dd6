"""What is told of all other work: models fetched, loaded and converted, training, the sandbox built."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

# --- the machine ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Examining:
    """A check of this machine begins, which tells nothing until it is over."""

    what: str


# --- models ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Trying:
    """A model file that no known hash vouches for is about to be tried in a process of its own, once."""

    name: str


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
    """The policy solves the problems of a file, to be learned from."""

    file: str  # its name
    done: int  # rows that need no more work
    total: int  # rows
    worked: int  # rows this run has worked on
    tokens: int  # written by this run
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


ModelEvent: TypeAlias = Trying | Loading | ModelLoaded
DownloadEvent: TypeAlias = (
    PolicyChosen | DownloadWaits | PlaceChosen | PlaceRefused | BytesCame | Checking | DownloadEnded
)
ConvertEvent: TypeAlias = Converting | ReadsLike | HeadWritten | Copying | Quantizing | Converted
LabEvent: TypeAlias = Scoring | Collecting | Fitting | Examining
SandboxEvent: TypeAlias = SandboxWaits | SandboxBuilding | SandboxBuilt | ProgramsMissing
