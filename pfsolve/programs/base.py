"""What running a program means: its limits, what comes back, and the contract of a sandbox."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Limits:
    """What one program may use.

    Fuel is counted in instructions, so that a program that runs out of it does so everywhere, on a
    busy machine too. The seconds are there for what fuel does not count: keep them far above what
    the fuel takes.

    fuel: 10 billion take one to two seconds.
    seconds: of wall clock.
    memory: bytes, the interpreter's own 62 MB included.
    output: characters printed.
    """

    fuel: int = 30_000_000_000
    seconds: float = 60.0
    memory: int = 256 << 20
    output: int = 20_000


class End(StrEnum):
    """How a program came to its end."""

    ENDED = "ended"  # at its last line, or by sys.exit()
    RAISED = "raised"  # an exception
    FUEL = "fuel"
    TIME = "time"
    STACK = "stack"
    OUTPUT = "output"  # it printed more than it may
    CRASHED = "crashed"  # it broke its interpreter


@dataclass(frozen=True, slots=True)
class ProgramResult:
    r"""What a program did.

    output: what it printed, without control characters.
    values: what it printed on its last line, as LaTeX or plain text: ("-2", "2") of
        `print(solve(x**2 - 4))`. Empty if it printed no value or did not end well.
    error: why it did not end well, in one line: "NameError: name 'y' is not defined (line 3)".
    truncated: whether it printed more than `output` holds.
    fuel: instructions it took.
    seconds: it took, with a busy machine's delays; of no account when results are compared.
    """

    output: str = ""
    values: tuple[str, ...] = ()
    error: str | None = None
    truncated: bool = False
    fuel: int = 0
    end: End = End.ENDED
    seconds: float = field(default=0.0, compare=False)

    @property
    def answer(self) -> str | None:
        """The values as one answer, to be compared with those of texts: "-2, 2"."""
        return ", ".join(self.values) or None


class Sandbox(Protocol):
    """Runs programs that are not trusted.

    A program gets a fresh interpreter. It sees no file, network, clock, random source or variable of
    this machine and no other program, and it ends within its limits. Its result depends on nothing
    but its text and its limits.
    """

    def submit(self, program: str, limits: Limits = ...) -> Future[ProgramResult]:
        """Start a program, which runs beside the caller's own work.

        The future raises ProgramsUnavailable if the sandbox breaks while it runs or waits. `close`
        cancels those that wait.
        """
        ...

    def run(self, programs: Sequence[str], limits: Limits = ...) -> list[ProgramResult]:
        """Run programs side by side; their results in the same order.

        Raises:
            ProgramsUnavailable: the sandbox broke.
        """
        ...

    def close(self) -> None:
        """End all programs, and the sandbox."""
        ...
