"""The endpoints of OpenAI's protocol that a solver can serve."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pfsolve.errors import Interrupted, PfsolveError
from pfsolve.server.completion import Completion
from pfsolve.server.door import Door, Guard
from pfsolve.server.errors import Refused, refused
from pfsolve.server.request import read_request
from pfsolve.server.turns import News, Turns, WaitingSearch
from pfsolve.settings import Settings

BODY_BYTES = 1_000_000  # of a request, at most
BODY_S = 30.0  # seconds that one may take to come
RETRY_S = 10  # seconds after which a client that found no place may try again


class Endpoints:
    """What answers requests.

    Args:
        model: name of the one that is served.
        settings_of: the server's settings with a layer of a request's own over them.
        check: raises UsageError where the loaded models do not serve settings.
        turns: where searches wait.
    """

    def __init__(
        self,
        model: str,
        settings_of: Callable[[Mapping[str, Any]], Settings],
        check: Callable[[Settings], None],
        turns: Turns,
    ) -> None:
        self._model = model
        self._settings_of = settings_of
        self._check = check
        self._turns = turns
        created = int(time.time())
        self._about = {"id": model, "object": "model", "created": created, "owned_by": "pfsolve"}

    def app(self, door: Door) -> Starlette:
        """The application, behind a door."""
        return Starlette(
            routes=[
                Route("/v1/models", self._models),
                Route("/v1/models/{name:path}", self._one_model),
                Route("/v1/chat/completions", self._complete, methods=["POST"]),
            ],
            middleware=[Middleware(Guard, door=door)],
            exception_handlers={
                Refused: _tell_refusal,
                HTTPException: _tell_http_error,
                ClientDisconnect: _tell_nobody,
                Exception: _tell_bug,
            },
        )

    async def _models(self, request: Request) -> Response:
        return JSONResponse({"object": "list", "data": [self._about]})

    async def _one_model(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name != self._model:
            raise Refused(404, f"there is no model {name!r}", param="model", code="model_not_found")
        return JSONResponse(self._about)

    async def _complete(self, request: Request) -> Response:
        wanted = read_request(await _body(request), self._model, self._settings_of)
        try:
            self._check(wanted.settings)
        except PfsolveError as error:
            raise refused(error) from None
        news: asyncio.Queue[News] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def tell(each: News) -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody listens any more
                loop.call_soon_threadsafe(news.put_nowait, each)

        search = WaitingSearch(wanted.problem, wanted.settings, tell)
        ahead = self._turns.join(search)
        if ahead is None:
            raise Refused(
                429,
                "too many searches wait; try again later",
                code="queue_full",
                headers={"Retry-After": str(RETRY_S)},
            )
        if ahead:
            tell(f"number of searches that come first: {ahead}")

        async def watch() -> None:
            while (await request.receive())["type"] != "http.disconnect":
                pass
            self._turns.leave(search)
            tell(Interrupted("the client is gone"))

        watcher = asyncio.create_task(watch())
        return await Completion(self._model, wanted, news, watcher).response()


async def _body(request: Request) -> bytes:
    """The body of a request.

    Raises:
        Refused: it is too large, or too slow.
    """
    data = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for part in request.stream():
                data += part
                if len(data) > BODY_BYTES:
                    raise Refused(413, f"the body has more than {BODY_BYTES} bytes")
    except TimeoutError:
        raise Refused(408, f"the body took more than {BODY_S:.0f} seconds to come") from None
    return bytes(data)


async def _tell_refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return error.response()


async def _tell_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    what = f"{request.method} {request.scope['path']}: {error.detail}"
    return Refused(error.status_code, what, headers=dict(error.headers or {})).response()


async def _tell_bug(request: Request, error: Exception) -> Response:
    return Refused(500, f"unexpected {type(error).__name__}: {error}").response()


async def _tell_nobody(request: Request, error: Exception) -> Response:
    return Response(status_code=400)
