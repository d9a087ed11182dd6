"""The sandbox as the rest of pfsolve sees it: one worker process, kept alive, killed when it must be.

One thread owns the process and all jobs. It hands out no more programs than the worker has threads,
so that it knows which of them ran when the worker died. Those run again, one at a time: only a
program that kills the worker alone, and for the second time, has crashed. No other is hurt.
"""

from __future__ import annotations

import contextlib
import itertools
import queue
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pfsolve.errors import ProgramsUnavailable
from pfsolve.events import Listener, ignore
from pfsolve.programs.base import Limits, ProgramResult
from pfsolve.programs.build import MachineCode, build
from pfsolve.programs.process import MAX_ERROR, WorkerProcess, crashed, result_of
from pfsolve.wording import one_line

_START_LIMIT = 120.0  # seconds until a worker is ready, on a busy machine
_GRACE = 15.0  # seconds beyond a program's own limit until the worker counts as hanging
_MAX_FAILED_STARTS = 3  # in a row

DEFAULT_LIMITS = Limits()


def open_sandbox(directory: Path, *, threads: int = 2, listen: Listener = ignore) -> WorkerSandbox:
    """A sandbox that is ready; it is built first if there is none below `directory`.

    A damaged one is built anew.

    Args:
        threads: programs that run at the same time.

    Raises:
        ProgramsUnavailable: it cannot be built or does not work here; the message says why.
    """
    machine_code = build(directory, listen=listen)
    try:
        return WorkerSandbox(machine_code, threads)
    except ProgramsUnavailable:
        machine_code = build(directory, listen=listen, instead_of=machine_code)
        return WorkerSandbox(machine_code, threads)


def open_beside(directory: Path, *, listen: Listener = ignore) -> Future[WorkerSandbox]:
    """`open_sandbox` in a thread, beside the caller's own work; `listen` is called from there.

    If it is not wanted any more, `abandon` it.
    """
    future: Future[WorkerSandbox] = Future()

    def work() -> None:
        try:
            sandbox = open_sandbox(directory, listen=listen)
        except BaseException as error:
            with contextlib.suppress(InvalidStateError):
                future.set_exception(error)
            return
        try:
            future.set_result(sandbox)
        except InvalidStateError:
            sandbox.close()

    threading.Thread(target=work, name="pfsolve-sandbox-opening", daemon=True).start()
    return future


def abandon(opening: Future[WorkerSandbox]) -> None:
    """Close a sandbox that `open_beside` has opened, or will have."""
    if not opening.cancel() and opening.exception() is None:
        opening.result().close()


@dataclass(eq=False)
class _Job:
    """A program to run. deaths: how often the worker died while it ran. due: when it must be done."""

    program: str
    limits: Limits
    future: Future[ProgramResult] = field(default_factory=Future)
    deaths: int = 0
    due: float = 0.0


