"""Bytes in words."""

from __future__ import annotations

_UNITS = ("B", "kB", "MB", "GB", "TB")


def format_bytes(count: float) -> str:
    """Three digits and a decimal unit: 1.12 GB, 98.4 MB, 512 B."""
    power = 0
    while count >= 999.5 and power < len(_UNITS) - 1:
        count /= 1000
        power += 1
    return f"{count:.3g} {_UNITS[power]}"
