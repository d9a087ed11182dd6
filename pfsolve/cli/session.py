"""What every command that solves needs around it: models loaded, Ctrl-C and `kill` in two stages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

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
    from pfsolve.cli.interrupt import TwoStageInterrupt
    from pfsolve.settings import mistyped
    from pfsolve.solver.solver import Solver
    from pfsolve.wording import visible

    def log(line: str) -> None:
        environment.stderr.write(visible(line) + "\n")

    def notify() -> None:
        if not quiet:
            environment.err.print("stopping; Ctrl-C again stops at once", style="dim")

    for name, near in () if quiet else mistyped(environment.variables):
        log(f"{name} is no variable of pfsolve; did you mean {near}?")
    with (
        Solver(
            settings,
            problems=problems,
            environment=environment,
            reward=reward,
            scoring=scoring,
            listen=listen,
            log=log if verbose >= 2 else None,
        ) as solver,
        TwoStageInterrupt(notify) as interrupt,
    ):
        yield solver, interrupt.stopping
