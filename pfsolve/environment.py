"""The world outside: streams, terminal, variables, directories. The only reader of sys and os.environ."""

from __future__ import annotations

import codecs
import io
import os
import stat
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TextIO

from pfsolve.errors import UsageError
from pfsolve.wording import one_line

if TYPE_CHECKING:
    import subprocess

    from rich.console import Console

_TRUE = {"1", "true", "yes", "on"}

_NEEDED_VARIABLES = {"SYSTEMROOT"}  # without it Windows starts no Python
_SUBSTITUTES = "pfsolve.substitutes"  # name of the error handler of streams
_ASCII = dict(
    zip(
        "█▉▊▋▌▍▎▏━╸─…·–−Δ›→×≤≥‘’“”\u00a0",
        "#####---##-~---d>>x<>''\"\" ",
        strict=True,
    )
)
# Variables that say how long OpenMP's threads spin before they sleep, of GNU, of all, and of LLVM.
WAITS = {"GOMP_SPINCOUNT": "1000", "OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"}
_PACKAGE_ROOT = Path(__file__).resolve().parents[1]


def _nowhere(mode: Literal["r", "w"]) -> TextIO:
    """What stands for a stream that was closed before this process began, which Python calls None."""
    return Path(os.devnull).open(mode, encoding="utf-8")


@dataclass(frozen=True)
class Environment:
    """Streams, variables and directories of this process. Tests make their own."""

    stdin: TextIO = field(default_factory=lambda: sys.stdin or _nowhere("r"))
    stdout: TextIO = field(default_factory=lambda: sys.stdout or _nowhere("w"))
    stderr: TextIO = field(default_factory=lambda: sys.stderr or _nowhere("w"))
    variables: Mapping[str, str] = field(default_factory=lambda: os.environ)
    arguments: Sequence[str] = field(default_factory=lambda: sys.argv[1:])

    @property
    def stdin_is_terminal(self) -> bool:
        return _is_terminal(self.stdin)

    @property
    def stdout_is_terminal(self) -> bool:
        return _is_terminal(self.stdout)

    @property
    def stderr_is_terminal(self) -> bool:
        return _is_terminal(self.stderr)

    def read_stdin(self) -> bytes:
        """All of standard input, as it came."""
        return self.stdin.buffer.read()

    @property
    def stdin_waits(self) -> bool:
        """Whether a pipe on standard input holds something that has not been read."""
        try:
            import fcntl
            import termios

            descriptor = self.stdin.fileno()
            size = fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4))
            return stat.S_ISFIFO(os.fstat(descriptor).st_mode) and any(size)
        except (ImportError, OSError, ValueError):  # Windows, or no stream at all
            return False

    @property
    def can_redraw(self) -> bool:
        """Whether a live display on stderr makes sense: a terminal that can move its cursor."""
        return self.stderr_is_terminal and self.variables.get("TERM", "") != "dumb"

    @property
    def in_foreground(self) -> bool:
        """Whether stderr's terminal is this process's to draw on: not after Ctrl-Z and `bg`."""
        try:
            return os.tcgetpgrp(self.stderr.fileno()) in (
                os.getpgrp(),
                0,
            )  # 0: a group out of sight
        except (AttributeError, OSError, ValueError):  # Windows, or no terminal that it belongs to
            return True

    @property
    def debug(self) -> bool:
        return self.flag("PFSOLVE_DEBUG")

    @property
    def offline(self) -> bool:
        """Whether the Hub's own client is to stay offline, whatever the setting says."""
        return self.flag("HF_HUB_OFFLINE")

    def flag(self, name: str) -> bool:
        """Whether a boolean variable is set to 1, true, yes or on."""
        return self.variables.get(name, "").strip().lower() in _TRUE

    @cached_property
    def config_dir(self) -> Path:
        """Folder of config.toml and the user's own models.toml.

        PFSOLVE_CONFIG_DIR, or the platform's usual place (~/.config/pfsolve on Linux).
        """
        return self._folder("PFSOLVE_CONFIG_DIR", "config")

    @property
    def config_file(self) -> Path:
        """The user's settings for all runs; it need not be there."""
        return self.config_dir / "config.toml"

    @cached_property
    def models_dir(self) -> Path:
        """Folder of the model files.

        PFSOLVE_MODELS_DIR, or the platform's cache (~/.cache/pfsolve/models on Linux).
        """
        return self._folder("PFSOLVE_MODELS_DIR", "cache", "models")

    @cached_property
    def programs_dir(self) -> Path:
        """PFSOLVE_PROGRAMS_DIR, or the platform's cache (~/.cache/pfsolve/programs on Linux)."""
        return self._folder("PFSOLVE_PROGRAMS_DIR", "cache", "programs")

    @cached_property
    def state_dir(self) -> Path:
        """Folder of what is kept of runs.

        PFSOLVE_STATE_DIR, or the platform's usual place (~/.local/state/pfsolve on Linux).
        """
        return self._folder("PFSOLVE_STATE_DIR", "state")

    def _folder(self, variable: str, kind: str, *below: str) -> Path:
        """The folder that a variable names, or else the platform's usual place for that kind.

        Raises:
            UsageError: neither is there, since this user has no home.
        """
        if override := self.variables.get(variable):
            return own_path(override)
        import platformdirs

        dirs = platformdirs.PlatformDirs("pfsolve", appauthor=False)
        with suppress(RuntimeError):  # of later versions; earlier ones leave the ~ in it
            usual: Path = getattr(dirs, f"user_{kind}_path")
            if usual.is_absolute():
                return usual.joinpath(*below)
        raise UsageError("this user has no home directory", f"set HOME, or {variable}")

    @cached_property
    def out(self) -> Console:
        """Console for results."""
        return self._console(self.stdout, self.stdout_is_terminal)

    @cached_property
    def err(self) -> Console:
        """Console for everything that is not a result."""
        return self._console(self.stderr, self.stderr_is_terminal)

    def complain(self, message: str, hint: str | None = None) -> None:
        """An error, on stderr: what is wrong on one line, what to do about it on another."""
        from rich.text import Text

        line = " ".join(one_line(message).split())
        self.err.print(Text.assemble(("Error: ", "bold red"), line))
        if hint:
            self.err.print(Text(" ".join(one_line(hint).split()), style="dim"))

    def write_unicode(self) -> None:
        """Make stdout and stderr UTF-8, but on a terminal, which knows best: it gets substitutes.

        For the command line alone: a caller of the library has made up its own mind.
        """
        for stream in (self.stdout, self.stderr):
            if isinstance(stream, io.TextIOWrapper):
                encoding = None if _is_terminal(stream) else "utf-8"
                stream.reconfigure(encoding=encoding, errors=_SUBSTITUTES)

    def check_stdout(self) -> None:
        """See, before long work, that its result will have a place.

        Raises:
            UsageError: stdout was closed before this process began.
        """
        if (
            getattr(self.stdout, "name", "") == os.devnull
        ):  # as `_nowhere` is called, and no redirection
            raise UsageError(
                "standard output is closed, and the answer would be lost",
                "leave out `>&-`, or send it to a file",
            )

    def abandon_stdout(self) -> None:
        """Nobody reads stdout any more: let the interpreter's last flush go nowhere, silently."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.stdout.fileno())

    def _console(self, stream: TextIO, terminal: bool) -> Console:
        from pfsolve.console import CleanConsole

        plain = not terminal or self.variables.get("TERM", "") == "dumb"
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_SUBSTITUTES)  # without Unicode no solve must end
        return CleanConsole(
            file=stream,
            force_terminal=terminal and not plain,
            # rich's own no_color would keep bold and dim.
            color_system=None if plain or self.variables.get("NO_COLOR") else "auto",
            highlight=False,
            soft_wrap=plain,  # a pipe gets lines as they are, never wrapped at 80 columns
            _environ=self.variables,  # not its own view of the process
        )


def _substituted(error: UnicodeError) -> tuple[str, int]:
    """What stands for characters that a stream's encoding lacks, one for one: tables stay in line."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(_ASCII.get(char, "?") for char in lacking), error.end


