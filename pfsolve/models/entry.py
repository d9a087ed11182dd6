"""One model: what its file must be, and the places that have it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pfsolve.models.place import Place

# Kinds of GGUF that pfsolve makes, as llama.cpp names them, and the bits of a number in each, for
# estimates of a file's size.
GGUF_KINDS = {"F16": 16.0, "Q8_0": 8.5, "Q4_K_M": 4.9}


@dataclass(frozen=True)
class HubSource:
    """A checkpoint on the Hub that must be converted before llama.cpp can run it."""

    repo: str
    revision: str


@dataclass(frozen=True)
class PrmSpec:
    """How a process reward model reads a solution, and how the score is read from it.

    A solution is read as `opening`, marker, `following`, marker, and so on. Each piece is tokenised
    alone. A piece with a placeholder is plain text; one without belongs to the template, and its
    control tokens count. The score of a prefix is read at its last token: the marker's last one, or
    the step's where there is no marker.

    opening: pieces before the first marker, with {problem} and the first {step}.
    following: pieces between two markers, with the next {step}.
    marker: what follows each step: a token's id, a text, or None.
    positive, negative: ids of the two tokens whose logits differ by the log-odds; or else
    head: names of linear layers, with ReLU between them, that turn the final-norm hidden state into
        the log-odds: z1 - z0 of two values, or the one value itself.
    lines: a step is tokenised line by line, and the marker follows each line.
    """

    opening: tuple[str, ...]
    following: tuple[str, ...]
    marker: int | str | None = None
    positive: int | None = None
    negative: int | None = None
    head: tuple[str, ...] = ()
    lines: bool = False


@dataclass(frozen=True)
class ProgramSpec:
    """How a policy writes programs.

    share: of the particles that write programs, 0 to 1, where settings leave it open.
    temperature: the policy's own sampling temperature for programs; None for the usual one.
    system: its system prompt for programs; None for the usual one.
    opening: how its turn begins, up to the fence that opens the block of code; None for the usual one.
    """

    share: float = 0.0
    temperature: float | None = None
    system: str | None = None
    opening: str | None = None


@dataclass(frozen=True)
class ModelEntry:
    """What models.toml says of one model: a policy, or a process reward model.

    The file comes from `places`, or else is converted from `source`.

    name: what the user calls it; lower case.
    kind: "policy" or "prm".
    file: its name on disk.
    places: where it is fetched from, tried in this order.
    description: half a line for `pfsolve models show`.
    bytes: exact size; None where only the place can tell.
    bytes_approximate: size to show, and to compare with the free disk; never used as a check.
    sha256: 64 hexadecimal digits; None where only the place can tell.
    licence: its short name.
    parameters: number of weights.
    context: longest text that it was trained on, in tokens.
    cell_bytes: bytes of K and V of one token, in float16, over all layers.
    chat_format: "chatml" or "llama3"; a policy's.
    temperature, top_p, top_k, min_p: the policy's own sampling; None for the usual one.
    system: the policy's own system prompt; None for the usual one.
    usual_step: median number of tokens in a step of the policy's solutions; None where it is not known.
    thinking: whether a policy that can think before it answers is let do so.
    programs: how it writes programs; None where nothing is known, and for a process reward model.
    prm: how it reads solutions; None for a policy.
    source: the checkpoint to convert.
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
    cell_bytes: int | None = None
    chat_format: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    system: str | None = None
    usual_step: int | None = None
    thinking: bool = False
    programs: ProgramSpec | None = None
    prm: PrmSpec | None = None
    source: HubSource | None = None

    @property
    def size(self) -> int | None:
        """Bytes of the file, exact if known, else approximate."""
        return self.bytes if self.bytes is not None else self.bytes_approximate

    def contradiction(self, size: int | None, sha256: str | None) -> str | None:
        """How a file of this size and hash differs from the model's; None where nothing is known."""
        if self.sha256 and sha256 and sha256 != self.sha256:
            return f"sha256 {sha256}, not {self.sha256}"
        if self.bytes is not None and size is not None and size != self.bytes:
            return f"{size} bytes, not {self.bytes}"
        return None


def head_file(gguf: Path) -> Path:
    """Where the head of a process reward model lies: beside its GGUF, which cannot hold it."""
    return gguf.with_name(f"{gguf.stem}.head.safetensors")


def spec_file(gguf: Path) -> Path:
    """Where the `PrmSpec` of a user's own GGUF lies: beside it, with the keys of [models.prm]."""
    return gguf.with_name(f"{gguf.stem}.prm.toml")
