"""Problems as rows of CSV, or of the same with tabs; the first row names the columns."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum, auto

from pfsolve.errors import UsageError
from pfsolve.problems.fields import DEFAULT_NAMES
from pfsolve.problems.problem import BadRow, Malformed, Problem, make_problem, read_row
from pfsolve.problems.source import TextLines
from pfsolve.wording import listed


class _Quotes(Enum):
    """How the quoted cells of a line or of a record end."""

    CLOSED = auto()
    OPEN = auto()  # the last one does not
    BROKEN = auto()  # something else than a delimiter follows a closing quote


_REFUSALS = {
    _Quotes.OPEN: "a quote is opened and never closed",
    _Quotes.BROKEN: 'a quoted cell is not closed, or a quote in it is not doubled ("")',
}


def read_table(
    source: TextLines, delimiter: str, fields: Mapping[str, str], name: str
) -> list[Problem | BadRow | None]:
    """The rows of a table, None for each blank line between them.

    Args:
        fields: names that the user gave to what `DEFAULT_NAMES` lists.
        name: of the file, for messages.

    Raises:
        UsageError: the header cannot be read, or has no column for what is wanted.
    """
    rows: list[Problem | BadRow | None] = []
    read: Callable[[str, int], Problem] | None = None  # once there is a header
    torn_at = len(source.lines) + 1
    with _long_cells(source.lines):
        for first, stop, quotes in _records(source.lines, delimiter.encode()):
            line = first + 1
            raw = b"\n".join(source.lines[first:stop])
            if not raw.strip():
                rows.append(None)
            elif quotes is _Quotes.OPEN and source.torn:
                torn_at = line  # the closing quote is among what is lost
                break
            elif read is None:
                read = _row_reader(_header(raw, quotes, delimiter, name), delimiter, fields, name)
            elif quotes is _Quotes.CLOSED:
                rows.append(read_row(raw, line, read))
            else:
                rows.append(BadRow(str(line), line, _REFUSALS[quotes]))
    return [*rows, source.torn_row(torn_at)] if source.torn else rows


def _header(raw: bytes, quotes: _Quotes, delimiter: str, name: str) -> list[str]:
    """The names of the columns."""
    try:
        if quotes is not _Quotes.CLOSED:
            raise Malformed(_REFUSALS[quotes])
        return [cell.strip() for cell in _cells(raw.decode("utf-8"), delimiter)]
    except (Malformed, UnicodeDecodeError) as error:
        raise UsageError(
            f"{name} has no header that can be read: {error}",
            "the first row must name the columns",
        ) from error


def _row_reader(
    header: Sequence[str], delimiter: str, fields: Mapping[str, str], name: str
) -> Callable[[str, int], Problem]:
    """A function from a row's text and line to its problem, which raises `Malformed`."""
    problem, answer, identity = (_column(key, header, fields, name) for key in DEFAULT_NAMES)

    def read(text: str, line: int) -> Problem:
        cells = _cells(text, delimiter)
        if len(cells) != len(header):
            raise Malformed(f"cells: {len(cells)}, columns in the header: {len(header)}")
        cells.append("")  # of a column that is not there
        return make_problem(cells[problem], line, cells[answer], cells[identity])

    return read


def _column(key: str, header: Sequence[str], fields: Mapping[str, str], name: str) -> int:
    """Index of a column; one past the last where there is none and none is needed."""
    given = key in fields  # and thus exact
    names = (fields[key],) if given else DEFAULT_NAMES[key]
    columns = list(header) if given else [column.casefold() for column in header]
    for wanted in names:
        if wanted in columns:
            return columns.index(wanted)
    if given or key == "problem":
        option = "--field NAME" if key == "problem" else f"--field {key}=NAME"
        raise UsageError(
            f"{name} has no column {names[0]!r}; its first row has {listed(header)}",
            f"name the column with the {key}: {option}",
        )
    return len(header)


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
