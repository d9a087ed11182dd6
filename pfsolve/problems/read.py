"""From the bytes of a file to its problems."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

from pfsolve.errors import UsageError
from pfsolve.problems.csv import read_table
from pfsolve.problems.jsonl import object_reader
from pfsolve.problems.problem import BadRow, Problem, make_problem, read_row, with_unique_ids
from pfsolve.problems.source import TextLines, piped, read_lines
from pfsolve.wording import plural

INPUTS = ("auto", "lines", "text", "jsonl", "csv")  # how a file can be read

_BY_EXTENSION = {".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_HOW = {
    "lines": ", one a line",
    "text": ", the whole text",
    "jsonl": ", one JSON object a line",
    "csv": " in CSV",
}
_ARRAY_OF_OBJECTS = re.compile(rb'\[\s*\{\s*"')


@dataclass(frozen=True, slots=True)
class ProblemFile:
    """What a file holds.

    rows: all that are not blank, in the file's order, with unique ids.
    kind: how the file was read: one of `INPUTS`, but not "auto".
    blank: number of empty lines, which were skipped.
    """

    rows: tuple[Problem | BadRow, ...]
    kind: str
    blank: int

    def describe(self) -> str:
        """How the file was read, in a line: "998 problems in CSV, 2 malformed rows"."""
        bad = sum(isinstance(row, BadRow) for row in self.rows)
        parts = [f"{plural(len(self.rows) - bad, 'problem')}{_HOW[self.kind]}"]
        if bad:
            parts.append(plural(bad, "malformed row"))
        if self.blank:
            parts.append(f"{plural(self.blank, 'blank line')} skipped")
        return ", ".join(parts)


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
        data: its bytes, UTF-8, plain or packed with gzip.
        name: its path, or "standard input": for its extension, and for messages.
        kind: one of `INPUTS`. lines: each is a problem. text: the whole is one. jsonl: each line is
            a JSON object. csv: a table whose first row names the columns, with tabs for a .tsv.
            auto: by the extension, else jsonl if it begins with a brace, else lines.
        fields: names of the fields or columns to read, see `parse_fields`.

    Each line that is not blank, or each record of a table but its header, is one row of the result.
    A file without any gives no rows. Where gzip data is damaged, what can be unpacked is read, and
    one bad row stands for the rest, the torn last line included.

    Raises:
        UsageError: the kind is unknown, or the whole file is of another kind or encoding, or it has
            no column for what is wanted.
    """
    if kind not in INPUTS:
        raise UsageError(
            f"--input is {kind!r}, which is unknown", f"choose one of {', '.join(INPUTS)}"
        )
    source = read_lines(data, name)
    extension = PurePath(re.sub(r"\.gz$", "", name, flags=re.IGNORECASE)).suffix.lower()
    if kind == "auto":
        kind = _guessed(source, extension, name)
    if kind == "csv":
        rows = read_table(source, "\t" if extension == ".tsv" else ",", fields, name)
    else:
        parse = object_reader(fields) if kind == "jsonl" else make_problem
        lines = source.lines
        if kind == "text" and lines:  # half a text is no problem
            lines = [] if source.torn else [b"\n".join(lines)]
        rows = [read_row(raw, line, parse) for line, raw in enumerate(lines, start=1)]
        if source.torn:
            rows.append(source.torn_row())
    found = with_unique_ids(row for row in rows if row is not None)
    if found and fields and kind in ("lines", "text"):
        raise UsageError(
            f"--field {next(iter(fields.values()))!r} names a field, and {name} was read as text",
            "leave --field out, or read it with --input jsonl or --input csv",
        )
    return ProblemFile(found, kind, len(rows) - len(found))


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


def _guessed(source: TextLines, extension: str, name: str) -> str:
    """The kind of a file, by its extension or else its first lines."""
    if extension in _BY_EXTENSION:
        return _BY_EXTENSION[extension]
    start = b"\n".join(source.lines).lstrip()
    if start.startswith(b"[") and (extension == ".json" or _ARRAY_OF_OBJECTS.match(start)):
        command = piped("jq -c '.[]'", name, packed=source.packed)
        raise UsageError(
            f"{name} is a JSON array, and JSON is read as one object a line",
            f"convert it: {command} > problems.jsonl",
        )
    return "jsonl" if start.startswith(b"{") else "lines"
