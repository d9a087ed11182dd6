"""All that can be heard while models are fetched, loaded, trained and solve: frozen records of plain values.

The display, the run records and the tests listen to this one stream.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from pfsolve.events import search, work

Event: TypeAlias = (
    search.SearchEvent
    | search.ManyEvent
    | work.ModelEvent
    | work.DownloadEvent
    | work.ConvertEvent
    | work.LabEvent
    | work.SandboxEvent
)
Listener: TypeAlias = Callable[[Event], None]


def ignore(event: Event) -> None:
    """A listener that does nothing."""