codecs.register_error(_SUBSTITUTES, _substituted)


class _Notes(io.TextIOWrapper):
    """A stream that takes all: where its disk is full or its reader gone, what is lost are notes."""

    def write(self, text: str) -> int:
        with suppress(OSError):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            super().flush()


def never_fail_on_stderr() -> None:
    """Make what is written to stderr cost no result, whatever becomes of it."""
    old = sys.stderr
    if isinstance(old, io.TextIOWrapper):
        sys.stderr = _Notes(
            old.buffer,
            old.encoding,
            old.errors,
            line_buffering=True,
            write_through=old.write_through,
        )


def cpu_count() -> int:
    """The number of CPUs of this machine, as the system counts them."""
    return os.cpu_count() or 1


def own_path(text: str) -> Path:
    """The path that a user gives, `~` and `~name` expanded.

    Raises:
        UsageError: there is no user of that name, or this one has no home.
    """
    try:
        return Path(text).expanduser()
    except RuntimeError:
        name = text.replace(os.sep, "/").partition("/")[0]
        raise UsageError(
            f"{text}: there is no home directory of {name}", "write the path from / on"
        ) from None


def let_threads_sleep() -> None:
    """Make OpenMP's threads sleep soon where they wait for one another; before it is loaded.

    A thread that spins takes the core that the thread it waits for needs, if other processes are
    there: a decode took 6 to 30 times as long. On an idle machine a spin of 1000 rounds costs next to
    nothing beside GNU's own 300,000. A user who has chosen any of these variables is left alone.
    """
    if not WAITS.keys() & os.environ.keys():
        os.environ.update(WAITS)


def without_backtraces() -> None:
    """Keep llama.cpp, before it is loaded, from starting a debugger on this process when it ends it."""
    os.environ.setdefault("GGML_NO_BACKTRACE", "1")


def child_process(
    module: str,
    *arguments: str,
    read: Literal["stdout", "stderr"],
    variables: Mapping[str, str] = {},
    inherit: bool = True,
) -> subprocess.Popen[bytes]:
    """Start `python -m module`, with this interpreter and the packages that it finds.

    The child's standard input is a pipe that closes when this process ends, however it ends. The
    child is in a session of its own, so that Ctrl-C reaches this process alone, which has to kill
    it. A module of the user's directory, say sympy.py, does not stand in for an installed one.

    Args:
        read: the stream that this process reads; the other one is discarded.
        variables: environment variables, beside those of this process.
        inherit: whether the child gets those of this process, which may hold tokens.

    Raises:
        OSError: the system starts no process.
    """
    import subprocess

    paths = [str(_PACKAGE_ROOT), *filter(None, sys.path)]
    inherited = {k: v for k, v in os.environ.items() if inherit or k.upper() in _NEEDED_VARIABLES}
    return subprocess.Popen(
        [sys.executable, "-P", "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE if read == "stdout" else subprocess.DEVNULL,
        stderr=subprocess.PIPE if read == "stderr" else subprocess.DEVNULL,
        env={**inherited, "PYTHONPATH": os.pathsep.join(paths), **variables},
        start_new_session=True,
    )


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except (AttributeError, ValueError):  # no stream at all, or a closed one
        return False
