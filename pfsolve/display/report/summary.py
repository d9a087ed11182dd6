"""Summaries of results, a row for each setting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pfsolve.display.columns import Table
from pfsolve.wording import duration, one_line, speed, thousands

if TYPE_CHECKING:
    from pfsolve.results.summary import Summary

_COLUMNS = ("settings", "done", "no answer", "right", "accuracy", "tokens", "time", "speed")
_NAMED = ("policy", "particles", "reward", "temperature", "seed")  # what tells runs apart first


def summary_table(summaries: Sequence[Summary]) -> Table:
    """A row for the results of each group of settings, named by what the settings differ in."""
    labels = labels_of([summary.settings for summary in summaries])
    rows = [_row(label, summary) for label, summary in zip(labels, summaries, strict=True)]
    return Table(_COLUMNS, rows, spare=("speed", "time", "no answer", "right"))


def labels_of(settings: Sequence[dict[str, Any]]) -> list[str]:
    """A short name for each group of settings: the most telling ones, and all others they differ in."""
    differing = [
        name
        for name in settings[0]
        if name not in _NAMED and any(s.get(name) != settings[0][name] for s in settings)
    ]
    return [
        ", ".join(f"{name} {one_line(str(s.get(name)))}" for name in (*_NAMED, *differing))
        for s in settings
    ]


def _row(label: str, s: Summary) -> tuple[str, ...]:
    accuracy = ""
    if s.accuracy is not None and s.interval is not None:
        low, high = s.interval
        accuracy = f"{100 * s.accuracy:.1f} % ({100 * low:.0f} to {100 * high:.0f})"
    return (
        label,
        f"{s.problems} of {s.rows}",
        str(s.failed),
        f"{s.right} of {s.graded}" if s.graded else "",
        accuracy,
        thousands(s.tokens),
        duration(s.seconds),
        speed(s.tokens, s.seconds) or "",
    )
