"""The server's two threads: one answers HTTP, the caller's own holds the models and searches."""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import uvicorn

from pfsolve.display.cut import how_far
from pfsolve.display.output import Output
from pfsolve.display.solution import solution_and_answer
from pfsolve.display.solve import SolveView
from pfsolve.environment import Environment
from pfsolve.errors import EngineError, NoAnswer, PfsolveError, UsageError, named
from pfsolve.events import Event, Listener
from pfsolve.events.search import Began
from pfsolve.results.line import alone
from pfsolve.server.app import Endpoints
from pfsolve.server.door import Door, is_local
from pfsolve.server.turns import SearchReply, Turns, WaitingSearch
from pfsolve.settings import Settings
from pfsolve.solution import Solution
from pfsolve.solver.solver import Solver
from pfsolve.wording import listed, plural

PLACES = 8  # searches that may wait
_IDLE_S = 0.3  # seconds between two looks at whether it is time to stop
_GRACE_S = 3  # seconds that responses under way have to end when it is


def listen_at(host: str, port: int) -> socket.socket:
    """A socket that listens; clients that come before they can be served wait.

    Raises:
        UsageError: the address is none of this machine's, or the port is taken.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family)
    except (OSError, UnicodeError) as error:  # a name like a..b cannot be encoded
        why = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"cannot listen at {host}, port {port}: {why.split(' (')[0]}",
            "--port 0 takes a free port, --host 127.0.0.1 is this machine alone",
        ) from None


def is_private(listening: socket.socket) -> bool:
    """Whether only this machine can connect to it."""
    return is_local(listening.getsockname()[0])


def url_of(listening: socket.socket) -> str:
    """What a client takes as its base URL."""
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/v1"


def serve(
    solver: Solver,
    listening: socket.socket,
    settings_of: Callable[[Mapping[str, Any]], Settings],
    *,
    key: str | None = None,
    listen: Listener,
    stopping: Callable[[], bool],
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Answer requests until it is to stop.

    Args:
        solver: searches, in the calling thread alone.
        listening: a socket that listens, from `listen_at`.
        settings_of: the settings that the solver was made for, with a layer of a request's own over them.
        key: that clients must show, if any.
        listen: receives the searches' events.
        stopping: asked while nothing is to be done, and after each token of a search.
        ready: called once, when requests are answered.
    """
    turns = Turns(PLACES)
    door = Door(is_private(listening), key)
    model = solver.settings.policy or ""

    def check(settings: Settings) -> None:
        _check(solver, settings)

    with _http(Endpoints(model, settings_of, check, turns).app(door), listening) as is_up:
        ready()
        try:
            while is_up() and not stopping():
                search = turns.next(_IDLE_S)
                if search is not None:
                    search.tell(_answer(solver, search, listen, stopping))
        finally:
            turns.close()


@contextmanager
def _http(app: Any, listening: socket.socket) -> Iterator[Callable[[], bool]]:
    """A thread that serves an application, and whether it still does; at the end it is shut down."""
    config = uvicorn.Config(
        app,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",  # or it writes to stderr, tracebacks among it
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=64,
        timeout_graceful_shutdown=_GRACE_S,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],), name="http", daemon=True)
    thread.start()
    try:
        yield thread.is_alive
    finally:
        server.should_exit = True
        thread.join(2 * _GRACE_S)
        listening.close()


def _check(solver: Solver, settings: Settings) -> None:
    """Refuse settings for which models would have to be loaded again; computes nothing.

    Raises:
        UsageError: they are such.
    """
    names = solver.reloads(settings)
    if "particles" in names:
        raise UsageError(
            f"{named('particles')} is {settings.particles}, and there is room for "
            f"{solver.settings.particles}",
            f"`pfsolve serve --particles {settings.particles}` has more",
        )
    if names:
        raise UsageError(
            f"{named('method', settings.method)} needs another {listed(names)}",
            "`pfsolve serve` must be started with it",
        )


def _answer(
    solver: Solver, search: WaitingSearch, listen: Listener, stopping: Callable[[], bool]
) -> SearchReply | PfsolveError:
    """Carry out a search; its client hears how far it is, and the caller gets its end."""
    view = SolveView(verbose=1)

    def hear(event: Event) -> None:
        nonlocal view
        view = view.after(event, time.monotonic())
        line = view.line(event)
        if line or isinstance(event, Began):
            search.tell(line or "")
        listen(event)

    def stops() -> bool:
        return search.gone.is_set() or stopping()

    try:
        solution = solver.using(search.settings).solve(search.problem, stopping=stops, listen=hear)
    except NoAnswer as error:
        search.tell(error.message)
        return SearchReply("", "length", view.prompt_tokens, view.tokens, {"answer": None})
    except PfsolveError as error:
        return error
    except Exception as error:
        return EngineError(f"unexpected {type(error).__name__}: {error}")
    result = {
        "answer": solution.answer,
        "agreement": solution.agreement,
        "seed": solution.seed,
        "seconds": solution.seconds,
    }
    if solution.answer is None:
        search.tell(
            how_far(solution)
            if solution.interrupted or solution.out_of_time
            else f"none of {plural(len(solution.particles), 'particle')} reached an answer"
        )
    return SearchReply(
        _text(solution),
        "stop" if solution.answer is not None else "length",
        view.prompt_tokens,
        solution.tokens,
        result,
    )


def _text(solution: Solution) -> str:
    """The solution and, on the last line, the answer, as a pipe gets them; empty without an answer."""
    stdout = io.StringIO()
    line = alone(solution)
    Output(Environment(stdout=stdout)).give(
        None, lambda: solution_and_answer(line, solution=True, titled=False)
    )
    return stdout.getvalue().rstrip("\n")
