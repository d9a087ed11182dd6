"""The files that a probe is trained from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pfsolve.errors import UsageError
from pfsolve.files import sha256_of
from pfsolve.lab.evaluation.labelled import Labelled, read_labelled
from pfsolve.problems import Problem, read_answered


@dataclass(frozen=True, slots=True)
class TrainingFiles:
    """What the files of a training hold."""

    labelled: dict[str, tuple[Labelled, ...]]  # rows by file name
    problems: dict[str, tuple[Problem, ...]]  # rows by file name
    complaints: tuple[str, ...]  # a line on each row that cannot be used
    facts: tuple[dict[str, Any], ...]  # of each file its name, its number of rows, its sha256

    @property
    def problem_count(self) -> int:
        return sum(map(len, self.problems.values()))


def read_files(
    labelled: Sequence[Path], problems: Sequence[Path], limit: int | None
) -> TrainingFiles:
    """Read labelled solutions, and problems with answers, of each file the first `limit`.

    Raises:
        UsageError: there is no file, one cannot be read or holds nothing of its kind, or two have the
            same name.
    """
    if not labelled and not problems:
        raise UsageError(
            "there is nothing to learn from",
            "give files of labelled solutions, or --problems FILE with answers, or both",
        )
    if len({path.name for path in (*labelled, *problems)}) < len(labelled) + len(problems):
        raise UsageError("two files have the same name", "give each a name of its own")
    complaints: list[str] = []
    solutions: dict[str, tuple[Labelled, ...]] = {}
    for path in labelled:
        found = read_labelled(path)
        complaints += [f"{path.name}, {complaint}" for complaint in found.complaints]
        solutions[path.name] = tuple(row for row in found.rows if isinstance(row, Labelled))
        if not solutions[path.name]:
            raise UsageError(
                f"{path} holds no labelled solutions",
                'a row is {"problem": ..., "steps": [...], "first_error": -1}',
            )
    questions: dict[str, tuple[Problem, ...]] = {}
    for path in problems:
        answered = read_answered(path)
        if answered.unusable:
            complaints.append(f"{path.name}: rows without an answer, {answered.unusable}")
        questions[path.name] = answered.problems[:limit]
    used = solutions | questions
    return TrainingFiles(
        solutions,
        questions,
        tuple(complaints),
        tuple(
            {"file": path.name, "rows": len(used[path.name]), "sha256": sha256_of(path)}
            for path in (*labelled, *problems)
        ),
    )
