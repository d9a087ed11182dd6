"""`pfsolve chat`: a problem a line, with the models kept loaded."""

from __future__ import annotations

import difflib
import shlex
import signal
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

import typer

from pfsolve.cli.completion import of_setting
from pfsolve.cli.interrupt import recovered
from pfsolve.cli.options import Flags, settled, taking
from pfsolve.cli.solve import AnswerAlone, Raw, RunOptions, Verbose, WithSolution
from pfsolve.errors import EngineError, PfsolveError, UsageError
from pfsolve.settings import SETTINGS, Settings, merge, parsed, refuse_idle

if TYPE_CHECKING:
    from pfsolve.environment import Environment
    from pfsolve.results.line import ResultLine
    from pfsolve.solver.solver import Solver

_OF_ONE_PROBLEM = [name for name in SETTINGS if name != "parallel"]
_COMMANDS = {
    "/set": (
        "[NAME [VALUE]]...",
        "Change settings: /set particles 16 seed 7; alone it shows them.",
    ),
    "/unset": ("NAME...", "Take back what was set, here or on the command line."),
    "/show": ("[all]", "The last solution in full; all: what each particle has written."),
    "/again": ("", "The same problem with another seed."),
    "/help": ("", "These commands."),
    "/quit": ("", "End; so does Ctrl-D."),
}


@taking(*_OF_ONE_PROBLEM)
def chat(
    solution: WithSolution = None,
    raw: Raw = False,
    quiet: AnswerAlone = False,
    verbose: Verbose = 0,
    *,
    flags: Flags,
) -> None:
    """Solve one problem after another: the models stay loaded."""
    from pfsolve.cli.session import tell_mistyped
    from pfsolve.environment import Environment

    environment = Environment()
    if not (environment.stdin_is_terminal and environment.stderr_is_terminal):
        name = "standard error" if environment.stdin_is_terminal else "standard input"
        raise UsageError(
            f"pfsolve chat needs a terminal, and {name} is none",
            'in a pipe: echo "Solve x^2=4" | pfsolve',
        )
    settings = settled(environment, flags)
    tell_mistyped(environment, quiet=quiet)
    options = RunOptions(solution=solution, raw=raw, quiet=quiet, verbose=verbose)
    with Chat(environment, flags, options) as session:
        session.load(settings)
        from pfsolve.cli.chat_prompt import Words, prompt

        session.run(prompt(environment, Words(completions(session)), history=settings.history))


