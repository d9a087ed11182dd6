"""What `pfsolve doctor` has found: a check to a line, and below it what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pfsolve.display.output import Drawn
from pfsolve.lab.doctor.check import Check, Status

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_STYLES: dict[Status, str] = {
    "ok": "green",
    "warning": "yellow",
    "failed": "bold red",
    "skipped": "dim",
}
_MARK, _NAME = 9, 18  # cells


def check_line(check: Check) -> Drawn:
    """A check as it is shown: in a pipe status, name, value and remedy between tabs."""
    said = (check.status, check.name, check.value, check.remedy or "")
    return Drawn("\t".join(" ".join(part.split()) for part in said), lambda to: _draw(check, to))


def _draw(check: Check, console: Console) -> list[Text]:
    from rich.text import Text

    head = Text(f"{check.status:{_MARK}}", _STYLES[check.status])
    head.append(f"{check.name:{_NAME}}", "bold")
    room = max(20, console.width - _MARK - _NAME)
    said = [(check.value, ""), (check.remedy or "", "cyan")]
    lines: list[Text] = []
    for text, style in said if len(check.name) < _NAME else [("", ""), *said]:
        # A command must stay whole: it is copied.
        pieces = (
            [Text(text, style)] if style and "`" in text else Text(text, style).wrap(console, room)
        )
        for piece in pieces if text or not lines else []:
            piece.rstrip()
            lines.append(Text.assemble(" " * (_MARK + _NAME) if lines else head, piece))
    return lines
