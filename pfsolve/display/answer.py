"""The end of a solve: the answer on stdout, one line about it on stderr."""

from __future__ import annotations

from collections.abc import Sized
from typing import TYPE_CHECKING, Protocol

from pfsolve.display.plain import print_dim
from pfsolve.display.population import readable_answer
from pfsolve.display.text import duration, one_line, percent, plural, speed

if TYPE_CHECKING:
    from rich.console import Console

    from pfsolve.environment import Environment


class Solved(Protocol):
    """What is shown of a solution. confidence: share of the weight behind the answer, 0 to 1."""

    @property
    def answer(self) -> str | None: ...
    @property
    def confidence(self) -> float: ...
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


def summary(solution: Solved) -> str:
    """ "92 % of the weight · 8 particles · 1 843 tokens · 31 s · 59 tokens/s" """
    parts = [
        "no answer" if solution.answer is None else f"{percent(solution.confidence)} of the weight",
        plural(len(solution.particles), "particle"),
        plural(solution.tokens, "token"),
        duration(solution.seconds),
        speed(solution.tokens, solution.seconds),
    ]
    return " · ".join(part for part in parts if part)
