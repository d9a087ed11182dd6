"""Problems with known answers, to measure and to learn with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pfsolve.errors import UsageError
from pfsolve.problems.problem import Problem
from pfsolve.problems.read import read_problems


@dataclass(frozen=True, slots=True)
class Answered:
    """Problems to measure or learn with.

    problems: at least one, each with its answer.
    unusable: number of rows without a problem or without an answer.
    """

    problems: tuple[Problem, ...]
    unusable: int


def read_answered(path: Path) -> Answered:
    """The problems of a file that have an answer.

    Raises:
        UsageError: it cannot be read, or holds none.
    """
    try:
        rows = read_problems(path.read_bytes(), name=str(path)).rows
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", "check the path") from error
    known = tuple(row for row in rows if isinstance(row, Problem) and row.answer is not None)
    if not known:
        raise UsageError(
            f"{path} holds no problems with answers", 'a row is {"problem": ..., "answer": ...}'
        )
    return Answered(known, len(rows) - len(known))