class WorkerSandbox:
    """A `Sandbox` in a process of its own.

    walls: the system's own protections around that process, "landlock" and "seccomp" where Linux
    has them.

    Args:
        machine_code: is checked before it is loaded.
        threads: programs that run at the same time.

    Raises:
        ProgramsUnavailable: the machine code is damaged, or does not do as it should.
    """

    walls: tuple[str, ...]

    def __init__(self, machine_code: MachineCode, threads: int = 2) -> None:
        self._machine_code = machine_code
        self._threads = threads
        self._inbox: queue.SimpleQueue[_Job | _Message | None] = queue.SimpleQueue()
        self._waiting: deque[_Job] = deque()
        self._suspects: deque[_Job] = deque()  # they ran when the worker died
        self._running: dict[int, _Job] = {}
        self._numbers = itertools.count()
        self._failed_starts = 0
        self._ready = True
        self._broken = False
        self._closed = False
        try:
            self._worker = WorkerProcess(machine_code, threads, self._hear)
        except OSError as error:
            raise _unusable(str(error)) from error
        self.walls = self._wait_until_ready()
        self._thread = threading.Thread(target=self._supervise, name="pfsolve-sandbox", daemon=True)
        self._thread.start()

    def submit(self, program: str, limits: Limits = DEFAULT_LIMITS) -> Future[ProgramResult]:
        job = _Job(program, limits)
        if self._closed:
            job.future.cancel()
        else:
            self._inbox.put(job)
        return job.future

    def run(self, programs: Sequence[str], limits: Limits = DEFAULT_LIMITS) -> list[ProgramResult]:
        return [future.result() for future in [self.submit(p, limits) for p in programs]]

    def close(self) -> None:
        self._closed = True
        self._inbox.put(None)
        self._thread.join()

    @property
    def pid(self) -> int:
        """Process id of the worker."""
        return self._worker.pid

    @property
    def running(self) -> int:
        """The number of programs that run now."""
        return len(self._running)

    def __enter__(self) -> WorkerSandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- the thread that owns all ---------------------------------------------------------

    def _wait_until_ready(self) -> tuple[str, ...]:
        """Wait for a worker's first line; its walls.

        Raises:
            ProgramsUnavailable: the worker does not start.
        """
        line: dict[str, Any] | None = None
        with contextlib.suppress(queue.Empty):
            message = self._inbox.get(timeout=_START_LIMIT)
            assert isinstance(message, _Message)
            line = message.line
        if line is None or line.get("ready") is not True:
            self._worker.kill()
            reason = (line or {}).get("reason", "its process ended at once")
            raise _unusable(str(reason))
        return tuple(line["walls"])

    def _supervise(self) -> None:
        while True:
            try:
                message = self._inbox.get(timeout=self._patience())
            except queue.Empty:  # it hangs
                message = _Message(self._worker, None)
            if message is None:
                break
            if isinstance(message, _Job):
                self._waiting.append(message)
            elif message.worker is self._worker:  # else they are last words
                self._react(message.line)
            if self._broken:
                self._give_up(_broken("its process does not start again"))
            elif self._ready:
                self._hand_out()
        self._worker.kill()
        self._give_up(_broken("it was closed"))

    def _hear(self, worker: WorkerProcess, line: dict[str, Any] | None) -> None:
        self._inbox.put(_Message(worker, line))

    def _react(self, line: dict[str, Any] | None) -> None:
        if line is None or line.get("ready") is False:
            self._ready = False
            self._mourn()
        elif line.get("ready"):
            self._ready = True
            self._failed_starts = 0
        else:
            self._settle(line)

    def _patience(self) -> float | None:
        """How long to wait for the next message."""
        if not self._running:
            return None if self._ready or self._broken else _START_LIMIT
        return max(0.0, min(job.due for job in self._running.values()) - time.monotonic())

    def _hand_out(self) -> None:
        """Give the worker as much as it can do at once; suspects run alone."""
        while self._suspects or self._waiting:
            alone = self._suspects or any(job.deaths for job in self._running.values())
            if self._running and (alone or len(self._running) >= self._threads):
                return
            job = (self._suspects or self._waiting).popleft()
            if not job.deaths and not job.future.set_running_or_notify_cancel():
                continue
            number = next(self._numbers)
            job.due = time.monotonic() + job.limits.seconds + _GRACE
            self._running[number] = job
            self._worker.send(number, job.program, job.limits)

    def _settle(self, line: dict[str, Any]) -> None:
        job = self._running.pop(line["job"] if isinstance(line.get("job"), int) else -1, None)
        if job is None:
            return
        try:
            job.future.set_result(result_of(line, job.limits))
        except (KeyError, TypeError, ValueError):
            job.future.set_result(crashed("its answer makes no sense"))

    def _mourn(self) -> None:
        """The worker is gone: see to the programs that ran, and start another one."""
        alone = len(self._running) == 1
        self._failed_starts += not self._running
        for job in self._running.values():
            job.deaths += 1
            if alone and job.deaths > 1:
                job.future.set_result(crashed("its process ended"))
            else:
                self._suspects.append(job)
        self._running.clear()
        self._worker.kill()
        try:
            self._broken = self._failed_starts >= _MAX_FAILED_STARTS
            if not self._broken:
                self._worker = WorkerProcess(self._machine_code, self._threads, self._hear)
        except OSError:  # the system starts no more processes
            self._broken = True

    def _give_up(self, reason: ProgramsUnavailable) -> None:
        for job in [*self._waiting, *self._suspects, *self._running.values()]:
            if not (self._closed and job.future.cancel()):  # which fails for one that has begun
                with contextlib.suppress(InvalidStateError):  # its owner has cancelled it
                    job.future.set_exception(reason)
        self._waiting.clear()
        self._suspects.clear()
        self._running.clear()


@dataclass(frozen=True)
class _Message:
    """A line from a worker; None when it has ended or talks nonsense."""

    worker: WorkerProcess
    line: dict[str, Any] | None


def _unusable(reason: str) -> ProgramsUnavailable:
    return ProgramsUnavailable(
        f"the sandbox of programs does not work here: {one_line(reason[:MAX_ERROR])}",
        "`pfsolve programs build` builds it anew",
    )


def _broken(reason: str) -> ProgramsUnavailable:
    return ProgramsUnavailable(f"the sandbox of programs broke: {reason}")
