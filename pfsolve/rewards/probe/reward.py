"""`--reward probe`: what the policy's own hidden states say of its solution so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pfsolve.engine.library import Footprint
from pfsolve.errors import ModelFileError
from pfsolve.files import sha256_of
from pfsolve.particle import Kind
from pfsolve.rewards.base import Prefix, Reward, Site, WantedReward
from pfsolve.rewards.probe.features import FINAL, History, Vector, features
from pfsolve.rewards.probe.files import find_head
from pfsolve.rewards.probe.head import HINT, ProbeHead, read_head


class Probe:
    """Log-odds: what the head makes of the prefix's feature vector.

    Args:
        head: linear layers on feature vectors.
        n_embd: width of the policy's hidden states.
        sha256: of the policy's file, None where it is not known.

    Raises:
        ModelFileError: the head was made for another policy.
    """

    name = "probe"
    reserve = 0
    wants_trace = True
    tokens_read = 0

    def __init__(self, head: ProbeHead, n_embd: int, sha256: str | None = None) -> None:
        if head.n_embd != n_embd:
            raise ModelFileError(
                f"the probe was made for hidden states of {head.n_embd} values, and the policy's "
                f"have {n_embd}",
                HINT,
            )
        if None not in (sha256, head.policy_sha256) and sha256 != head.policy_sha256:
            raise ModelFileError(
                f"the probe was made for another policy, {head.about.get('policy', 'unknown')}",
                HINT,
            )
        self.depths: Sequence[float] = inner(head)
        self.reads_programs = Kind.PROGRAM in head.weights
        self._head = head
        self.calibrated = head.about.get("calibrated_within_problems") is True

    def open(self, problem: str, n: int) -> _ProbeScorer:
        return _ProbeScorer(self._head, n)


@dataclass(frozen=True, slots=True)
class FoundProbe:
    """A probe's head that is read."""

    head: ProbeHead  # of the policy
    sha256: str  # of its file
    model: Footprint | None = None

    @property
    def depths(self) -> Sequence[float]:
        return inner(self.head)

    def open(self, site: Site) -> Reward:
        return Probe(self.head, site.cache.model.n_embd, site.policy_sha256)


def find_probe(wanted: WantedReward) -> FoundProbe:
    """Read the head that is wanted: a file's, or that of the policy.

    Raises:
        ModelMissing: the policy has none.
        ModelFileError: the file is not there, or is no head.
    """
    file = find_head(wanted.name, wanted.policy, wanted.environment.config_dir)
    return FoundProbe(read_head(file), sha256_of(file))


def inner(head: ProbeHead) -> tuple[float, ...]:
    """Depths of the inner layers that a head looks at."""
    return tuple(depth for depth in head.depths if depth != FINAL)


class _ProbeScorer:
    """Follows the particles of one search: for each slot its history after each step, forked with it."""

    def __init__(self, head: ProbeHead, n: int) -> None:
        self._head = head
        self._histories: list[tuple[History, ...]] = [(History(),)] * n

    def score(self, prefixes: Sequence[Prefix]) -> NDArray[np.float64]:
        scores = [
            self._head.log_odds(prefix.particle.kind, self._look(prefix)[None])
            for prefix in prefixes
        ]
        return np.concatenate([np.empty(0), *scores])

    def _look(self, prefix: Prefix) -> Vector:
        """The feature vector of a prefix, whose newest step is now part of its slot's history."""
        if prefix.trace is None:
            raise TypeError("a probe needs the trace of every step")
        before = self._histories[prefix.slot][-1]
        vector, history = features(before, prefix.trace, final=FINAL in self._head.depths)
        self._histories[prefix.slot] += (history,)
        return vector

    def fork(self, ancestors: NDArray[np.intp]) -> None:
        self._histories = [self._histories[ancestor] for ancestor in ancestors.tolist()]

    def rewind(self, slots: NDArray[np.intp], steps: NDArray[np.intp]) -> None:
        for slot, length in zip(slots.tolist(), steps.tolist(), strict=True):
            self._histories[slot] = self._histories[slot][: length + 1]

    def close(self) -> None:
        """Nothing to give back."""
