"""What can go wrong, in the user's words, and the exit code of each kind.

Every error a user may cause or meet is a `PfsolveError`: one line that says what happened with the
value seen, and a hint that says what to do about it. The command line prints the two and exits with
`exit_code`; a traceback appears only on request.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import IntEnum


class ExitCode(IntEnum):
    """Exit status of the `pfsolve` command."""

    ANSWERED = 0
    ERROR = 1
    USAGE = 2
    NO_ANSWER = 3
    MODEL_MISSING = 4
    SOME_FAILED = 5
    INTERRUPTED = 130


# Around a setting's name inside a message: private-use characters, which no text of a user's holds.
_OPEN, _CLOSE = "\ue000", "\ue001"
_START, _END = 700, 250  # characters that are left of a message too long to be read
_NAMED = re.compile(f"{_OPEN}([a-z_]+)(?:=([^{_CLOSE}]*))?{_CLOSE}")


def named(name: str, value: object = None) -> str:
    """A setting as part of an error's message or hint, alone or with a value.

    Python shows it as `particles` and `particles=8`, the command line as `--particles` and
    `--particles 8`.
    """
    return f"{_OPEN}{name}{'' if value is None else f'={value}'}{_CLOSE}"


def as_option(name: str, value: str | None = None) -> str:
    """A setting as the command line spells it: "--beam-width", "--beam-width 4"."""
    option = "--" + name.replace("_", "-")
    return option if value is None else f"{option} {value}"


def _as_argument(name: str, value: str | None = None) -> str:
    """A setting as Python spells it: "beam_width", "beam_width=4"."""
    return name if value is None else f"{name}={value}"


class PfsolveError(Exception):
    """Base of all expected errors.

    Args:
        message: what happened, with the value seen. `named` names a setting in it.
        hint: what to do, ideally the command that fixes it.

    Attributes:
        message: one line, with its settings spelled as in Python; `spelled` gives another spelling.
        hint: likewise.
    """

    def __init__(self, message: str, hint: str | None = None) -> None:
        self._raw = (message, hint)
        self.message, self.hint = self.spelled(_as_argument)
        super().__init__(self.message)
        if self.hint:
            self.add_note(self.hint)  # which a traceback shows

    def spelled(self, spell: Callable[[str, str | None], str]) -> tuple[str, str | None]:
        """Message and hint with every setting, and its value if there is one, as `spell` writes it."""
        message, hint = self._raw

        def of(text: str) -> str:
            return _line(_NAMED.sub(lambda found: spell(found[1], found[2]), text))

        return of(message), None if hint is None else of(hint)


def _line(text: str) -> str:
    """A text on one line, its middle left out if values make it longer than anyone reads."""
    line = " ".join(text.splitlines())
    return line if len(line) <= _START + _END else f"{line[:_START]} ... {line[-_END:]}"


class UsageError(PfsolveError):
    """An option, an argument or a setting has a value that cannot be used."""


class ModelMissing(PfsolveError):
    """A model is unknown, not on disk, or cannot be fetched."""


class ModelFileError(PfsolveError):
    """A model file exists but cannot be used: no GGUF, damaged, or of a kind llama.cpp cannot run."""


class ResourceError(PfsolveError):
    """The machine lacks memory or disk for what was asked."""


class ProblemTooLong(PfsolveError):
    """The problem and its instructions leave no room in the context for a solution."""


class EngineError(PfsolveError):
    """llama.cpp refused or failed to do what it was asked."""


class ProgramsUnavailable(PfsolveError):
    """Programs cannot be run on this machine; texts can still be written."""


class NoAnswer(PfsolveError):
    """The search ended without any particle reaching an answer."""


class SomeFailed(PfsolveError):
    """Some rows of a file have no answer; all the others do."""


class Interrupted(PfsolveError):
    """The user stopped the work before there was anything to show for it."""


# The one table from kind of error to exit code; a child without a row inherits its parent's.
EXIT_CODES: dict[type[PfsolveError], ExitCode] = {
    PfsolveError: ExitCode.ERROR,
    UsageError: ExitCode.USAGE,
    ModelMissing: ExitCode.MODEL_MISSING,
    NoAnswer: ExitCode.NO_ANSWER,
    SomeFailed: ExitCode.SOME_FAILED,
    Interrupted: ExitCode.INTERRUPTED,
}


def exit_code(error: PfsolveError) -> ExitCode:
    """The exit code of an error: that of its closest ancestor in `EXIT_CODES`."""
    for kind in type(error).__mro__:
        if kind in EXIT_CODES:
            return EXIT_CODES[kind]
    return ExitCode.ERROR
