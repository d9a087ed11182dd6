"""Who may call the server."""

from __future__ import annotations

import hmac
import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from pfsolve.server.errors import Refused


@dataclass(frozen=True, slots=True)
class Door:
    """Who may come in.

    local: whether only names of this machine are taken as the server's, since a page in a browser
        may have any other name lead here.
    key: that a client must show, if any.
    """

    local: bool
    key: str | None = None

    def check(self, headers: Headers) -> None:
        """Refuse what comes from a web page of elsewhere, or without the key.

        Raises:
            Refused: it does.
        """
        host = headers.get("host", "")
        if self.local and not is_local(_name(host)):
            raise Refused(403, f"the server is not called {host!r}; use 127.0.0.1 or localhost")
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2] != host:
            raise Refused(403, f"the page {origin!r} is not of this server")
        given = headers.get("authorization", "").removeprefix("Bearer ").encode()
        if self.key is not None and not hmac.compare_digest(given, self.key.encode()):
            raise Refused(
                401,
                "the API key is missing or wrong",
                code="invalid_api_key",
                headers={"WWW-Authenticate": "Bearer"},
            )


def is_local(name: str) -> bool:
    """Whether a name or an address can only be this machine's."""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def _name(host: str) -> str:
    """The name in a Host header, without its port; empty where it is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


class Guard:
    """Lets in what the door lets in."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app = app
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self._door.check(Headers(scope=scope))
        except Refused as error:
            await error.response()(scope, receive, send)
            return
        await self._app(scope, receive, send)
