"""Solutions that are programs: how they are written, and running them where they can do no harm."""

from pfsolve.programs.base import End, Limits, ProgramResult, Sandbox
from pfsolve.programs.sandbox import open_sandbox

__all__ = ["End", "Limits", "ProgramResult", "Sandbox", "open_sandbox"]
