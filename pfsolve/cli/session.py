"""What every command that solves needs around it: models loaded, Ctrl-C and `kill` in two stages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pfsolve.cli.interrupt import TwoStageInterrupt

if TYPE_CHECKING:
    from pfsolve.environment import Environment
    from pfsolve.events import Listener
    from pfsolve.rewards.base import Reward
    from pfsolve.settings import Settings
    from pfsolve.solver.solver import Solver


@contextmanager
def open_solver(
    settings: Settings,
    environment: Environment,
    *,
    listen: Listener,
    problems: int = 1,
    reward: Reward | None = None,
    scoring: bool = False,
    quiet: bool = False,
    verbose: int = 0,
) -> Iterator[tuple[Solver, Callable[[], bool]]]:
    """A solver, and the question whether the user wants it to stop."""
    from pfsolve.solver.solver import Solver

    tell_mistyped(environment, quiet=quiet)
    with (
        Solver(
            settings,
            problems=problems,
            environment=environment,
            reward=reward,
            scoring=scoring,
            listen=listen,
            log=log_of(environment, verbose),
        ) as solver,
        interruptible(environment, quiet=quiet) as interrupt,
    ):
        yield solver, interrupt.stopping


def tell_mistyped(environment: Environment, *, quiet: bool) -> None:
    """Say which variables pfsolve does not know, though they look like its own."""
    from pfsolve.settings import mistyped
    from pfsolve.wording import visible

    for name, near in () if quiet else mistyped(environment.variables):
        line = f"{name} is no variable of pfsolve; did you mean {near}?"
        environment.stderr.write(visible(line) + "\n")


def log_of(environment: Environment, verbose: int) -> Callable[[str], None] | None:
    """What takes llama.cpp's log lines; None where they are not wanted."""
    from pfsolve.wording import visible

    def log(line: str) -> None:
        environment.stderr.write(visible(line) + "\n")

    return log if verbose >= 2 else None


def interruptible(environment: Environment, *, quiet: bool) -> TwoStageInterrupt:
    """A context in which the first Ctrl-C asks a search to stop, and the second stops at once."""

    def notify() -> None:
        if not quiet:
            environment.err.print("stopping; Ctrl-C again stops at once", style="dim")

    return TwoStageInterrupt(notify)
