"""The probe's head: a linear score of a feature vector for each kind of solution, and the file of both."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pfsolve.errors import ModelFileError, UsageError
from pfsolve.files import replacing
from pfsolve.particle import Kind
from pfsolve.rewards.probe.features import FINAL, FORMAT, NUMBERS

HINT = "`pfsolve reward train` makes one for a policy"
_MOST = 1 << 26  # bytes of all that a file holds, unpacked


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
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            if sum(part.file_size for part in arrays.zip.infolist()) > _MOST:
                raise MemoryError
            if int(arrays["format"]) != FORMAT:
                raise ValueError(f"format {int(arrays['format'])}, and this pfsolve reads {FORMAT}")
            about = json.loads(str(arrays["about"]))
            depths = tuple(_numbers(arrays, "depths", 1).tolist())
            kinds = [kind for kind in Kind if f"{kind}_weights" in arrays.files]
            weights = {kind: _numbers(arrays, f"{kind}_weights", 1) for kind in kinds}
            biases = {kind: float(_numbers(arrays, f"{kind}_bias", 0)) for kind in kinds}
    except FileNotFoundError:
        raise ModelFileError(f"there is no probe {path}", HINT) from None
    except (MemoryError, RecursionError):
        raise ModelFileError(f"{path} is no probe: a part of it is too large", HINT) from None
    except Exception as error:  # a damaged archive or array can fail in any way
        raise ModelFileError(f"{path} is no probe: {error}", HINT) from None
    sizes = {each.size - NUMBERS for each in weights.values()}
    fits = len(sizes) == 1 and min(sizes) > 0 and depths and min(sizes) % len(depths) == 0
    rising = list(depths) == sorted({*depths}) and all(0 < depth <= FINAL for depth in depths)
    if not fits or not rising or not isinstance(about, dict):
        raise ModelFileError(f"{path} is no probe: its parts do not fit", HINT)
    return ProbeHead(weights, biases, depths, about)


def _numbers(arrays: Mapping[str, NDArray[Any]], name: str, axes: int) -> NDArray[np.float32]:
    """One of the arrays of a file.

    Raises:
        ValueError: it has another number of axes, is of no real numbers, or one is not finite.
    """
    array = arrays[name]
    if array.ndim != axes or array.dtype.kind not in "fiu":
        raise ValueError(f"{name} has shape {array.shape} and type {array.dtype}")
    with np.errstate(over="ignore"):
        numbers = np.asarray(array, np.float32)
    if not np.isfinite(numbers).all():
        raise ValueError(f"{name} holds what is no finite number")
    return numbers
