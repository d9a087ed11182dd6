"""What every command that solves needs around it: models loaded, Ctrl-C in two stages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pfsolve.environment import Environment
    from pfsolve.events import Listener
    from pfsolve.settings import Settings
    from pfsolve.solver.solver import Solver


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the command line says beside the problem and the settings.

    output, resume, shard and unordered concern files of problems alone.
    """

    output: Path | None = None
    resume: bool = False
    shard: str | None = None
    unordered: bool = False
    record: Path | None = None
    json: bool = False
    raw: bool = False
    quiet: bool = False
    verbose: int = 0


@contextmanager
def open_solver(
    settings: Settings,
    environment: Environment,
    options: RunOptions,
    *,
    listen: Listener,
    problems: int = 1,
) -> Iterator[tuple[Solver, Callable[[], bool]]]:
    """A solver, and the question whether the user wants it to stop."""
    from pfsolve.cli.interrupt import TwoStageInterrupt
    from pfsolve.solver.solver import Solver

    def log(line: str) -> None:
        environment.stderr.write(line + "\n")

    def notify() -> None:
        if not options.quiet:
            environment.err.print("finishing this step; Ctrl-C again stops at once", style="dim")

    with (
        Solver(
            settings,
            problems=problems,
            environment=environment,
            listen=listen,
            log=log if options.verbose >= 2 else None,
        ) as solver,
        TwoStageInterrupt(notify) as interrupt,
    ):
        yield solver, interrupt.stopping
