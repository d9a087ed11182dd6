"""One line of a results file: what came of one problem, as plain JSON values.

A line says all that is needed to check it, to reproduce it and to join it with others: the problem,
its own seed, the settings with their hash, and the versions of what computed it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pfsolve.errors import PfsolveError
from pfsolve.problems import BadRow, Problem
from pfsolve.settings import MACHINE, Settings

if TYPE_CHECKING:
    from pfsolve.solution import Solution

SCHEMA = 1  # of the lines; a change that older readers would misread raises it

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Origin:
    """What all lines of a run share.

    settings: resolved, their seed being the root of all problems' own. rows: rows in the whole
    input. shard: "i/n", or None for all of it. extra: more for the line of a row, from the row and its
    solution, None if there is none.
    """

    settings: Settings
    versions: Mapping[str, str]
    rows: int
    shard: str | None = None
    extra: Callable[[Problem | BadRow, Solution | None], Record] = lambda row, solution: {}

    @property
    def settings_hash(self) -> str:
        """Equal for two runs that must come to the same results."""
        deciding = {
            name: value for name, value in self.settings.to_dict().items() if name not in MACHINE
        }
        deciding |= {name: of for name, of in self.versions.items() if name.endswith("sha256")}
        text = json.dumps(deciding, sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    def solved(self, problem: Problem, solution: Solution) -> Record:
        """The line of a problem whose search ended, with an answer or without one."""
        from pfsolve.answers import equivalent

        correct = None
        if problem.answer is not None:
            correct = solution.answer is not None and equivalent(problem.answer, solution.answer)
        outcome = solution.to_dict()
        del outcome["particles"]  # the run record has them
        outcome |= self.extra(problem, solution)
        return self._line(problem.id, problem.line, problem.answer, correct, outcome)

    def failed(self, row: Problem | BadRow, error: PfsolveError | None = None) -> Record:
        """The line of a problem that could not be searched, or of a row that holds none."""
        text, expected = None, None
        if isinstance(row, Problem):
            text, expected = row.text, row.answer
        kind = "malformed" if error is None else type(error).__name__
        message = row.reason if isinstance(row, BadRow) else str(error)
        outcome = {
            "problem": text,
            "answer": None,
            "error": {"kind": kind, "message": message},
            **self.extra(row, None),
        }
        return self._line(row.id, row.line, expected, None if expected is None else False, outcome)

    def _line(
        self, id: str, line: int, expected: str | None, correct: bool | None, outcome: Record
    ) -> Record:
        return {
            "schema": SCHEMA,
            "id": id,
            "line": line,
            "expected": expected,
            "correct": correct,
            **outcome,
            "settings": self.settings.to_dict(),
            "versions": dict(self.versions),
            "settings_hash": self.settings_hash,
            "rows": self.rows,
            "shard": self.shard,
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        }


def is_finished(record: Record) -> bool:
    """Whether the problem need not be searched again: its search came to its own end."""
    error = record.get("error")
    return not record.get("interrupted") and (error is None or error.get("kind") == "NoAnswer")
