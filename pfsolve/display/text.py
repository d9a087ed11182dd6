"""Text fit for one line of a terminal: cleaned, cut to a width, numbers as people read them."""

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


def percent(share: float) -> str:
    """A share of 1 in at most five characters; only what is exactly all or nothing says so."""
    if 0.0 < share < 0.005:
        return "<1 %"
    if 0.995 <= share < 1.0:
        return ">99 %"
    return f"{100 * share:.0f} %"


def thousands(count: int) -> str:
    """12345 -> "12 345"."""
    return f"{count:,}".replace(",", " ")


def plural(count: int, noun: str) -> str:
    """(1, "particle") -> "1 particle"."""
    return f"{thousands(count)} {noun}" + ("" if count == 1 else "s")


def duration(seconds: float) -> str:
    """A time span at the precision one cares about: "3.4 s", "31 s", "2 min 05 s", "1 h 02 min"."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def speed(tokens: int, seconds: float) -> str | None:
    """Tokens a second, or None while there is nothing to divide."""
    if tokens <= 0 or seconds <= 0:
        return None
    rate = tokens / seconds
    return f"{rate:.1f} tokens/s" if rate < 9.95 else f"{thousands(round(rate))} tokens/s"
