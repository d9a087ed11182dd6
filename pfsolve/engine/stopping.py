"""A long decode that is given up between two batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# Tokens in a batch then: a fraction of a second's work, and hardly slower than in larger ones.
BATCH_TOKENS = 64

_stopping: ContextVar[Callable[[], bool] | None] = ContextVar("stopping", default=None)


class GivenUp(Exception):
    """A decode has stopped on its way: its sequences hold what was decoded by then."""


@contextmanager
def given_up_once(stopping: Callable[[], bool]) -> Iterator[None]:
    """A context in which decodes of this thread raise `GivenUp` once `stopping` is true."""
    token = _stopping.set(stopping)
    try:
        yield
    finally:
        _stopping.reset(token)


def can_be_given_up() -> bool:
    """Whether a decode should come in batches of `BATCH_TOKENS`, each followed by `look`."""
    return _stopping.get() is not None


def look() -> None:
    """Between two batches.

    Raises:
        GivenUp: nobody waits for the rest.
    """
    stopping = _stopping.get()
    if stopping is not None and stopping():
        raise GivenUp
