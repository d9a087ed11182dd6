"""The probe's head: a linear score of a feature vector for each kind of solution, and the file of both."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from pfsolve.errors import ModelFileError, UsageError
from pfsolve.files import replacing
from pfsolve.particle import Kind
from pfsolve.rewards.probe.features import FINAL, FORMAT, NUMBERS

HINT = "`pfsolve reward train` makes one for a policy"


@dataclass(frozen=True, slots=True)
class ProbeHead:
    """Log-odds of a prefix's score from its feature vector, for the kinds of solutions it can read."""

    weights: Mapping[Kind, NDArray[np.float32]]  # by kind, (width,) as wide as a feature vector
    biases: Mapping[Kind, float]  # by kind
    # Depths of the states it looks at, as shares of the model's, in rising order; `FINAL` for the final one.
    depths: tuple[float, ...] = (FINAL,)
    # How it was made, plain JSON values; its "policy_sha256" names the policy it belongs to.
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def policy_sha256(self) -> str | None:
        """The sha256 of the file of the policy it belongs to, None where that is not known."""
        return self.about.get("policy_sha256")

    @property
    def n_embd(self) -> int:
        """Width of the hidden states it was made for."""
        width = next(iter(self.weights.values())).size
        return int((width - NUMBERS) // len(self.depths))

    def log_odds(self, kind: Kind, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """Log-odds (k,) of feature vectors (k, width); 0 for a kind that it cannot read."""
        if kind not in self.weights:
            return np.zeros(len(vectors))
        return np.asarray(vectors @ self.weights[kind] + self.biases[kind], np.float64)

    def save(self, path: Path) -> None:
        """Write it to a file, its weights as float16, so that a head takes kilobytes.

        Raises:
            UsageError: the file cannot be written.
        """
        about = json.dumps(self.about, ensure_ascii=False, sort_keys=True)
        arrays: dict[str, Any] = {
            "format": FORMAT,
            "about": np.array(about),
            "depths": np.array(self.depths),
        }
        for kind, weights in self.weights.items():
            arrays[f"{kind}_weights"] = weights.astype(np.float16)
            arrays[f"{kind}_bias"] = self.biases[kind]
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as file:
                np.savez(file, **arrays)
        except OSError as error:
            raise UsageError(
                f"cannot write {path}: {error.strerror}", "name a file in a folder of yours"
            ) from error


def read_head(path: Path) -> ProbeHead:
    """The head in a file.

    Raises:
        ModelFileError: the file is not there, or is no head.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if int(arrays["format"]) != FORMAT:
                raise ValueError(f"format {int(arrays['format'])}, and this pfsolve reads {FORMAT}")
            about = json.loads(str(arrays["about"]))
            depths = tuple(arrays["depths"].tolist())
            kinds = [kind for kind in Kind if f"{kind}_weights" in arrays.files]
            weights = {kind: arrays[f"{kind}_weights"].astype(np.float32) for kind in kinds}
            biases = {kind: float(arrays[f"{kind}_bias"]) for kind in kinds}
    except FileNotFoundError:
        raise ModelFileError(f"there is no probe {path}", HINT) from None
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise ModelFileError(f"{path} is no probe: {error}", HINT) from None
    if not weights or not depths or not isinstance(about, dict):
        raise ModelFileError(f"{path} is no probe: its parts do not fit", HINT)
    return ProbeHead(weights, biases, depths, about)
