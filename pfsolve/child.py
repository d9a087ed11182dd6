"""Questions to a process that may hang, or be ended by the question."""

from __future__ import annotations

import json
import signal
import subprocess
from dataclasses import dataclass
from typing import Any, Literal

from pfsolve.environment import child_process

_ILLEGAL = 0xC000001D  # how Windows ends a process for an illegal instruction


@dataclass(frozen=True, slots=True)
class Reply:
    """What a process answered.

    code: its exit status, as `subprocess` has it; None where it did not end in time.
    text: what it wrote.
    """

    code: int | None
    text: str = ""

    @property
    def facts(self) -> dict[str, Any] | None:
        """The JSON object on its last line; None where it did not come so far."""
        if self.code != 0:
            return None
        try:
            found = json.loads(self.text.rstrip().rpartition("\n")[2])
        except ValueError:
            return None
        return found if isinstance(found, dict) else None

    @property
    def is_illegal(self) -> bool:
        """Whether it was ended for an instruction that the processor does not know."""
        return self.code in (-4, _ILLEGAL)  # SIGILL

    @property
    def end(self) -> str:
        """How it ended, where it gave no answer."""
        if self.code is None:
            return "it did not end in time"
        if self.is_illegal:
            return "Illegal instruction"
        try:
            return f"it was ended by {signal.Signals(-self.code).name}"
        except ValueError:
            return f"it ended with status {self.code}"


def ask(
    module: str,
    *arguments: str,
    seconds: float,
    read: Literal["stdout", "stderr"] = "stdout",
) -> Reply:
    """Run `python -m module`, for that long at most; Ctrl-C ends it too.

    Args:
        read: the stream that its answer comes from.
    """
    with child_process(module, *arguments, read=read) as child:
        try:
            out, err = child.communicate(timeout=seconds)
            code: int | None = child.returncode
        except subprocess.TimeoutExpired:
            child.kill()
            out, err = child.communicate()
            code = None
        finally:
            child.kill()
    return Reply(code, (out or err or b"").decode(errors="replace"))
