"""Tables as results: columns on a terminal, lines with tabs in a pipe, for cut and awk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pfsolve.environment import Environment


def show_listing(
    header: Sequence[str], rows: Sequence[Sequence[str]], environment: Environment
) -> None:
    """Print a table on stdout; its first column names the rows."""
    if not environment.stdout_is_terminal:
        for row in (header, *rows):
            environment.stdout.write("\t".join(row) + "\n")
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, collapse_padding=True, header_style="bold")
    for index, title in enumerate(header):
        table.add_column(title, no_wrap=index > 0, justify="right" if index else "left")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    environment.out.print(table)
