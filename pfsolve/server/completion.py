"""The response to a request for a chat completion, once its search has a place."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator
from typing import Any

from starlette.responses import JSONResponse, Response, StreamingResponse

from pfsolve.errors import PfsolveError
from pfsolve.server.errors import refused
from pfsolve.server.request import Wanted
from pfsolve.server.turns import News, SearchReply

PING_S = 15.0  # seconds of silence in a stream after which a comment tells that it lives
_CHUNK = "chat.completion.chunk"


class Completion:
    """The response to a request whose search has its place, whole or as events.

    Args:
        news: of the search.
        watcher: the task that notices when the client goes away.
    """

    def __init__(
        self, model: str, wanted: Wanted, news: asyncio.Queue[News], watcher: asyncio.Task[None]
    ) -> None:
        self._wanted = wanted
        self._news = news
        self._watcher = watcher
        self._head = {
            "id": f"chatcmpl-{secrets.token_hex(12)}",
            "created": int(time.time()),
            "model": model,
        }

    async def response(self) -> Response:
        """The response; where the first there is to tell is an error, its status says so.

        Raises:
            Refused: the search has failed.
        """
        first = await self._news.get()
        if self._wanted.stream and not isinstance(first, PfsolveError):
            headers = {"Cache-Control": "no-cache"}
            return StreamingResponse(self._events(first), 200, headers, "text/event-stream")
        lines, each = [], first
        while isinstance(each, str):
            lines.append(each)
            each = await self._news.get()
        self._watcher.cancel()
        if isinstance(each, PfsolveError):
            raise refused(each)
        message = {
            "role": "assistant",
            "content": each.text,
            "reasoning_content": "\n".join(filter(None, lines)),
        }
        choice = {"index": 0, "message": message, "finish_reason": each.finish_reason}
        return JSONResponse(
            {
                **self._head,
                "object": "chat.completion",
                "choices": [{**choice, "logprobs": None}],
                "usage": _usage(each),
                "pfsolve": each.result,
            }
        )

    async def _events(self, each: News) -> AsyncIterator[str]:
        yield self._chunk({"role": "assistant", "content": ""})
        while isinstance(each, str):
            if each:
                yield self._chunk({"reasoning_content": each + "\n"})
            while True:
                try:
                    each = await asyncio.wait_for(self._news.get(), PING_S)
                    break
                except TimeoutError:
                    yield ": it is still under way\n\n"
        self._watcher.cancel()
        if isinstance(each, PfsolveError):
            yield _event(refused(each).body)
            return
        if each.text:
            yield self._chunk({"content": each.text})
        yield self._chunk({}, each.finish_reason, pfsolve=each.result)
        if self._wanted.with_usage:
            yield _event({**self._head, "object": _CHUNK, "choices": [], "usage": _usage(each)})
        yield "data: [DONE]\n\n"

    def _chunk(self, delta: dict[str, str], finish_reason: str | None = None, **more: Any) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}
        return _event({**self._head, "object": _CHUNK, "choices": [choice], **more})


def _event(value: object) -> str:
    return f"data: {json.dumps(value)}\n\n"


def _usage(reply: SearchReply) -> dict[str, int]:
    return {
        "prompt_tokens": reply.prompt_tokens,
        "completion_tokens": reply.tokens,
        "total_tokens": reply.prompt_tokens + reply.tokens,
    }
