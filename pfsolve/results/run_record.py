"""Run records: everything about one solve in one JSON file, for looking at it later.

A record is the result with its particles and the events of the search. Frames of the live table
(`Progressed`) are left out: all they say follows from the rest.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from pfsolve.errors import UsageError
from pfsolve.events import Event
from pfsolve.events.search import Progressed
from pfsolve.files import check_writable, dumps, json_safe, write_text
from pfsolve.results.checking import Fault, check_record
from pfsolve.results.line import SCHEMA, ResultLine, upgraded

_LONGEST_NAME = 100


def is_kept(event: Event) -> bool:
    """Whether a record holds such an event."""
    return not isinstance(event, Progressed)


def with_events(line: ResultLine, events: Iterable[Event]) -> ResultLine:
    """The record of a result with its particles, and of what was heard of its search."""
    return {
        **line,
        "particles": line.get("particles", []),
        "events": [{"event": type(event).__name__, **json_safe(asdict(event))} for event in events],
    }


class RunRecords:
    """A folder of run records, one file a problem.

    Raises:
        UsageError: the folder cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            check_writable(folder / ".new")
        except OSError as error:
            raise UsageError(
                f"cannot write into the folder {folder}: {error.strerror}",
                "name another for --record",
            ) from error
        self._folder = folder
        self._events: dict[str, list[Event]] = {}

    def hear(self, name: str, event: Event) -> None:
        """Keep an event of the search until the record of that name is written."""
        if is_kept(event):
            self._events.setdefault(name, []).append(event)

    def write(self, name: str, line: ResultLine) -> Path:
        """Write the record of a result with its particles, in the place of any earlier one.

        Raises:
            OSError: the disk does not take it; it names the file.
        """
        record = with_events(line, self._events.pop(name, []))
        path = self._folder / f"{file_name(name)}.json"
        write_text(path, dumps(record) + "\n")
        return path


def read_record(path: Path) -> ResultLine:
    """The result with its particles that a record holds, of this schema or an earlier one.

    Raises:
        UsageError: the file cannot be read, or holds no record.
    """
    try:
        record = upgraded(json.loads(path.read_bytes()))
        check_record(record)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", "check the path") from error
    except (Fault, ValueError, RecursionError, AttributeError, TypeError) as error:
        what = f": {error}" if isinstance(error, Fault) else ""
        raise UsageError(
            f"{path} holds no record of a run{what}", "--record makes them, a file a problem"
        ) from None
    if record["schema"] > SCHEMA:
        raise UsageError(
            f"{path} has schema {record['schema']}, and this pfsolve knows {SCHEMA}",
            "use the pfsolve that wrote it, or a newer one",
        )
    return record


def file_name(name: str) -> str:
    """A file's name for an id or a problem.

    All but the plainest end in a hash, so that no two are the same file, on disks that take upper and
    lower case for the same either.
    """
    if re.fullmatch(r"[a-z0-9_][a-z0-9_.-]*", name) and len(name) <= _LONGEST_NAME:
        return name
    plain = re.sub(r"[^\w.-]+", "_", name, flags=re.ASCII).lstrip(".")[:_LONGEST_NAME]
    return f"{plain}-{hashlib.blake2b(name.encode(), digest_size=4).hexdigest()}"
