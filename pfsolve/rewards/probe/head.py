"""The probe's head: a few linear layers on a feature vector, and the file they are kept in."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from pfsolve.errors import ModelFileError, UsageError
from pfsolve.files import replacing
from pfsolve.rewards.probe.features import FORMAT, NUMBERS

HINT = "`pfsolve reward train` makes one for a policy"


@dataclass(frozen=True, slots=True)
class ProbeHead:
    """Log-odds of a prefix's score from its feature vector: linear layers with tanh between them."""

    # Weights (out, in) and biases (out,); the first is as wide as a feature vector of the policy, the
    # last has one output.
    layers: tuple[tuple[NDArray[np.float32], NDArray[np.float32]], ...]
    # How it was made, plain JSON values; its "policy_sha256" names the policy it belongs to.
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def policy_sha256(self) -> str | None:
        """The sha256 of the file of the policy it belongs to, None where that is not known."""
        return self.about.get("policy_sha256")

    @property
    def n_embd(self) -> int:
        """Width of the hidden states it was made for."""
        return int(self.layers[0][0].shape[1] - NUMBERS)

    def log_odds(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """Log-odds (k,) of feature vectors (k, width)."""
        return forward(self.layers, vectors)[:, 0].astype(np.float64)

    def calibrated(self, slope: float, offset: float) -> ProbeHead:
        """The head whose log-odds are slope * log_odds + offset."""
        weight, bias = self.layers[-1]
        last = (np.float32(slope) * weight, np.float32(slope) * bias + np.float32(offset))
        return replace(self, layers=(*self.layers[:-1], last))

    def save(self, path: Path) -> None:
        """Write it to a file, its weights as float16, so that a head takes kilobytes.

        Raises:
            UsageError: the file cannot be written.
        """
        about = json.dumps(self.about, ensure_ascii=False, sort_keys=True)
        arrays: dict[str, Any] = {"format": FORMAT, "about": np.array(about)}
        for number, (weight, bias) in enumerate(self.layers):
            arrays[f"weight{number}"] = weight.astype(np.float16)
            arrays[f"bias{number}"] = bias
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as file:
                np.savez(file, **arrays)
        except OSError as error:
            raise UsageError(
                f"cannot write {path}: {error.strerror}", "name a file in a folder of yours"
            ) from error


def forward(
    layers: Iterable[tuple[NDArray[Any], NDArray[Any]]], values: NDArray[Any]
) -> NDArray[Any]:
    """Linear layers, weights (out, in) and biases (out,), applied to (k, in), with tanh between."""
    for number, (weight, bias) in enumerate(layers):
        values = (np.tanh(values) if number else values) @ weight.T + bias
    return values


def read_head(path: Path) -> ProbeHead:
    """The head in a file.

    Raises:
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
        raise ModelFileError(f"there is no probe {path}", HINT) from None
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise ModelFileError(f"{path} is no probe: {error}", HINT) from None
    if not layers or layers[-1][0].shape[0] != 1 or not isinstance(about, dict):
        raise ModelFileError(f"{path} is no probe: its layers do not fit", HINT)
    return ProbeHead(layers, about)
