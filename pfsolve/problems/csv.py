"""Problems as rows of CSV, or of the same with semicolons, tabs or bars; the first row names the columns."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import Enum, auto
from functools import partial

from pfsolve.errors import UsageError
from pfsolve.problems.fields import DEFAULT_NAMES, missing_field, plain
from pfsolve.problems.problem import BadRow, Malformed, Problem, decoded, read_row
from pfsolve.problems.row import RowReader
from pfsolve.problems.source import TextLines, extension_of


class _Quotes(Enum):
    """How the quoted cells of a line or of a record end."""

    CLOSED = auto()
    OPEN = auto()  # the last one does not
    BROKEN = auto()  # something else than a delimiter follows a closing quote


_DELIMITERS = (",", ";", "\t", "|")  # in this order, where a header can be read with several
_IDENTIFIER = re.compile(r"[A-Za-z_][\w.-]*")
_REFUSALS = {
    _Quotes.OPEN: "a quote is opened and never closed",
    _Quotes.BROKEN: 'a quoted cell is not closed, or a quote in it is not doubled ("")',
}


def read_table(source: TextLines, reader: RowReader, name: str) -> list[Problem | BadRow | None]:
    """The rows of a table, None for each blank line between them.

    Args:
        name: of the file, for messages; its ending says which delimiter is the likeliest.

    Raises:
        UsageError: the header cannot be read, or has no column for what is wanted.
    """
    rows: list[Problem | BadRow | None] = []
    header: list[str] | None = None
    lines, delimiter, skipped = _opened(source.lines, reader, name)
    torn_at = len(source.lines) + 1
    with _long_cells(lines):
        for first, stop, quotes in _records(lines, delimiter.encode()):
            line = first + 1 + skipped
            raw = b"\n".join(lines[first:stop])
            if not raw.strip():
                rows.append(None)
            elif quotes is _Quotes.OPEN and source.torn:
                torn_at = line  # the closing quote is among what is lost
                break
            elif header is None:
                header = _header(raw, quotes, delimiter, name)
                _check_columns(header, reader, name)
            elif quotes is _Quotes.CLOSED:
                rows.append(read_row(raw, line, partial(_read_cells, reader, header, delimiter)))
            else:
                rows.append(BadRow(str(line), line, _REFUSALS[quotes]))
    return [*rows, source.torn_row(torn_at)] if source.torn else rows


def delimiter_of(first: bytes, reader: RowReader, *, alone: bool) -> str | None:
    """The delimiter with which a line names the columns that are wanted, if it does.

    Args:
        alone: whether the problem's column is enough; else another must be beside it, and either be
            known too, or all must be such names as programs give.
    """
    for delimiter in _DELIMITERS:
        try:
            header = [cell.strip() for cell in _cells(decoded(first), delimiter)]
        except Malformed:
            continue
        known = {key for key in DEFAULT_NAMES if _has_column(key, header, reader)}
        sure = alone or len(known) > 1 or "problem" in reader.fields
        sure = sure or all(map(_IDENTIFIER.fullmatch, header))
        if "problem" in known and sure and (alone or len(header) > 1):
            return delimiter
    return None


def _opened(lines: list[bytes], reader: RowReader, name: str) -> tuple[list[bytes], str, int]:
    """The lines from the header on, the delimiter, and the number of lines before them.

    Excel takes the delimiter from a first line such as "sep=;".
    """
    if lines and (said := re.fullmatch(rb'"?sep=([\t -~])"?', lines[0].strip(b" "))):
        return lines[1:], said[1].decode(), 1
    first = next((line for line in lines if line.strip()), b"")
    usual = "\t" if extension_of(name) == ".tsv" else ","
    return lines, delimiter_of(first, reader, alone=True) or usual, 0


def _header(raw: bytes, quotes: _Quotes, delimiter: str, name: str) -> list[str]:
    """The names of the columns."""
    try:
        if quotes is not _Quotes.CLOSED:
            raise Malformed(_REFUSALS[quotes])
        return [cell.strip() for cell in _cells(decoded(raw), delimiter)]
    except Malformed as error:
        raise UsageError(
            f"{name} has no header that can be read: {error}",
            "the first row must name the columns",
        ) from error


def _has_column(key: str, header: Sequence[str], reader: RowReader) -> bool:
    """Whether a column may hold the problem, the answer or the id; one named by the user is exact."""
    if key in reader.fields:
        return reader.fields[key] in header
    return not {plain(name) for name in DEFAULT_NAMES[key]}.isdisjoint(map(plain, header))


def _check_columns(header: Sequence[str], reader: RowReader, name: str) -> None:
    """Raise a UsageError if no column holds the problem, or one that the user names is not there."""
    reader.taken.present.update(dict.fromkeys(header))
    for key in DEFAULT_NAMES:
        if (key == "problem" or key in reader.fields) and not _has_column(key, header, reader):
            wanted = reader.fields.get(key, DEFAULT_NAMES[key][0])
            raise missing_field(name, key, wanted, header)


def _read_cells(
    reader: RowReader, header: Sequence[str], delimiter: str, text: str, line: int
) -> Problem:
    """The problem in a record; raises `Malformed`."""
    cells = _cells(text, delimiter)
    if len(cells) != len(header):
        raise Malformed(f"cells: {len(cells)}, columns in the header: {len(header)}")
    return reader.read(dict(zip(reversed(header), reversed(cells), strict=True)), line)


def _cells(text: str, delimiter: str) -> list[str]:
    """The cells of one record."""
    try:
        (cells,) = csv.reader([text], delimiter=delimiter, strict=True)
    except (csv.Error, ValueError) as error:
        raise Malformed(f"no CSV: {error}") from None
    return cells


def _records(lines: Sequence[bytes], delimiter: bytes) -> Iterator[tuple[int, int, _Quotes]]:
    """First line of each record, the line after its last, and how its quotes end.

    A quoted cell may span lines, and its record with it. Where such a cell is never closed, or is
    followed by something else than a delimiter, its first line is a record of its own: one stray
    quote must not swallow the file. No line is scanned more than twice, even with many open quotes.
    """
    first = 0
    # The last search for a closing quote: where it stopped, and what it found. A cell that is open
    # at a line before that one ends in the same way.
    hopeless = 0
    fate = _Quotes.CLOSED
    while first < len(lines):
        quotes = _scan(lines[first], delimiter, quoted=False)
        stop = first + 1
        if quotes is _Quotes.OPEN:
            if stop > hopeless:
                hopeless = stop
                fate = _Quotes.OPEN
                while fate is _Quotes.OPEN and hopeless < len(lines):
                    fate = _scan(lines[hopeless], delimiter, quoted=True)
                    hopeless += fate is _Quotes.OPEN
                if fate is _Quotes.CLOSED:
                    stop = hopeless + 1
            quotes = fate
        yield first, stop, quotes
        first = stop


def _scan(line: bytes, delimiter: bytes, *, quoted: bool) -> _Quotes:
    """How the quotes of a line end. `quoted`: the line begins within a quoted cell."""
    position = 0
    while True:
        if not quoted:
            # The next quoted cell: a quote elsewhere than at a cell's beginning is just a quote.
            if not (position == 0 and line.startswith(b'"')):
                position = line.find(delimiter + b'"', position)
                if position < 0:
                    return _Quotes.CLOSED
                position += 1
            position += 1
        position = line.find(b'"', position)
        if position < 0:
            return _Quotes.OPEN
        following = line[position + 1 : position + 2]
        if not following:
            return _Quotes.CLOSED
        quoted = following == b'"'
        if not quoted and following != delimiter:
            return _Quotes.BROKEN
        position += 2 if quoted else 1


@contextmanager
def _long_cells(lines: Sequence[bytes]) -> Iterator[None]:
    """Let csv read cells of any length; by itself it stops at 128 KiB."""
    size = sum(map(len, lines)) + len(lines)
    before = csv.field_size_limit(min(max(size, 1 << 17), 2**31 - 1))  # a C long
    try:
        yield
    finally:
        csv.field_size_limit(before)
