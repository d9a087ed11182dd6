"""Looks at solutions as a probe does, and keeps all that it might learn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pfsolve.engine.policy import Trace
from pfsolve.lab.training.material import SeenStep
from pfsolve.rewards.base import Prefix
from pfsolve.rewards.probe.features import has_digit

DEPTHS = (1 / 2, 2 / 3, 5 / 6)  # of the layers whose states are kept beside the final ones


@dataclass(slots=True)
class Recording:
    """What a slot has written from the prompt on."""

    steps: list[SeenStep] = field(default_factory=list)
    error: str | None = None  # what its program raised, in one line


@dataclass(slots=True)
class Seen:
    """What a search of n particles has written."""

    recordings: list[Recording]  # (n,) in the end
    dead: list[Recording] = field(default_factory=list)  # those that gave way to new ones


class Recorder:
    """A reward of log-odds 0 that keeps what it has seen of every solution."""

    name = "recorder"
    reserve = 0
    wants_trace = True
    depths: Sequence[float] = DEPTHS
    reads_programs = True
    calibrated = False
    tokens_read = 0

    def __init__(self) -> None:
        self._kept: dict[str, Seen] = {}

    def open(self, problem: str, n: int) -> _RecordingScorer:
        self._kept[problem] = seen = Seen([Recording() for _ in range(n)])
        return _RecordingScorer(seen)

    def failed(self, problem: str, slot: int, error: str) -> None:
        """The program in this slot of the problem's search has raised an error."""
        self._kept[problem].recordings[slot].error = error

    def take(self, problem: str) -> Seen:
        """What the last search on this problem has written; it is not kept any longer."""
        return self._kept.pop(problem, Seen([]))


class _RecordingScorer:
    def __init__(self, seen: Seen) -> None:
        self._seen = seen

    def score(self, prefixes: Sequence[Prefix]) -> NDArray[np.float64]:
        for prefix in prefixes:
            if prefix.trace is None:
                raise TypeError("a recorder needs the trace of every step")
            step = prefix.particle.steps[-1]
            self._seen.recordings[prefix.slot].steps.append(
                seen_step(prefix.trace, step.tokens, step.data)
            )
        return np.zeros(len(prefixes))

    def fork(self, ancestors: NDArray[np.intp]) -> None:
        self._seen.recordings[:] = [
            Recording(list(self._seen.recordings[ancestor].steps))
            for ancestor in ancestors.tolist()
        ]

    def rewind(self, slots: NDArray[np.intp], steps: NDArray[np.intp]) -> None:
        for slot, length in zip(slots.tolist(), steps.tolist(), strict=True):
            recording = self._seen.recordings[slot]
            self._seen.dead.append(recording)
            self._seen.recordings[slot] = Recording(recording.steps[:length])

    def close(self) -> None:
        """Nothing to give back."""


def seen_step(trace: Trace, tokens: Sequence[int], data: bytes) -> SeenStep:
    """What is kept of a step."""
    states = None
    if len(trace.hidden):
        seen = np.concatenate([trace.inner, trace.hidden[:, None]], axis=1)
        states = seen.mean(axis=0, dtype=np.float64).astype(np.float16)
    return SeenStep(
        tokens=np.array(tokens, np.int32),
        data=data,
        sureness=np.array(trace.uncertainties, np.float32).reshape(-1, 3),
        digits=np.array([has_digit(piece) for piece in trace.pieces], bool),
        states=states,
    )
