"""What a command is given to read: a file, or standard input."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pfsolve.errors import UsageError

if TYPE_CHECKING:
    from pfsolve.environment import Environment


def read_input(file: Path | None, environment: Environment) -> tuple[bytes, str]:
    """The bytes of a file and its name; those of standard input where it is None or "-".

    Raises:
        UsageError: it cannot be read.
    """
    from pfsolve.problems.source import STANDARD_INPUT

    if file is None or str(file) == "-":
        return environment.read_stdin(), STANDARD_INPUT
    try:
        return file.read_bytes(), str(file)
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}", "check the path") from error
