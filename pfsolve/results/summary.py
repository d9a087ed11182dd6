"""What results files add up to: accuracy with its interval, tokens and time, by settings."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pfsolve.results.line import ResultLine


@dataclass(frozen=True, slots=True)
class Summary:
    """All results under the same settings."""

    settings_hash: str
    settings: dict[str, Any]
    rows: int  # of the input
    problems: int  # rows with a result
    failed: int  # results without an answer
    graded: int  # results of problems whose right answer is known
    right: int  # of those
    tokens: int  # written by the policy
    seconds: float  # during which at least one of the problems was being searched

    @property
    def accuracy(self) -> float | None:
        return self.right / self.graded if self.graded else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % interval of the accuracy."""
        return wilson(self.right, self.graded) if self.graded else None


def summarise(records: Iterable[ResultLine]) -> list[Summary]:
    """One summary for each of the settings, in the order of their first results.

    Of several results for one problem under the same settings the last counts.
    """
    groups: dict[str, dict[str, ResultLine]] = {}
    for record in records:
        groups.setdefault(str(record.get("settings_hash")), {})[record["id"]] = record
    return [_summary(key, list(group.values())) for key, group in groups.items()]


def _summary(settings_hash: str, records: Sequence[ResultLine]) -> Summary:
    graded = [right for record in records if (right := record.get("correct")) is not None]
    return Summary(
        settings_hash=settings_hash,
        settings=records[-1].get("settings", {}),
        rows=max(len(records), *(record.get("rows", 0) for record in records)),
        problems=len(records),
        failed=sum(record.get("answer") is None for record in records),
        graded=len(graded),
        right=sum(graded),
        tokens=sum(record.get("tokens", 0) for record in records),
        seconds=_covered(_span(record) for record in records),
    )


def _span(record: ResultLine) -> tuple[float, float]:
    """From when to when a problem was searched, in seconds since 1970."""
    timings = record.get("timings")
    seconds = timings["solve_seconds"] if timings else 0.0
    end = datetime.fromisoformat(record["at"]).timestamp()
    return end - seconds, end


def _covered(spans: Iterable[tuple[float, float]]) -> float:
    """Length of the union of intervals."""
    total, reached = 0.0, -math.inf
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


def wilson(right: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's score interval for a share (Wilson 1927), at 95 % by default."""
    share, square = right / n, z * z
    centre = (share + square / (2 * n)) / (1 + square / n)
    half = z / (1 + square / n) * math.sqrt(share * (1 - share) / n + square / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)
