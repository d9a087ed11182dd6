"""What a probe learns from, kept in a folder: one file a problem, so that collecting can be resumed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from pfsolve.errors import UsageError
from pfsolve.files import check_writable, digest, replacing

LABELLED, ROLLOUTS = "labelled", "rollouts"

AFTER_ERROR = 0.1  # weight of a step after the first error: wrong no doubt, but easier to tell

Labels = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MarkedSolution:
    """The steps of a solution as a probe sees them, and what is known of them."""

    vectors: NDArray[np.float32]  # (steps, width) features
    # Of a labelled one the index of its first wrong step, -1 for none; of a rollout 1 if its answer is
    # right, else 0.
    mark: int


@dataclass(frozen=True, slots=True)
class Item:
    """The solutions of one problem, all from one source."""

    problem: str
    source: str  # LABELLED or ROLLOUTS
    file: str  # name of the file that its row stands in
    solutions: tuple[MarkedSolution, ...]


class Folder:
    """A folder of items. A file appears in it whole or not at all.

    Raises:
        UsageError: it cannot be made or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            check_writable(path / ".new")
        except OSError as error:
            raise UsageError(
                f"cannot write into the folder {path}: {error.strerror}", "name another for --keep"
            ) from error

    def has(self, key: str) -> bool:
        return self._file(key).is_file()

    def write(self, key: str, item: Item) -> None:
        vectors = [solution.vectors for solution in item.solutions]
        width = vectors[0].shape[1] if vectors else 0
        with replacing(self._file(key)) as file:
            np.savez(
                file,
                vectors=np.concatenate([*vectors, np.empty((0, width))]).astype(np.float16),
                lengths=np.array([len(each) for each in vectors], np.intp),
                marks=np.array([solution.mark for solution in item.solutions], np.intp),
                about=np.array(json.dumps([item.problem, item.source, item.file])),
            )

    def read(self, keys: Sequence[str]) -> Iterator[Item]:
        """The items of these keys that are there and whole, in their order."""
        for key in keys:
            try:
                with np.load(self._file(key), allow_pickle=False) as arrays:
                    problem, source, file = json.loads(str(arrays["about"]))
                    ends = np.cumsum(arrays["lengths"])[:-1]
                    vectors = np.split(arrays["vectors"].astype(np.float32), ends)
                    marks = arrays["marks"].tolist()
            except (OSError, ValueError, KeyError, BadZipFile):
                continue
            solutions = tuple(map(MarkedSolution, vectors, marks))  # without marks no solution
            yield Item(problem, source, file, solutions)

    def _file(self, key: str) -> Path:
        return self.path / f"{key}.npz"


def key_of(**facts: Any) -> str:
    """A name for what was made under these facts, plain JSON values."""
    return digest(facts, size=12)


def prefix_labels(source: str, solution: MarkedSolution) -> tuple[Labels, Labels]:
    """For each step, (steps,), whether the prefix that ends with it is right, and what that weighs.

    A labelled prefix is right until its first error. A rollout's prefix is as right as the rollout's
    answer: a single continuation tells the chance to end right without bias, and more problems teach
    more than more continuations.
    """
    steps = len(solution.vectors)
    if source == ROLLOUTS:
        return np.full(steps, float(solution.mark)), np.ones(steps)
    first_wrong = steps if solution.mark < 0 else solution.mark
    place = np.arange(steps)
    return (place < first_wrong).astype(np.float64), np.where(place > first_wrong, AFTER_ERROR, 1.0)
