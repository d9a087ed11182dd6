"""The commands, and the rule that makes `pfsolve PROBLEM` short for `pfsolve solve PROBLEM`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from pfsolve.cli import config, models, programs, results, reward
from pfsolve.cli.bench import bench
from pfsolve.cli.chat import chat
from pfsolve.cli.doctor import doctor
from pfsolve.cli.help import UNNAMED, CommandGroup, Commands, Rows, complain_with_help
from pfsolve.cli.options import Version
from pfsolve.cli.report import report
from pfsolve.cli.score import score
from pfsolve.cli.serve import serve
from pfsolve.cli.show import show
from pfsolve.cli.solve import solve
from pfsolve.environment import Environment
from pfsolve.errors import Interrupted, UsageError


@contextmanager
def _said_plainly() -> Iterator[None]:
    """Keep from Typer what it makes an exit without a word: Ctrl-C, and a pipe that nobody reads any more."""
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted("interrupted") from None
    except BrokenPipeError:
        Environment().abandon_stdout()  # the reader has enough; that is no error
        raise typer.Exit from None


class SolveByDefault(CommandGroup):
    """A group whose first command is meant wherever none is named."""

    _OWN_OPTIONS = frozenset(
        {"--help", "-h", "--version", "-V", "--install-completion", "--show-completion"}
    )

    _SELDOM = frozenset({"score", "bench", "config", "programs", "results", "reward"})

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        # While a first word is completed there is none yet, and it may become a command.
        named = args[0] in {*self.commands, *self._OWN_OPTIONS} if args else ctx.resilient_parsing
        if not args and not named and Environment().stdin_is_terminal:
            complain_with_help(ctx)  # here, since reading solve's options takes as long as all else
        if not named:
            args, ctx.meta[UNNAMED] = ["solve", *args], True
        return super().parse_args(ctx, args)

    def make_context(self, *args: Any, **how: Any) -> Any:
        with _said_plainly():
            return super().make_context(*args, **how)

    def invoke(self, ctx: Any) -> Any:
        with _said_plainly():
            return super().invoke(ctx)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return ["[OPTIONS] PROBLEM | COMMAND ..."]

    def command_rows(self, short: bool) -> Rows:
        """The commands; the short help tells of solving anyway, and of what is seldom used by name."""
        rows = super().command_rows(short)
        if not short:
            return rows
        seldom = ", ".join(name for name, _ in rows if name in self._SELDOM)
        told = {"solve", "help", *self._SELDOM}
        return [*(row for row in rows if row[0] not in told), ("also", seldom)]

    def options(self, ctx: Any, short: bool) -> list[Any]:
        """Those of solving too, which is what most people look for."""
        own = super().options(ctx, short)
        names = {name for param in own for name in param.opts}
        theirs = [p for p in self.commands["solve"].params if not names.intersection(p.opts)]
        return [*(p for p in theirs if not short or p.param_type_name == "option"), *own]

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        items = super().shell_complete(ctx, incomplete)
        own = {item.value for item in items}
        theirs = self.commands["solve"].shell_complete(ctx, incomplete)
        return [*items, *(item for item in theirs if item.value not in own)]


app = Commands(
    cls=SolveByDefault,
    help="Solve mathematics on your own laptop: a small language model writes many solutions step "
    "by step, a reward scores each step, and the better ones are copied.",
    epilog="Every setting also has a variable, PFSOLVE_PARTICLES for --particles, and a key in config.toml. "
    "Options win over variables, variables over the file; pfsolve config show says what holds.",
)
app.command()(solve)
app.command()(chat)
app.command()(show)
app.command()(report)
app.command()(score)
app.command()(bench)
app.command()(doctor)
app.command()(serve)
app.add_typer(models.app, name="models")
app.add_typer(config.app, name="config")
app.add_typer(programs.app, name="programs")
app.add_typer(results.app, name="results")
app.add_typer(reward.app, name="reward")


def _commands(context: typer.Context, incomplete: str) -> list[str]:
    """What may follow `pfsolve help ...`, for completion."""
    found: Any = context.find_root().command
    for word in context.params.get("names") or ():
        found = getattr(found, "commands", {}).get(word, found)
    return [name for name in getattr(found, "commands", ()) if name.startswith(incomplete)]


@app.command("help")
def show_help(
    context: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="COMMAND...", help="The command, such as models.", autocompletion=_commands
        ),
    ] = None,
) -> None:
    """Show the help of a command."""
    root = context.find_root()
    found: Any = root.command
    for name in names or ():
        found = getattr(found, "commands", {}).get(name)
        if found is None:
            raise UsageError(
                f"there is no command {' '.join(names or ())!r}", "pfsolve --help lists them"
            )
    root.command.main(
        [*(names or ()), "--help"], prog_name=root.command_path, standalone_mode=False
    )


@app.callback()
def _root(version: Version = False) -> None:
    pass
