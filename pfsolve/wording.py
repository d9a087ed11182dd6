"""Numbers, time spans and values as people read them, and text from outside without what is hidden in it."""

from __future__ import annotations

import re
import reprlib
import unicodedata
from collections.abc import Iterable

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 40
_SHORT.maxlevel = 2
_SHORT.maxlist = _SHORT.maxdict = 3

_NUMBER = r"(\d+(?:\.\d*)?|\.\d+)\s*"
_DURATION = re.compile(rf"(?:{_NUMBER}h\s*)?(?:{_NUMBER}m(?:in)?\s*)?(?:{_NUMBER}s?)?")

_UNITS = ("B", "kB", "MB", "GB", "TB")

# Whole sequences (colours, cursor moves, window titles), so that no "[31m" stays behind.
_ESCAPE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -~]?"
)
# Control and format characters (text direction, joiners), surrogates, what is no character, and
# separators of lines that are no line break.
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_VARIATION_SELECTORS = range(0xFE00, 0xFE10)  # terminals disagree on how wide they make a character


def visible(text: str) -> str:
    """`text` without what a terminal would obey or hide; line breaks stay, a tab becomes four spaces."""
    if text.isascii() and text.isprintable():
        return text
    text = _ESCAPE.sub("", text).replace("\t", "    ")
    return "".join(char for char in text if char == "\n" or _is_visible(char))


def one_line(text: str) -> str:
    """`text` on one line and safe to print: line breaks become spaces, control characters go."""
    if text.isascii() and text.isprintable():
        return text.strip()
    return " ".join(clean_lines(text.replace("\t", " "))).strip()


def clean_lines(text: str) -> list[str]:
    """The lines of `text`, safe to print: control characters go, a tab becomes four spaces."""
    return [visible(line).rstrip() for line in _ESCAPE.sub("", text).splitlines()]


def _is_visible(char: str) -> bool:
    return unicodedata.category(char) not in _INVISIBLE and ord(char) not in _VARIATION_SELECTORS


def format_bytes(count: float) -> str:
    """Three digits and a decimal unit: 1.12 GB, 98.4 MB, 512 B."""
    power = 0
    while count >= 999.5 and power < len(_UNITS) - 1:
        count /= 1000
        power += 1
    return f"{count:.3g} {_UNITS[power]}"


def percent(share: float) -> str:
    """A share of 1 in at most five characters; only what is exactly all or nothing says so."""
    if 0.0 < share <= 0.005:
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


def read_duration(text: str) -> float:
    """The seconds that a time span says: "90", "90s", "2m", "1m30s", "1.5h", or as `duration` writes it.

    Raises:
        ValueError: it says none.
    """
    found = _DURATION.fullmatch(text.strip().lower())
    if found is None or not any(found.groups()):
        raise ValueError(text)
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return 3600 * hours + 60 * minutes + seconds


def roughly(seconds: float) -> str:
    """A time span that is a guess, no more precise than it is known: "40 s", "14 min", "1 h 02 min"."""
    if seconds < 59.5:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else duration(60 * minutes)


def speed(tokens: int, seconds: float) -> str | None:
    """Tokens a second, or None while there is nothing to divide."""
    if tokens <= 0 or seconds <= 0:
        return None
    rate = tokens / seconds
    return f"{rate:.1f} tokens/s" if rate < 9.95 else f"{thousands(round(rate))} tokens/s"


def shortened(value: object) -> str:
    """A value as a reason shows it: in one printable line, and not much of it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    shown = _SHORT.repr(value)  # which stops early, however large or deep the value
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


def listed(names: Iterable[str], limit: int = 60, between: str = ", ") -> str:
    """Names of fields or columns in one printable line of about `limit` characters."""
    line = ""
    for name in names:
        shown = name if name.isprintable() and name.strip() else ascii(name)
        if line and len(line) + len(shown) > limit:
            return f"{line}, ..."
        shown = shown if len(shown) <= limit else f"{shown[:limit]}..."
        line = f"{line}{between}{shown}" if line else shown
    return line
