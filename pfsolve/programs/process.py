"""One run of the worker process, and its answers as results: bounded and cleaned once more."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from pfsolve.environment import child_process
from pfsolve.programs.base import End, Limits, ProgramResult
from pfsolve.programs.build import MachineCode
from pfsolve.wording import duration, one_line, thousands, visible

_MAX_LINE = 8 << 20  # bytes of one answer
MAX_ERROR = 300  # characters
_MAX_VALUES, _MAX_VALUE = 60, 4000


class WorkerProcess:
    """One run of `python -m pfsolve.programs.worker serve`.

    Args:
        hear: called from a thread with this process and each line that it says; with None once it
            has ended or what it says makes no sense.

    Raises:
        OSError: the system starts no process.
    """

    def __init__(
        self,
        machine_code: MachineCode,
        threads: int,
        hear: Callable[[WorkerProcess, dict[str, Any] | None], None],
    ) -> None:
        arguments = ("serve", str(machine_code.path), machine_code.sha256, str(threads))
        self._process = child_process(
            "pfsolve.programs.worker", *arguments, read="stdout", inherit=False
        )
        self.pid = self._process.pid
        self._hear = hear
        threading.Thread(target=self._read, name="pfsolve-sandbox-reader", daemon=True).start()

    def send(self, number: int, program: str, limits: Limits) -> None:
        """Have a program run; the line that answers has this number as its "job"."""
        line = {"job": number, "code": program, **asdict(limits)}
        assert self._process.stdin
        with contextlib.suppress(OSError):  # it is gone, which `hear` is told
            self._process.stdin.write(json.dumps(line).encode() + b"\n")
            self._process.stdin.flush()

    def kill(self) -> None:
        """End it, with all that runs in it."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdin
        with contextlib.suppress(OSError):  # bytes it never read
            self._process.stdin.close()

    def _read(self) -> None:
        assert self._process.stdout
        line: Any = {}
        while isinstance(line, dict):
            text = self._process.stdout.readline(_MAX_LINE)
            try:
                line = json.loads(text) if text.endswith(b"\n") else None
            except ValueError:
                line = None
            self._hear(self, line if isinstance(line, dict) else None)


def result_of(line: dict[str, Any], limits: Limits) -> ProgramResult:
    """What a line says of a program that ran under these limits.

    Raises:
        KeyError, TypeError, ValueError: the line makes no sense.
    """
    end = End(line["end"])
    said = one_line(str(line["error"])[:MAX_ERROR])
    errors = {
        End.ENDED: None,
        End.RAISED: said,
        End.FUEL: f"stopped after {thousands(limits.fuel)} instructions",
        End.TIME: f"stopped after {duration(limits.seconds)}",
        End.STACK: "stopped in too deep a recursion",
        End.OUTPUT: f"printed more than {thousands(limits.output)} characters",
        End.CRASHED: f"broke its interpreter: {said}",
    }
    values = tuple(one_line(str(v)[:_MAX_VALUE]) for v in line["values"][:_MAX_VALUES])
    return ProgramResult(
        output=visible(str(line["output"])[: limits.output])[: limits.output],
        values=tuple(filter(None, values)) if end is End.ENDED else (),
        error=errors[end],
        truncated=bool(line["truncated"]),
        fuel=int(line["fuel"]),
        end=end,
        seconds=float(line["seconds"]),
    )


def crashed(reason: str) -> ProgramResult:
    """The result of a program that nothing came back from."""
    return ProgramResult(error=f"broke its interpreter: {reason}", end=End.CRASHED)
