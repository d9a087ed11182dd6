"""A table that fits a terminal: its first column stays, of the others text wraps and the dispensable go."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_GAP = 2  # cells between two columns
_NARROWEST = 16  # cells of a column of text, if it has that many
_NUMBER = re.compile(r"([-+−<>~]{,2}\d.*)?|–|\?")


@dataclass(frozen=True, slots=True)
class Table:
    """Columns on a terminal, lines with tabs in a pipe, for cut and awk; the first column names the rows."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    prose: bool = False  # whether the last column is text that is worth any room there is
    spare: Sequence[str] = ()  # titles of columns in the order they go where there is no room


def fitted(table: Table, console: Console) -> list[Text]:
    """The lines of a table, none wider than the console unless its first column alone is.

    Numbers stand to the right and stay whole; text stands to the left and is wrapped. Columns for
    which there is no room are named in a last line.
    """
    from rich.text import Text

    columns = [_Column.of(table, index) for index in range(len(table.header))]
    kept = _kept(table, columns, console.width)
    free = console.width - sum(column.least for column in kept) - _GAP * (len(kept) - 1)
    widths = []
    for column in kept:
        more = max(0, min(free, column.most - column.least))
        widths.append(column.least + more)
        free -= more
    lines = []
    for row in range(len(table.rows) + 1):
        cells = [
            column.wrapped(row, width, console) for column, width in zip(kept, widths, strict=True)
        ]
        for part in range(max(map(len, cells))):
            line = Text(style="" if row else "bold")
            for column, width, cell in zip(kept, widths, cells, strict=True):
                text = cell[part] if part < len(cell) else Text()
                blank = " " * (width - text.cell_len)
                line.append(blank + text.plain if column.numbers else text.plain + blank)
                line.append(" " * _GAP)
            line.rstrip()
            lines.append(line)
    left_out = [column.cells[0] for column in columns if column not in kept]
    if named := ", ".join(filter(None, left_out)):
        lines.append(Text(f"no room for: {named}", "dim"))
    return lines


@dataclass(frozen=True, slots=True, eq=False)
class _Column:
    cells: tuple[str, ...]  # the title first
    numbers: bool
    least: int  # cells it needs
    most: int  # cells that it can use

    @staticmethod
    def of(table: Table, index: int) -> _Column:
        from rich.cells import cell_len

        cells = (table.header[index], *(row[index] for row in table.rows))
        words = max(map(cell_len, cells[0].split()), default=0)  # a title is wrapped between them
        widest = max(map(cell_len, cells[1:]), default=0)
        most = max(cell_len(cells[0]), widest)
        is_prose = table.prose and index == len(table.header) - 1
        if index and not is_prose and all(map(_NUMBER.fullmatch, cells[1:])):
            return _Column(cells, True, max(words, widest), most)
        if not index:  # what names the rows is wrapped between words
            words = max(cell_len(word) for cell in cells for word in [*cell.split(), ""])
        return _Column(cells, False, min(most, max(words, _NARROWEST)), most)

    def wrapped(self, row: int, width: int, console: Console) -> Sequence[Text]:
        from rich.text import Text

        lines = list(Text(self.cells[row]).wrap(console, width)) if width else [Text()]
        for line in lines:
            line.rstrip()
        return lines


def _kept(table: Table, columns: Sequence[_Column], width: int) -> list[_Column]:
    """The columns there is room for."""
    spare = [columns[table.header.index(title)] for title in table.spare]
    others = list(columns[:0:-1])
    if table.prose:
        others = [*others[1:], *others[:1]]
    going = [*spare, *(column for column in others if column not in spare)]
    gone: list[_Column] = []

    def room() -> int:
        kept = [column for column in columns if column not in gone]
        return width - sum(column.least for column in kept) - _GAP * (len(kept) - 1)

    while room() < 0 and len(gone) < len(going):
        gone.append(going[len(gone)])
    for column in gone[::-1]:  # a wide one that had to go may have made room for others
        if room() >= column.least + _GAP:
            gone.remove(column)
    return [column for column in columns if column not in gone]
