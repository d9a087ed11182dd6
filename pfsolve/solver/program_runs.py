"""The programs of one search, run in the sandbox while their particles' siblings are written."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, wait

from pfsolve.errors import ProgramsUnavailable
from pfsolve.particle import Particle
from pfsolve.programs.base import End, ProgramResult, Sandbox

_POLL = 0.05  # seconds between two questions whether to wait on


class ProgramRuns:
    """Runs each different program once, however many particles have written it.

    Args:
        sandbox: None where no particle writes programs.
    """

    def __init__(self, sandbox: Sandbox | None) -> None:
        self._sandbox = sandbox
        self._runs: dict[str, Future[ProgramResult]] = {}  # by program

    def start(self, particle: Particle) -> Future[ProgramResult] | None:
        """Run what a particle's program is so far; None where there is nothing to run."""
        program = particle.program
        if program is None or self._sandbox is None:
            return None
        if program not in self._runs:
            self._runs[program] = self._sandbox.submit(program)
        return self._runs[program]

    def result(self, particle: Particle, is_late: Callable[[], bool]) -> ProgramResult | None:
        """What a particle's program does so far, waited for; None where there is nothing to run.

        A sandbox that broke counts as a program that failed: the texts can still answer.

        Args:
            is_late: asked while it runs; once true, it is waited for no longer, and comes to None.
        """
        run = self.start(particle)
        if run is None:
            return None
        while not run.done():
            if is_late():
                return None
            wait([run], _POLL)
        try:
            return run.result()
        except ProgramsUnavailable as error:
            return ProgramResult(error=str(error), end=End.CRASHED)

    @property
    def seconds(self) -> float:
        """Time that the programs took which have ended, added up."""
        ended = (run for run in self._runs.values() if run.done() and not run.cancelled())
        return sum(run.result().seconds for run in ended if run.exception() is None)

    def close(self) -> None:
        """Run no more of those that wait; twice does no harm."""
        for run in self._runs.values():
            run.cancel()
