"""Text fit for one line of a terminal: cleaned, and cut to a width."""

from __future__ import annotations

import re
import unicodedata

# Whole sequences (colours, cursor moves, window titles), so that no "[31m" stays behind.
_ESCAPE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -~]?"
)
# Control and format characters (text direction, joiners), surrogates, what is no character.
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn"}
_VARIATION_SELECTORS = range(0xFE00, 0xFE10)  # terminals disagree on how wide they make a character


def one_line(text: str) -> str:
    """`text` on one line and safe to print: line breaks become spaces, control characters go."""
    if text.isascii() and text.isprintable():
        return text.strip()
    text = " ".join(_ESCAPE.sub("", text).replace("\t", " ").splitlines())
    return "".join(char for char in text if _visible(char)).strip()


def _visible(char: str) -> bool:
    return unicodedata.category(char) not in _INVISIBLE and ord(char) not in _VARIATION_SELECTORS


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
