"""Run records: everything about one solve in one JSON file, for looking at it later.

A record is the result with its particles (steps, log-oddss, ancestors) and the events of the
search. Frames of the live table (`Progressed`) are left out: all they say follows from the rest.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pfsolve.errors import UsageError
from pfsolve.events import Event, Progressed
from pfsolve.files import dumps
from pfsolve.results.line import Record

if TYPE_CHECKING:
    from pfsolve.solution import Solution

_LONGEST_NAME = 100


class RunRecords:
    """A folder of run records, one file a problem.

    Raises:
        UsageError: the folder cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"cannot make the folder {folder}: {error.strerror}", "name another for --record"
            ) from error
        self._folder = folder
        self._events: dict[str, list[Event]] = {}

    def hear(self, id: str, event: Event) -> None:
        """Keep an event of the search for problem `id` until its record is written."""
        if not isinstance(event, Progressed):
            self._events.setdefault(id, []).append(event)

    def write(self, id: str, result: Record, solution: Solution | None) -> Path:
        """Write a problem's record, at one stroke, in the place of any earlier one.

        A search that failed has no solution, and its record no particles.
        """
        events = [
            {"event": type(event).__name__, **_plain(dataclasses.asdict(event))}
            for event in self._events.pop(id, [])
        ]
        particles = [] if solution is None else solution.to_dict()["particles"]
        record = {**result, "particles": particles, "events": events}
        path = self._folder / f"{file_name(id)}.json"
        part = path.with_suffix(".part")
        part.write_text(dumps(record) + "\n", encoding="utf-8")
        return part.replace(path)


def file_name(id: str) -> str:
    """A file's name for an id; all but the plainest end in a hash, so that no two are the same file,
    on disks that take upper and lower case for the same either."""
    if re.fullmatch(r"[a-z0-9_][a-z0-9_.-]*", id) and len(id) <= _LONGEST_NAME:
        return id
    name = re.sub(r"[^\w.-]+", "_", id, flags=re.ASCII).lstrip(".")[:_LONGEST_NAME]
    return f"{name}-{hashlib.blake2b(id.encode(), digest_size=4).hexdigest()}"


def _plain(value: Any) -> Any:
    """JSON has no infinity: a dead particle's log-odds becomes null."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
