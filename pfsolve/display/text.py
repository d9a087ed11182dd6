"""Text fit for one line of a terminal: cleaned, readable, and cut to a width; bars beside it."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

from pfsolve.display.latex.terminal import split_unfinished, to_terminal
from pfsolve.wording import one_line

if TYPE_CHECKING:
    from rich.text import Text

_LONGEST_LINE = 400  # characters of a line that can matter to a terminal
_BEGUN = 10  # characters of a new line before it is shown

# A line that only opens or closes something, and would say nothing in a table.
_BARE = re.compile(
    r"(?:\\[\[\]]|\\(?:begin|end)\{\w++\*?\}|\$\$|```\w*+|[-=*_]{3,}+|[\s.,\ufffd]++)*+", re.ASCII
)
# Markdown, but not 2**3.
BOLD = re.compile(r"(?<![\w)])\*\*(\S|\S.{0,400}?\S)\*\*(?!\w)")
_OPEN_DOLLAR = re.compile(r"\$(?=[^\s\d$][^$]*$)")  # no price: a formula that is not closed yet
HEADING = re.compile(r"^#{1,6}\s+")


def keep_start(text: str, width: int) -> str:
    """The start of a line in at most `width` cells, with an ellipsis where something is missing."""
    from rich.cells import cell_len, set_cell_size

    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1).rstrip() + "…" if width > 0 else ""


def keep_end(text: str, width: int) -> str:
    """The end of a line in at most `width` cells, with an ellipsis where something is missing."""
    from rich.cells import cell_len

    if cell_len(text) <= width:
        return text
    end = text[-width:] if width > 0 else ""  # no visible character takes less than a cell ...
    while end and (cell_len(end) >= width or unicodedata.combining(end[0])):
        end = end[1:]  # ... but some take two, and a combining mark needs its letter
    word = re.match(r"\S{,12}\s+(?=\S)", end)  # rather a whole word less than half a word more
    return "…" + end[word.end() if word else 0 :] if width > 0 else ""


@lru_cache(maxsize=512)
def readable_answer(answer: str) -> str:
    """An answer as one line of terminal text."""
    answer = one_line(answer)
    return " ".join(to_terminal(answer).split()) or answer


def _last_lines(text: str) -> list[str]:
    """The lines of a growing text, the last first; one that has only just begun comes after all others."""
    lines = text.splitlines()[::-1]
    if lines and len(lines[0].strip()) < _BEGUN and not text.endswith(("\n", "\r")):
        lines.append(lines.pop(0))
    return lines


@lru_cache(maxsize=512)  # a particle that waits is drawn again and again
def last_line(text: str) -> str:
    """The last line of a growing solution that says something, as terminal text.

    What is still being written, an unclosed brace and all that follows it, stays as it is. The line
    before stays until the new one has ten characters.
    """
    for line in _last_lines(text):
        if _BARE.fullmatch(line):
            continue
        line = one_line(line).rstrip("\ufffd")  # a character whose last bytes are yet to come
        if len(line) > _LONGEST_LINE:
            line = line[-_LONGEST_LINE:].partition(" ")[2] or line[-_LONGEST_LINE:]
        line = HEADING.sub("", BOLD.sub(r"\1", line), count=1)
        done, unfinished = split_unfinished(line)
        if done.count("$") % 2:
            done = _OPEN_DOLLAR.sub("", done)
        space = " " if done.endswith(" ") else ""
        if shown := " ".join((to_terminal(done) + space + unfinished).split()):
            return shown
    return ""


def last_line_of_code(code: str) -> str:
    """The last line of a growing program that says something; see `last_line`."""
    for line in _last_lines(code):
        if (shown := one_line(line).rstrip("\ufffd")) and not shown.startswith("```"):
            return shown
    return ""


def progress_bar(done: int, total: int, width: int) -> Text:
    """A bar of `width` cells for `done` of `total`: a thick line, and a thin one for what is left."""
    from rich.text import Text

    halves = 2 * width if done >= total else int(2 * width * done / total)
    whole, half = divmod(halves, 2)
    bar = Text().append("━" * whole + "╸" * half, "green" if done >= total else "cyan")
    return bar.append("─" * (width - whole - half), "dim")
