"""JSON objects: one a line, in an array, or one after the other over any number of lines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pfsolve.errors import UsageError
from pfsolve.problems.backslashes import mended
from pfsolve.problems.fields import has_question, inner_objects
from pfsolve.problems.problem import Malformed, decoded
from pfsolve.problems.source import TextLines
from pfsolve.wording import shortened

_MAX_DIGITS = 4300  # of a whole number, which Python takes


@dataclass(frozen=True, slots=True)
class JsonRow:
    """A row of a file of JSON.

    line: where it starts, from 1; its place in the document where that is no JSON Lines.
    value: the object, or what is wrong.
    mended: whether backslashes were added in it.
    """

    line: int
    value: dict[str, Any] | Malformed
    mended: bool = False


def json_rows(source: TextLines, name: str) -> list[JsonRow | None]:
    """The rows of a file, None for each blank line between them.

    Raises:
        UsageError: it is a document of several lines that is damaged.
    """
    rows = [_row(raw, line) for line, raw in enumerate(source.lines, start=1)]
    there = [row for row in rows if row is not None]
    if not there:
        return rows
    first = there[0]
    start = source.lines[first.line - 1].lstrip()
    if isinstance(first.value, dict):
        if len(there) > 1 or (inner := _rows_within(first.value)) is None:
            return rows
        return [_element(value, place, first.mended) for place, value in enumerate(inner, start=1)]
    if not start.startswith((b"[", b"{")) or source.torn:
        return rows
    try:
        text = decoded(b"\n".join(source.lines))
        whole = mended(text)
        values = list(_documents(whole))
    except (Malformed, ValueError, RecursionError) as error:
        if len(there) == 1 or any(isinstance(row.value, dict) for row in there):
            return rows
        raise UsageError(
            f"{name} holds no rows that can be read: {_reason(error)}",
            'a row is {"problem": ..., "answer": ...}',
        ) from None
    if len(values) == 1:
        inner = values[0] if isinstance(values[0], list) else _rows_within(values[0])
        values = values if inner is None else inner
    return [_element(value, place, whole != text) for place, value in enumerate(values, start=1)]


def _row(raw: bytes, line: int) -> JsonRow | None:
    """The row in a line, None if that is blank."""
    try:
        text = decoded(raw).strip()
        if not text:
            return None
        whole = mended(text)
        return _element(_DECODER.decode(whole), line, whole != text)
    except (ValueError, RecursionError) as error:
        return JsonRow(line, Malformed(_reason(error)))
    except Malformed as error:
        return JsonRow(line, error)


def _element(value: Any, place: int, was_mended: bool) -> JsonRow:
    if not isinstance(value, dict):
        return JsonRow(place, Malformed(f"{shortened(value)} is no JSON object"))
    return JsonRow(place, value, was_mended)


def _rows_within(document: Any) -> list[Any] | None:
    """The rows in an object that is none: {"data": [{...}, ...]}, or {"7": {...}, "8": {...}}."""
    if not isinstance(document, dict) or has_question(document):
        return None
    inner = [value for _, value in inner_objects(document)]
    if len(inner) == len(document) > 1 and all(map(has_question, inner)):
        return inner
    lists = [
        value
        for value in document.values()
        if isinstance(value, list)
        and any(isinstance(row, dict) and _holds_one(row) for row in value)
    ]
    return lists[0] if len(lists) == 1 else None


def _holds_one(row: dict[str, Any]) -> bool:
    return has_question(row) or any(has_question(inner) for _, inner in inner_objects(row))


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MAX_DIGITS else float(digits)  # infinite


_BETWEEN = re.compile(r"[\s,]*")
_DECODER = json.JSONDecoder(parse_int=_integer)


def _documents(text: str) -> Iterator[Any]:
    """The values in a text, with white space or commas between them."""
    position = 0
    while (position := _BETWEEN.match(text, position).end()) < len(text):  # type: ignore[union-attr]
        value, position = _DECODER.raw_decode(text, position)
        yield value


def _reason(error: Exception) -> str:
    """What is wrong with some JSON, in a line."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if not isinstance(error, json.JSONDecodeError):
        return f"no JSON: {error}"
    text = error.doc
    seen = shortened(text[error.pos : error.pos + 60]) if error.pos < len(text) else "the end"
    what = error.msg.rstrip(": ").removesuffix(" at")
    where = f"line {error.lineno}, " if "\n" in text else ""
    return f"no JSON: {what} at {where}column {error.colno}, {seen}"
