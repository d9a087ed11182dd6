"""The `pfsolve` command."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NoReturn

from pfsolve.cli.interrupt import is_stopping, over, say_interrupted, take_over

if TYPE_CHECKING:
    from pfsolve.environment import Environment


def main() -> NoReturn:
    """Run the command line and exit; expected trouble is one line on stderr, never a traceback."""
    take_over()  # before all else is imported, which takes a while
    try:
        from pfsolve.environment import Environment, never_fail_on_stderr

        never_fail_on_stderr()
        environment = Environment()
        environment.write_unicode()
        status = run(environment.arguments, environment)
    except BaseException:
        if not is_stopping():
            raise
        say_interrupted()  # among imports, where nothing else can say it yet
        status = 130
    gc.freeze()  # nothing is to be found that could be freed: looking takes as long as all imports
    raise SystemExit(over(status))


def run(argv: Sequence[str], environment: Environment) -> int:
    """Run the command line on these arguments; returns the exit code.

    `--debug`, anywhere before `--`, or PFSOLVE_DEBUG=1, shows tracebacks.
    """
    from pfsolve.errors import ExitCode

    end = argv.index("--") if "--" in argv else len(argv)
    debug = environment.debug or "--debug" in argv[:end]
    argv = [arg for i, arg in enumerate(argv) if arg != "--debug" or i >= end]
    try:
        _check_unicode(argv)
        from pfsolve.cli.app import app
        from pfsolve.cli.completion import part_options

        part_options(environment.variables)
        code = app(argv, prog_name="pfsolve", standalone_mode=False)
        environment.stdout.flush()
        return int(code or 0)
    except BrokenPipeError:
        environment.abandon_stdout()  # the reader has enough; that is no error
        return ExitCode.ANSWERED
    except (Exception, KeyboardInterrupt) as error:
        if debug:
            import traceback

            from pfsolve.wording import visible

            environment.stderr.write(visible("".join(traceback.format_exception(error))))
        return _report(error, argv, environment)


def _check_unicode(argv: Sequence[str]) -> None:
    """Refuse what could not be written down after the work, in a result or a record.

    Raises:
        UsageError: an argument holds bytes that are no text in this system's encoding.
    """
    from pfsolve.errors import UsageError

    for number, argument in enumerate(argv, 1):
        try:
            argument.encode()
        except UnicodeEncodeError as error:
            raise UsageError(
                f"argument {number} is not UTF-8: {argument.encode(errors='replace').decode()!r}",
                f"its character {error.start + 1} is in another encoding; "
                "`iconv -t UTF-8` converts a text",
            ) from None


def _report(error: BaseException, argv: Sequence[str], environment: Environment) -> int:
    """One line that says what is wrong, one that says what to do; returns the exit code."""
    from pfsolve.errors import Interrupted, PfsolveError, as_option, exit_code

    if isinstance(error, KeyboardInterrupt) or (
        is_stopping() and not isinstance(error, PfsolveError)
    ):
        error = Interrupted("interrupted")
    elif isinstance(error, OSError):
        said = [error.filename, error.strerror or str(error)]
        error = PfsolveError(": ".join(str(part) for part in said if part))
    elif isinstance(error, MemoryError):
        error = PfsolveError(str(error) or "out of memory")
    if not isinstance(error, PfsolveError):
        from typer.exceptions import TyperException

        if isinstance(error, TyperException):
            from pfsolve.cli.help import what_to_do

            environment.complain(*what_to_do(error, argv))
            return int(error.exit_code)
        what = f"unexpected {type(error).__name__}: {error}"
        error = PfsolveError(what, "this is a bug in pfsolve; --debug shows where")
    message, _ = error.spelled(_places(argv, environment))
    environment.complain(message, error.spelled(as_option)[1])
    return exit_code(error)


def _places(argv: Sequence[str], environment: Environment) -> Callable[[str, str | None], str]:
    """How settings are spelled in what is wrong: as at the place that says them."""
    from pfsolve.errors import UsageError, as_option
    from pfsolve.settings import as_said

    try:
        return as_said(argv, environment.variables, environment.config_file)
    except UsageError:  # a user without a home
        return as_option
