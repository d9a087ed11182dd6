"""`pfsolve serve`: the solver behind OpenAI's protocol, for programs that speak it."""

from __future__ import annotations

from typing import Annotated

import typer

from pfsolve.cli.options import Flags, Quiet, settled, taking
from pfsolve.errors import UsageError
from pfsolve.settings import SETTINGS

_KEY = "PFSOLVE_API_KEY"
_SETTINGS = [name for name in SETTINGS if name not in ("parallel", "history")]


@taking(*_SETTINGS)
def serve(
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address to listen at.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(metavar="N", help="Port to listen at; 0 takes a free one.")
    ] = 8000,
    api_key: Annotated[
        str | None,
        typer.Option(
            metavar="KEY",
            show_default=False,
            help=f"Key that clients must show; ${_KEY} keeps it out of the list of processes.",
        ),
    ] = None,
    quiet: Quiet = False,
    *,
    flags: Flags,
) -> None:
    """Serve OpenAI's chat completions: the last message of the user is the problem."""
    from pfsolve.environment import Environment

    environment = Environment()
    settings = settled(environment, flags)
    if not 0 <= port <= 65535:
        raise UsageError(f"--port is {port}, which is no port", "choose 0 to 65535")
    key = api_key if api_key is not None else environment.variables.get(_KEY) or None
    if key is not None and not (key.isascii() and key.isprintable() and key.strip() == key != ""):
        raise UsageError("the API key cannot be sent in a header", "write it in plain letters")
    try:
        from pfsolve.server.serving import is_private, listen_at, url_of
        from pfsolve.server.serving import serve as serve_at
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in ("starlette", "uvicorn"):
            raise
        raise UsageError(
            f"serving needs {error.name}, which is not here",
            "`pip install starlette uvicorn` installs what is missing",
        ) from None

    from pfsolve.cli.session import open_solver
    from pfsolve.display.output import Output
    from pfsolve.display.solve import SolveView
    from pfsolve.display.surface import watching
    from pfsolve.settings import merge
    from pfsolve.solver.profiles import layers

    output = Output(environment, quiet=quiet)
    given = layers(environment, flags)
    listening = listen_at(host, port)  # before a model is loaded in vain
    with listening:
        if not is_private(listening):
            who = "who knows the key" if key else "without a key"
            line = f"anyone on the network {who} can use this server: --host {host}"
            environment.err.print(line, markup=False, soft_wrap=True)
        with (
            watching(environment, SolveView(), quiet=quiet) as display,
            open_solver(settings, environment, listen=display, quiet=quiet) as (solver, stopping),
        ):
            serve_at(
                solver,
                listening,
                lambda own: merge(*given, own),
                key=key,
                listen=display,
                stopping=stopping,
                ready=lambda: output.note(
                    f"{solver.settings.policy} answers at {url_of(listening)}; Ctrl-C ends it"
                ),
            )
