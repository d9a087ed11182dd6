"""Searches take turns: first come, first served, and no more wait than there are places."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pfsolve.errors import Interrupted, PfsolveError
from pfsolve.settings import Settings


@dataclass(frozen=True, slots=True)
class SearchReply:
    """What a search has come to."""

    text: str  # the solution, with the answer on its last line; empty without an answer
    finish_reason: str  # "stop", or "length" without an answer
    prompt_tokens: int  # of all kinds of solutions, each once
    tokens: int  # written by all particles
    result: dict[str, Any]  # answer, agreement and seed


News: TypeAlias = str | SearchReply | PfsolveError  # a line on how far it is, or the end


@dataclass(eq=False, slots=True)
class WaitingSearch:
    """A search that a client waits for."""

    problem: str
    settings: Settings
    tell: Callable[[News], None]  # called by the thread that searches
    gone: threading.Event = field(default_factory=threading.Event)  # the client is


class Turns:
    """The searches that wait and the one that is under way, between the threads that know of them.

    Args:
        places: number of searches that may wait.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._changed = threading.Condition()
        self._waiting: deque[WaitingSearch] = deque()
        self._current: WaitingSearch | None = None
        self._closed = False

    def join(self, search: WaitingSearch) -> int | None:
        """Wait for a turn; the number of searches ahead, or None where there is no place."""
        with self._changed:
            if len(self._waiting) >= self._places or self._closed:
                return None
            ahead = len(self._waiting) + (self._current is not None)
            self._waiting.append(search)
            self._changed.notify()
            return ahead

    def leave(self, search: WaitingSearch) -> None:
        """The client is gone: its search gives up its place, or ends if it is under way."""
        search.gone.set()
        with self._changed:
            if search in self._waiting:
                self._waiting.remove(search)

    def next(self, seconds: float) -> WaitingSearch | None:
        """The search whose turn it is, the one before being over; None if none comes in that time."""
        with self._changed:
            self._current = None
            if not self._waiting:
                self._changed.wait(seconds)
            if self._waiting:
                self._current = self._waiting.popleft()
            return self._current

    def close(self) -> None:
        """Nobody's turn comes any more, and the search under way, if there is one, ends without more news."""
        with self._changed:
            self._closed = True
            left = [*([self._current] if self._current else []), *self._waiting]
            self._waiting.clear()
        for search in left:
            search.tell(Interrupted("the server is shutting down"))
