"""The commands, and the rule that makes `pfsolve PROBLEM` short for `pfsolve solve PROBLEM`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from pfsolve.cli import models, programs, results, reward
from pfsolve.cli.bench import bench
from pfsolve.cli.help import CommandGroup, Commands
from pfsolve.cli.score import score
from pfsolve.cli.show import show
from pfsolve.cli.solve import solve
from pfsolve.errors import Interrupted


class SolveByDefault(CommandGroup):
    """A group whose first command is meant wherever none is named."""

    _OWN_OPTIONS = frozenset(
        {"--help", "-h", "--version", "--install-completion", "--show-completion"}
    )

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] not in self._OWN_OPTIONS):
            args = ["solve", *args]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:  # Typer would end in silence
            raise Interrupted("interrupted") from None

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return ["[OPTIONS] PROBLEM | COMMAND ..."]

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The help of solving, which is what most people look for, and the other commands."""
        own = {name for param in self.params for name in param.opts}
        theirs = [p for p in self.commands["solve"].params if not own.intersection(p.opts)]
        self.params = [*theirs, *self.params]
        super().format_help(ctx, formatter)


app = Commands(
    cls=SolveByDefault,
    help="Solve mathematics on your own laptop: a small language model writes many solutions step "
    "by step, a reward scores each step, and the better ones are copied.",
    epilog="Every setting also has a variable, PFSOLVE_PARTICLES for --particles, and a key in config.toml. "
    "Options win over variables, variables over the file.\n\n"
    'Example: pfsolve "Solve x^2=4"',
)
app.command()(solve)
app.command()(show)
app.command()(score)
app.command()(bench)
app.add_typer(models.app, name="models")
app.add_typer(programs.app, name="programs")
app.add_typer(results.app, name="results")
app.add_typer(reward.app, name="reward")


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"pfsolve {version('pfsolve')}")
        raise typer.Exit()


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and exit.", is_eager=True, callback=_show_version
        ),
    ] = False,
) -> None:
    pass
