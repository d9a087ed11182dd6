"""The files of problems that a policy solves to be learnt from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pfsolve.errors import UsageError
from pfsolve.files import sha256_of
from pfsolve.problems import Problem, read_answered


@dataclass(frozen=True, slots=True)
class TrainingFile:
    """A file of problems with answers."""

    name: str  # without its folder
    problems: tuple[Problem, ...]
    sha256: str
    unusable: int  # number of rows without an answer


def read_files(paths: Sequence[Path], limit: int | None) -> list[TrainingFile]:
    """Read problems with answers, of each file the first `limit`.

    Raises:
        UsageError: a file cannot be read or holds no problem with an answer, or two have the same name.
    """
    if len({path.name for path in paths}) < len(paths):
        raise UsageError("two files have the same name", "give each a name of its own")
    files = []
    for path in paths:
        answered = read_answered(path)
        problems = answered.problems[:limit]
        files.append(TrainingFile(path.name, problems, sha256_of(path), answered.unusable))
    return files
