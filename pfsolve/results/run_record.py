"""Run records: everything about one solve in one JSON file, for looking at it later.

A record is the result with its particles and the events of the search. Frames of the live table
(`Progressed`) are left out: all they say follows from the rest.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import asdict
from pathlib import Path

from pfsolve.errors import UsageError
from pfsolve.events import Event, Progressed
from pfsolve.files import dumps, json_safe, write_text
from pfsolve.results.line import ResultLine

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

    def hear(self, name: str, event: Event) -> None:
        """Keep an event of the search until the record of that name is written."""
        if not isinstance(event, Progressed):
            self._events.setdefault(name, []).append(event)

    def write(self, name: str, line: ResultLine) -> Path:
        """Write the record of a result with its particles, in the place of any earlier one.

        A search that failed has none.
        """
        events = self._events.pop(name, [])
        record: ResultLine = {
            **line,
            "particles": line.get("particles", []),
            "events": [
                {"event": type(event).__name__, **json_safe(asdict(event))} for event in events
            ],
        }
        path = self._folder / f"{file_name(name)}.json"
        write_text(path, dumps(record) + "\n")
        return path


def file_name(name: str) -> str:
    """A file's name for an id or a problem.

    All but the plainest end in a hash, so that no two are the same file, on disks that take upper and
    lower case for the same either.
    """
    if re.fullmatch(r"[a-z0-9_][a-z0-9_.-]*", name) and len(name) <= _LONGEST_NAME:
        return name
    plain = re.sub(r"[^\w.-]+", "_", name, flags=re.ASCII).lstrip(".")[:_LONGEST_NAME]
    return f"{plain}-{hashlib.blake2b(name.encode(), digest_size=4).hexdigest()}"
