"""What came of one check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Status: TypeAlias = Literal["ok", "warning", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that a solve needs, as it was found.

    name: what was checked.
    status: "failed" where a solve will not work, "warning" where it is slow or lacks something.
    value: what was found, in one line.
    remedy: what to do about it, ideally a command; None where nothing is to be done.
    """

    name: str
    status: Status
    value: str
    remedy: str | None = None
