"""What a client is told when it gets no answer, in the shape that OpenAI's clients read."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse, Response

from pfsolve.errors import Interrupted, PfsolveError, ProblemTooLong, UsageError

# Fields of a request that are settings, and what the settings are called.
FIELDS = {"n_particles": "particles", "method": "method", "seed": "seed"}
_AS_FIELD = {name: field for field, name in FIELDS.items()}
_KINDS = {
    401: "authentication_error",
    403: "permission_error",
    429: "rate_limit_error",
    500: "server_error",
    503: "server_error",
}


class Refused(Exception):
    """A request that is not answered.

    Attributes:
        status: of HTTP.
        param: the field of the request that is wrong, if it is one.
        code: what is wrong, for programs.
        headers: of the response.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.param = param
        self.code = code
        self.headers = headers

    @property
    def body(self) -> dict[str, Any]:
        """As OpenAI's clients read it."""
        kind = _KINDS.get(self.status, "invalid_request_error")
        about = {"message": str(self), "type": kind, "param": self.param, "code": self.code}
        return {"error": about}

    def response(self) -> Response:
        """As a response."""
        return JSONResponse(self.body, self.status, self.headers)


def refused(error: PfsolveError, param: str | None = None) -> Refused:
    """An error of pfsolve as a client is told of it: settings are spelled as fields of a request."""
    status = 500
    if isinstance(error, UsageError | ProblemTooLong):
        status = 400
    elif isinstance(error, Interrupted):
        status = 503

    def spell(name: str, value: str | None) -> str:
        field = _AS_FIELD.get(name, name)
        return field if value is None else f"{field}={value}"

    message, hint = error.spelled(spell)
    return Refused(status, f"{message}; {hint}" if hint else message, param=param)
