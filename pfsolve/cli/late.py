"""Commands that are put together when they are needed: at a start Typer would make the options of all.

It would also load Pydantic, to read the values of options that are not given.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from typer.core import TyperCommand
from typer.main import get_command_from_info
from typer.models import CommandInfo

_PLAIN = (str, int, float)


class LateCommand(TyperCommand):
    """A command whose parameters are made once they are asked for.

    Args:
        function: what it does. Where it has a `sign`, that gives it its signature first.
    """

    def __init__(self, function: Callable[..., Any], /, *args: Any, **how: Any) -> None:
        super().__init__(*args, **how)
        self._function = function
        del self.params, self.callback  # those below take their place

    @cached_property
    def _made(self) -> Any:
        """Typer's own command of the function."""
        getattr(self._function, "sign", lambda: None)()
        return get_command_from_info(
            CommandInfo(callback=self._function),
            pretty_exceptions_short=False,
            rich_markup_mode=None,
        )

    @cached_property
    def params(self) -> list[Any]:  # type: ignore[override]
        return self._made.params  # type: ignore[no-any-return]

    @cached_property
    def callback(self) -> Callable[..., Any]:  # type: ignore[override]
        return self._made.callback  # type: ignore[no-any-return]


def read_late(params: list[Any]) -> list[Any]:
    """Parameters of which only those that are given are read by Typer, that is by Pydantic.

    This is built on the inside of Typer 0.29; with one that differs all are read as usual, more slowly.
    """
    for param in params:
        if hasattr(param, "type_descriptor") and getattr(param, "_runtime_param", param) is None:
            param._runtime_param = _Reader()
    return params


class _Reader:
    """Leaves the values of a parameter to Typer's own reader, but for those that need none."""

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        if value is None:
            return () if param.multiple or param.nargs == -1 else None
        kind = param.type_descriptor.annotation
        if kind in _PLAIN and isinstance(value, kind):
            return value
        if kind == list[str] and all(isinstance(each, str) for each in value):
            return value
        param._runtime_param = None
        return param.get_runtime_param().coerce(value, param=param, ctx=ctx)
