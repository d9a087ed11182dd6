"""A TOML table read key by key, with every mistake named by table and key."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from pfsolve.errors import UsageError
from pfsolve.files import read_text

_T = TypeVar("_T")


def read_toml(file: Path) -> Mapping[str, object]:
    """What a TOML file holds.

    Raises:
        UsageError: it cannot be read, or is no TOML.
    """
    try:
        return tomllib.loads(read_text(file))
    except RecursionError:
        raise UsageError(f"{file} is not valid TOML: it is nested too deeply") from None
    except ValueError as error:  # of TOML, of text, or of a number with too many digits
        raise UsageError(f"{file} is not valid TOML: {error}") from None
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from None


class TomlTable:
    """A TOML table read key by key; `finish` then refuses the keys that were not read."""

    def __init__(self, fields: Mapping[str, object], where: str) -> None:
        self.where = where
        self._fields = fields
        self._asked: set[str] = set()

    def __contains__(self, key: str) -> bool:
        return key in self._fields

    def get(
        self,
        key: str,
        kind: type[_T],
        wanted: str = "a string",
        good: Callable[[_T], object] = lambda value: True,
    ) -> _T | None:
        """The value of `key`, which must be a `kind` that is `good`; None if it is not there."""
        self._asked.add(key)
        value = self._fields.get(key)
        if value is None:
            return None
        if kind is float and type(value) is int:  # 1 for 1.0
            value = float(value)
        if type(value) is not kind or not good(value):
            raise UsageError(f"{self.where}: `{key}` is {value!r}, it must be {wanted}")
        return value

    def need(self, key: str, kind: type[_T], wanted: str, good: Callable[[_T], object]) -> _T:
        value = self.get(key, kind, wanted, good)
        if value is None:
            raise UsageError(f"{self.where}: `{key}` is missing; it must be {wanted}")
        return value

    def count(self, key: str) -> int | None:
        return self.get(key, int, "a positive whole number", lambda number: number > 0)

    def token(self, key: str) -> int | None:
        return self.get(key, int, "a token id", lambda number: number >= 0)

    def strings(self, key: str) -> tuple[str, ...]:
        """The strings of a list, none of them empty; none at all if `key` is not there."""

        def good(values: list[object]) -> bool:
            return bool(values) and all(isinstance(value, str) and value for value in values)

        values = self.get(key, list, "a list of strings that are not empty", good)
        return tuple(values or ())

    def table(self, key: str) -> Mapping[str, object] | None:
        return self.get(key, dict, "a table")

    def tables(self, key: str) -> list[Mapping[str, object]]:
        def good(rows: list[object]) -> bool:
            return all(isinstance(row, dict) for row in rows)

        return self.get(key, list, "an array of tables", good) or []

    def finish(self) -> None:
        if unknown := sorted(self._fields.keys() - self._asked):
            raise UsageError(f"{self.where}: `{unknown[0]}` is not a known key")
