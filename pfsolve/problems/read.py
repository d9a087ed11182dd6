"""From the bytes of a file to its problems."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pfsolve.errors import UsageError
from pfsolve.problems.csv import delimiter_of, read_table
from pfsolve.problems.fields import DEFAULT_NAMES, has_question, missing_field
from pfsolve.problems.jsonl import json_rows
from pfsolve.problems.problem import (
    BadRow,
    Malformed,
    Problem,
    make_problem,
    read_row,
    with_unique_ids,
)
from pfsolve.problems.row import RowReader
from pfsolve.problems.source import TextLines, extension_of, read_lines
from pfsolve.wording import plural

INPUTS = ("auto", "lines", "text", "jsonl", "csv")  # how a file can be read

_BY_EXTENSION = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
}
_HOW = {
    "lines": ", one a line",
    "text": ", the whole text",
    "jsonl": " in JSON",
    "csv": " in CSV",
}
_ARRAY_OF_OBJECTS = re.compile(rb'\[\s*\{\s*"')


@dataclass(frozen=True, slots=True)
class ProblemFile:
    """What a file holds.

    rows: all that are not blank, in the file's order, with unique ids.
    kind: how the file was read: one of `INPUTS`, but not "auto".
    blank: number of empty lines, which were skipped.
    notes: what else is to be said of it: its encoding, the fields that were taken.
    """

    rows: tuple[Problem | BadRow, ...]
    kind: str
    blank: int
    notes: tuple[str, ...] = ()

    def describe(self) -> str:
        """How the file was read, in a line: "998 problems in CSV, 2 malformed rows"."""
        bad = sum(isinstance(row, BadRow) for row in self.rows)
        parts = [f"{plural(len(self.rows) - bad, 'problem')}{_HOW[self.kind]}"]
        if bad:
            parts.append(plural(bad, "malformed row"))
        if self.blank:
            parts.append(f"{plural(self.blank, 'blank line')} skipped")
        return "; ".join([", ".join(parts), *self.notes])


@dataclass(frozen=True, slots=True)
class Answered:
    """Problems to measure or learn with.

    problems: at least one, each with its answer.
    unusable: number of rows without a problem or without an answer.
    """

    problems: tuple[Problem, ...]
    unusable: int


def read_problems(
    data: bytes, *, name: str, kind: str = "auto", fields: Mapping[str, str] = {}
) -> ProblemFile:
    """All problems of a file.

    Args:
        data: its bytes, in UTF-8, UTF-16 or Windows-1252, plain or packed with gzip.
        name: its path, or "standard input": for its extension, and for messages.
        kind: one of `INPUTS`. lines: each is a problem. text: the whole is one. jsonl: JSON objects,
            one a line, in an array, or over several lines. csv: a table whose first row names the
            columns, which commas, semicolons, tabs or bars separate. auto: by the extension, else
            jsonl if it begins like JSON, csv if its first line names columns, else lines.
        fields: names of the fields or columns to read, see `parse_fields`.

    Each line that is not blank, or each record of a table but its header, is one row of the result.
    A file without any gives no rows. Where gzip data is damaged, what can be unpacked is read, and
    one bad row stands for the rest, the torn last line included.

    Raises:
        UsageError: the kind is unknown, or the whole file is of another format or encoding, or no
            row has the field or column that is wanted.
    """
    if kind not in INPUTS:
        raise UsageError(
            f"--input is {kind!r}, which is unknown", f"choose one of {', '.join(INPUTS)}"
        )
    source = read_lines(data, name, told=kind != "auto")
    reader = RowReader(fields)
    if kind == "auto":
        kind = _guessed(source, name, reader)
    if kind == "csv":
        rows = read_table(source, reader, name)
    elif kind == "jsonl":
        rows = [row for row, _ in _objects(source, reader, name)]
    else:
        lines = source.lines
        if kind == "text" and lines:  # half a text is no problem
            lines = [] if source.torn else [b"\n".join(lines)]
        rows = [read_row(raw, line, make_problem) for line, raw in enumerate(lines, start=1)]
        if source.torn:
            rows.append(source.torn_row())
    found = with_unique_ids(row for row in rows if row is not None)
    if found:
        _check_fields(reader, kind, name)
    notes = [f"from {source.encoding}"] if source.encoding != "UTF-8" else []
    if "problem" in reader.taken.names:
        notes.append(reader.taken.describe())
    return ProblemFile(found, kind, len(rows) - len(found), tuple(notes))


def _check_fields(reader: RowReader, kind: str, name: str) -> None:
    """Raise a UsageError if no row has the field that is wanted, or one is wanted of a text."""
    present = reader.taken.present
    for key, field in reader.fields.items():
        if kind in ("lines", "text"):
            raise UsageError(
                f"--field {field!r} names a field, and {name} was read as text",
                "leave --field out, or read it with --input jsonl or --input csv",
            )
        if present and key not in reader.taken.names and field not in present:
            raise missing_field(name, key, field, list(present))
    read = "problem" in {**reader.fields, **reader.taken.names}
    if present and not read and not has_question(dict.fromkeys(present, True)):
        raise missing_field(name, "problem", DEFAULT_NAMES["problem"][0], list(present))


def read_objects(data: bytes, *, name: str) -> list[tuple[Problem | BadRow, dict[str, Any]]]:
    """The problem in each row of a file of JSON, and all fields of the row; arguments as above.

    Raises:
        UsageError: as above.
    """
    found = _objects(read_lines(data, name), RowReader({}), name)
    rows = with_unique_ids(row for row, _ in found if row is not None)
    return list(zip(rows, (fields for row, fields in found if row is not None), strict=True))


def _objects(
    source: TextLines, reader: RowReader, name: str
) -> list[tuple[Problem | BadRow | None, dict[str, Any]]]:
    """The rows of a file of JSON with their fields, None for each blank line."""
    rows: list[tuple[Problem | BadRow | None, dict[str, Any]]] = []
    for row in json_rows(source, name):
        if row is None:
            rows.append((None, {}))
            continue
        fields = row.value if isinstance(row.value, dict) else {}
        try:
            if isinstance(row.value, Malformed):
                raise row.value
            reader.taken.present.update(dict.fromkeys(fields))
            reader.taken.mended += row.mended
            rows.append((reader.read(fields, row.line), fields))
        except Malformed as error:
            rows.append((BadRow(str(row.line), row.line, str(error)), fields))
    return [*rows, (source.torn_row(), {})] if source.torn else rows


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


def _guessed(source: TextLines, name: str, reader: RowReader) -> str:
    """The kind of a file, by its name's ending or else its first line that is not blank."""
    if (extension := extension_of(name)) in _BY_EXTENSION:
        return _BY_EXTENSION[extension]
    first = next((line.lstrip() for line in source.lines if line.strip()), b"")
    if first.startswith(b"{") or _ARRAY_OF_OBJECTS.match(b"\n".join(source.lines).lstrip()):
        return "jsonl"
    return "csv" if delimiter_of(first, reader, alone=False) else "lines"
