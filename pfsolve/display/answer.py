"""Answers on stdout, one line each, and the line on stderr about a solve that has ended."""

from __future__ import annotations

from collections.abc import Callable, Sized
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from pfsolve.display.plain import print_dim
from pfsolve.display.population import readable_answer
from pfsolve.display.text import one_line
from pfsolve.wording import duration, percent, plural, speed

if TYPE_CHECKING:
    from rich.console import Console

    from pfsolve.environment import Environment


class Solved(Protocol):
    """What is shown of a solution. agreement: share of the weight behind the answer, 0 to 1."""

    @property
    def answer(self) -> str | None: ...
    @property
    def agreement(self) -> float: ...
    @property
    def seconds(self) -> float: ...
    @property
    def tokens(self) -> int: ...
    @property
    def particles(self) -> Sized: ...


def show(
    solution: Solved, environment: Environment, *, quiet: bool = False, raw: bool = False
) -> None:
    """Print the answer alone on one line of stdout and, unless `quiet`, a line about it on stderr.

    A terminal gets readable text in bold; a pipe, or anyone with `raw`, the LaTeX as written. The
    second line is for people: only a terminal gets it. Without an answer stdout gets nothing.
    """
    if solution.answer is not None:
        _print_answer(environment.out, solution.answer, raw)
    if not quiet and environment.err.is_terminal:
        print_dim(environment.err, summary(solution))


def _print_answer(console: Console, answer: str, raw: bool) -> None:
    from rich.text import Text

    if console.is_terminal and not raw:
        line = Text(readable_answer(answer), "bold")
    else:
        line = Text(one_line(answer))
    console.print(line, soft_wrap=True)


def show_row(
    id: str,
    answer: str | None,
    correct: bool | None,
    environment: Environment,
    *,
    raw: bool = False,
) -> None:
    """Print the answer to one problem of many, alone on a line of stdout; no answer is an empty line.

    A terminal also gets the problem's id before it and whether it is right behind it.
    """
    from rich.text import Text

    console = environment.out
    if not console.is_terminal:
        _print_answer(console, answer or "", raw)
        return
    line = Text(f"{one_line(id)}  ", "dim")
    if answer is None:
        line.append("no answer", "dim")
    else:
        line.append(one_line(answer) if raw else readable_answer(answer), "bold")
    if correct is not None:
        line.append("  right" if correct else "  wrong", "green" if correct else "red")
    console.print(line, soft_wrap=True)


_Item = TypeVar("_Item")


class InOrder(Generic[_Item]):
    """Hands items on in the order of their positions 0, 1, 2, ..., however they arrive.

    Args:
        show: what they are handed to; None stands for one that never came.
        as_they_come: hand them on at once instead.
    """

    def __init__(self, show: Callable[[_Item | None], None], *, as_they_come: bool = False) -> None:
        self._show = show
        self._as_they_come = as_they_come
        self._held: dict[int, _Item] = {}
        self._next = 0

    def __call__(self, position: int, item: _Item) -> None:
        if self._as_they_come:
            self._show(item)
            return
        self._held[position] = item
        while self._next in self._held:
            self._show(self._held.pop(self._next))
            self._next += 1

    def close(self) -> None:
        """Hand on what is held still, with None in the place of those that never came."""
        for position in range(self._next, max(self._held, default=-1) + 1):
            self._show(self._held.get(position))
        self._held.clear()


def summary(solution: Solved) -> str:
    """ "92 % of the weight · 8 particles · 1 843 tokens · 31 s · 59 tokens/s" """
    parts = [
        "no answer" if solution.answer is None else f"{percent(solution.agreement)} of the weight",
        plural(len(solution.particles), "particle"),
        plural(solution.tokens, "token"),
        duration(solution.seconds),
        speed(solution.tokens, solution.seconds),
    ]
    return " · ".join(part for part in parts if part)
