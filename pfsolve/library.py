"""pfsolve as a library: nothing is printed, except that a model is being fetched, on stderr."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from pfsolve.environment import Environment
from pfsolve.events import Event, Listener
from pfsolve.events.work import (
    ConvertEvent,
    DownloadEvent,
    SandboxBuilding,
    SandboxBuilt,
    SandboxWaits,
)
from pfsolve.settings import merge
from pfsolve.solver import solver
from pfsolve.solver.profiles import with_profiles

if TYPE_CHECKING:
    from pfsolve.display.surface import Surface
    from pfsolve.engine.backend import LogSink
    from pfsolve.rewards.base import Reward
    from pfsolve.settings import Settings
    from pfsolve.solution import Solution

_SHOWN = (DownloadEvent, ConvertEvent, SandboxWaits, SandboxBuilding, SandboxBuilt)


class Solver(solver.Solver):
    """Models loaded once, for any number of problems. Close it, or use it in a `with`.

    Args:
        settings: how to solve; the models it names are fetched first if they are missing.
        problems: number of problems to solve, None if that is not known. It bounds the number
            searched side by side; where `Settings.parallel` leaves that open too, it is one.
        environment: directories and variables; this process's by default.
        reward: a reward of the caller's own, in place of the one that settings name. The caller
            closes it.
        listen: hears of downloads, and of each model that is loaded. By default downloads are shown
            on stderr; with `pfsolve.events.ignore` nothing is.
        log: receives llama.cpp's log lines.

    Attributes:
        settings: with everything decided that was left open.
        policy: writes steps.
        reward: scores them.
        parallel: number of problems that are searched side by side.
        versions: of all that results depend on.
        load_seconds: time that finding and loading the models took.

    Raises:
        UsageError: a name is unknown, or a value does not fit the model.
        ModelMissing: a model cannot be fetched.
        ModelFileError: a model file cannot be used.
        ResourceError: there is too little memory or disk.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        problems: int | None = None,
        environment: Environment | None = None,
        reward: Reward | None = None,
        listen: Listener | None = None,
        log: LogSink | None = None,
    ) -> None:
        environment = environment or Environment()
        with downloads_shown(environment) as shown:
            super().__init__(
                settings,
                problems=problems,
                environment=environment,
                reward=reward,
                listen=listen or shown,
                log=log,
            )


def solve(problem: str, **settings: Any) -> Solution:
    """Solve one problem; keyword arguments are the fields of `Settings`, `preset` and `profile`.

    Loads the models anew each time: for more than one problem make a `Solver`.
    """
    environment = Environment()
    layers = with_profiles(settings, environment=environment)
    with Solver(merge(*layers), environment=environment) as models:
        return models.solve(problem)


@contextmanager
def downloads_shown(environment: Environment) -> Iterator[Listener]:
    """A listener that shows what is fetched or built once; stderr is not touched before there is such."""
    lock, surface = threading.Lock(), None
    with ExitStack() as stack:

        def show(event: Event) -> None:
            nonlocal surface
            if not isinstance(event, _SHOWN):
                return
            with lock:  # the sandbox is built by another thread
                surface = surface or stack.enter_context(_surface(environment))
            surface(event)

        yield show


def _surface(environment: Environment) -> Surface:
    from pfsolve.display.surface import watching

    return watching(environment)
