"""`pfsolve report`: a run that is over, as a page for a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pfsolve.cli.show import Run
from pfsolve.errors import UsageError


def report(
    run: Run = "1",
    file: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Write it here, not to standard output."
        ),
    ] = None,
) -> None:
    """Write a page of HTML that shows how the particles went: one file, which needs no network."""
    from pfsolve.display.output import Output
    from pfsolve.display.page.page import page
    from pfsolve.environment import Environment
    from pfsolve.files import check_writable, write_text
    from pfsolve.results.history import History

    environment = Environment()
    if file is None:
        if environment.stdout_is_terminal:
            raise UsageError("a page is no text for a terminal", "name its file: -o run.html")
    else:
        try:
            check_writable(file)
        except OSError as error:
            raise UsageError(f"cannot write {file}: {error.strerror}", "check -o") from error
        if Path(run).is_file() and file.exists() and file.samefile(run):
            raise UsageError(f"{file} is the record itself", "name another file: -o run.html")
    text = page(History(environment.state_dir).find(run))
    output = Output(environment)
    if file is None:
        output.give(None, lambda: [text.removesuffix("\n")])
        return
    write_text(file, text)
    output.note(f"{file} is for a browser")