class Chat:
    """A session: its settings, its models, and the last solution.

    Args:
        flags: settings given on the command line.
        options: how answers are shown.

    Attributes:
        flags: these, with what has been set since.
        settings: that hold; None before models have been loaded once.
        solver: None where models must be loaded before the next problem.
        is_over: whether the user wants no more.
    """

    def __init__(self, environment: Environment, flags: Flags, options: RunOptions) -> None:
        from pfsolve.display.output import Output

        self._environment = environment
        self._options = options
        self._output = Output(environment, raw=options.raw, quiet=options.quiet)
        self._problem: str | None = None
        self._line: ResultLine | None = None
        self.flags: Mapping[str, Any] = flags
        self.settings: Settings | None = None
        self.solver: Solver | None = None
        self.is_over = False

    def __enter__(self) -> Chat:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the models; the next problem loads them again."""
        solver, self.solver = self.solver, None
        if solver is not None:
            solver.close()

    def run(self, read: Callable[[], str | None]) -> None:
        """Do what each line says until there is none; a failure is told, and ends nothing."""
        self._output.note("A problem a line. /help shows the commands, Ctrl-D ends.")
        while not self.is_over and (line := read()) is not None:
            recovered()
            try:
                self.take(line.strip())
            except KeyboardInterrupt:  # the second Ctrl-C: nothing is known of what it left
                self.close()
                self._environment.complain("interrupted")
                recovered()
            except PfsolveError as error:
                self._tell(error)
            except typer.Exit:  # what there is to say has been said
                pass

    def take(self, line: str) -> None:
        """Solve a problem, or do what a command says.

        Raises:
            PfsolveError: that cannot be done.
            Exit: the search was stopped, and had an answer.
        """
        word, *rest = line.split(maxsplit=1) or [""]
        if line.startswith("/"):
            self._do(word, rest[0] if rest else "")
        elif f"/{line.lower()}" in {*_COMMANDS, "/exit"}:
            command = "/quit" if line.lower() == "exit" else f"/{line.lower()}"
            raise UsageError(f"{line!r} is no problem", f"did you mean {command}?")
        elif line:
            self._solve(line)

    def load(self, settings: Settings) -> Solver:
        """Load the models of these settings, which hold from then on."""
        from pfsolve.cli.session import log_of
        from pfsolve.display.surface import watching
        from pfsolve.solver.solver import Solver

        quiet, verbose = self._options.quiet, self._options.verbose
        with watching(self._environment, quiet=quiet, verbose=verbose) as display:
            solver = Solver(
                settings,
                problems=1,
                environment=self._environment,
                listen=display,
                log=log_of(self._environment, verbose),
            )
        self.solver, self.settings = solver, settings
        return solver

    def _do(self, command: str, rest: str) -> None:
        match command:
            case "/set":
                self._set(rest)
            case "/unset":
                self._unset(rest.split())
            case "/show":
                self._show(rest.strip())
            case "/again":
                from secrets import randbits

                if self._problem is None:
                    raise UsageError("there is no problem yet", "write one")
                self._solve(self._problem, seed=randbits(32))
            case "/help":
                self._help()
            case "/quit":
                self.is_over = True
            case _:
                near = difflib.get_close_matches(command, _COMMANDS, n=1)
                hint = f"did you mean {near[0]}?" if near else "/help shows them"
                raise UsageError(f"there is no command {command!r}", hint)

    def _solve(self, problem: str, seed: int | None = None) -> None:
        from pfsolve.cli.one import keep, print_answer, say_how_it_ended, search
        from pfsolve.cli.session import interruptible
        from pfsolve.display.solve import SolveView
        from pfsolve.display.surface import watching
        from pfsolve.results.line import alone
        from pfsolve.results.run_record import with_events

        assert self.settings is not None
        solver = self.solver or self.load(self.settings)
        environment, options = self._environment, self._options
        self._problem = problem
        interrupt = interruptible(environment, quiet=options.quiet)
        surface = watching(environment, SolveView(), quiet=options.quiet, verbose=options.verbose)
        try:
            with surface as display, interrupt:
                found, heard = search(problem, solver, interrupt.stopping, display, seed)
        finally:
            self.is_over = interrupt.received not in (None, signal.SIGINT)
        self._line = line = alone(found, particles=True)
        if self.settings.history:
            keep(with_events(line, heard), environment, self._output, options.verbose)
        print_answer(line, options, environment, self._output, hint="/show all for more")
        say_how_it_ended(found, self._output)

    def _set(self, text: str) -> None:
        words = _words(text)
        names, values = [_name(word) for word in words[::2]], words[1::2]
        if not values:
            self._print_settings(names or _OF_ONE_PROBLEM)
            return
        if len(names) > len(values):
            raise UsageError(f"{names[-1]} has no value", "write /set NAME VALUE")
        given = {name: parsed(name, value) for name, value in zip(names, values, strict=True)}
        self._use({**self.flags, **given}, given)

    def _unset(self, words: list[str]) -> None:
        names = [_name(word) for word in words]
        if not names or not self.flags.keys() >= set(names):
            said = ", ".join(self.flags) or "nothing yet"
            raise UsageError("name settings that have been set", f"that is {said}")
        self._use({name: v for name, v in self.flags.items() if name not in names}, {})

    def _use(self, flags: Flags, given: Flags) -> None:
        """Let these settings hold, of which some are new; where that fails, those of before do."""
        from pfsolve.solver.profiles import layers

        settings = merge(*layers(self._environment, flags))
        refuse_idle(settings, given)
        names = self.solver.reloads(settings) if self.solver is not None else []
        if self.solver is not None and not names:
            self.solver, self.settings = self.solver.using(settings), settings
        else:
            if names:
                self._output.note(f"loading again: another {', '.join(names)}")
            self.close()
            self.load(settings)
        self.flags = flags

    def _print_settings(self, names: list[str]) -> None:
        from pfsolve.display.columns import Table
        from pfsolve.settings.declaration import written

        now = self.solver.settings if self.solver is not None else self.settings
        values = {name: getattr(now, name, self.flags.get(name)) for name in names}
        cells = [
            [name, "" if value is None else written(value), SETTINGS[name].help]
            for name, value in values.items()
        ]
        self._output.give(
            values, lambda: [Table(("setting", "value", "what it is"), cells, prose=True)]
        )
        if len(cells) == 1:
            about = SETTINGS[names[0]]
            self._output.note(f"values: {about.range or about.values or 'on|off'}")

    def _show(self, which: str) -> None:
        from pfsolve.cli.show import print_run

        if which not in ("", "all"):
            raise UsageError(f"/show {which} is unknown", "write /show or /show all")
        if self._line is None:
            raise UsageError("there is no solution yet", "write a problem")
        print_run(self._line, self._output, every=which == "all", more="/show all")

    def _help(self) -> None:
        from pfsolve.display.columns import Table

        rows = [[f"{name} {values}".rstrip(), about] for name, (values, about) in _COMMANDS.items()]
        self._output.give(rows, lambda: [Table(("command", "what it does"), rows, prose=True)])
        self._output.note(
            "Anything else is a problem; Alt-Enter begins another line of it. Ctrl-C clears the line or "
            "ends a search."
        )

    def _tell(self, error: PfsolveError) -> None:
        """Say what is wrong, with settings as one sets them here."""
        if isinstance(error, EngineError):
            self.close()  # nothing is known of what it left
        _, hint = error.spelled(lambda name, v: name if v is None else f"/set {name} {v}")
        self._environment.complain(error.message, hint)


def _words(text: str) -> list[str]:
    """Names and values in turn, of "particles 16 seed=7".

    Raises:
        UsageError: a quotation does not end.
    """
    lexer = shlex.shlex(text, posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.escape, lexer.commenters = True, "", ""  # C:\models
    words: list[str] = []
    try:
        for word in lexer:
            words += [word] if len(words) % 2 else word.split("=", 1)
    except ValueError:
        raise UsageError(f"a quotation mark is missing in {text!r}", "add it") from None
    return words


def _name(word: str) -> str:
    """The setting that a word names, as on the command line or in Python.

    Raises:
        UsageError: there is none of this name.
    """
    name = word.lstrip("-").replace("-", "_").lower()
    if name == "parallel":
        raise UsageError("parallel is for a file of problems", "pfsolve -f FILE solves one")
    if name not in SETTINGS:
        merge({name: None})  # says which may have been meant
    return name


def completions(session: Chat) -> Mapping[str, Callable[[list[str]], Collection[str]]]:
    """What may follow each command, after the words that are there."""

    def setting(words: list[str]) -> Collection[str]:
        if len(words) % 2 == 0:
            return _OF_ONE_PROBLEM
        found = SETTINGS.get(words[-1].replace("-", "_"))
        if found is None:
            return ()
        return ("on", "off") if found.kind is bool else of_setting(found)("")

    follow: dict[str, Callable[[list[str]], Collection[str]]] = {
        "/set": setting,
        "/unset": lambda words: [name for name in session.flags if name not in words],
        "/show": lambda words: () if words else ("all",),
    }
    return {name: follow.get(name, lambda words: ()) for name in _COMMANDS}
