"""The probe's head: a few linear layers on a feature vector, and the file they are kept in."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from pfsolve.errors import ModelFileError
from pfsolve.rewards.probe.features import NUMBERS

FORMAT = 1

_HINT = "`pfsolve reward train` makes one for a policy"


@dataclass(frozen=True, slots=True)
class ProbeHead:
    """Logit of a prefix's score from its feature vector: linear layers with tanh between them.

    layers: weights (out, in) and biases (out,), float32; the first is as wide as a feature vector of
    the policy, the last has one output. about: who made it and how, plain JSON values; its
    "policy_sha256" names the policy it belongs to.
    """

    layers: tuple[tuple[NDArray[np.float32], NDArray[np.float32]], ...]
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def n_embd(self) -> int:
        """Width of the hidden states it was made for."""
        return int(self.layers[0][0].shape[1] - NUMBERS) // 3

    def log_scores(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """Logits (k,) of feature vectors (k, width)."""
        values = vectors
        for number, (weight, bias) in enumerate(self.layers):
            values = (np.tanh(values) if number else values) @ weight.T + bias
        return values[:, 0].astype(np.float64)

    def calibrated(self, slope: float, offset: float) -> ProbeHead:
        """The head whose logits are slope * logit + offset."""
        weight, bias = self.layers[-1]
        last = (np.float32(slope) * weight, np.float32(slope) * bias + np.float32(offset))
        return replace(self, layers=(*self.layers[:-1], last))

    def save(self, path: Path) -> None:
        """Write it; weights as float16, so that a head takes kilobytes."""
        about = json.dumps(self.about, ensure_ascii=False, sort_keys=True)
        arrays: dict[str, Any] = {"format": FORMAT, "about": np.array(about)}
        for number, (weight, bias) in enumerate(self.layers):
            arrays[f"weight{number}"] = weight.astype(np.float16)
            arrays[f"bias{number}"] = bias
        np.savez(path, **arrays)


def read_head(path: Path) -> ProbeHead:
    """Raises:
    ModelFileError: the file is not there, or is no head.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if int(arrays["format"]) != FORMAT:
                raise ValueError(f"format {int(arrays['format'])}")
            about = json.loads(str(arrays["about"]))
            count = sum(name.startswith("weight") for name in arrays.files)
            layers = tuple(
                (arrays[f"weight{n}"].astype(np.float32), arrays[f"bias{n}"].astype(np.float32))
                for n in range(count)
            )
    except FileNotFoundError:
        raise ModelFileError(f"there is no probe {path}", _HINT) from None
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise ModelFileError(f"{path} is no probe: {error}", _HINT) from None
    if not layers or layers[-1][0].shape[0] != 1 or not isinstance(about, dict):
        raise ModelFileError(f"{path} is no probe: its layers do not fit", _HINT)
    return ProbeHead(layers, about)


def fingerprint(path: Path) -> str:
    """sha256 of a head's file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
