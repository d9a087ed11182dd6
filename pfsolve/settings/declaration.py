"""How a setting is declared: its default, its help, and the values that are allowed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from math import inf
from typing import Any, TypeVar

from pfsolve.errors import UsageError, named
from pfsolve.settings.names import unknown
from pfsolve.wording import read_duration

_Record = TypeVar("_Record")
_MOST = 2**63 - 1  # of any number, however large it may be: no infinity is one
_MOST_BITS = 256  # of a whole number that a message shows
_TRUTH = {"1 true yes on": True, "0 false no off": False}


def _truth(text: str) -> bool:
    for words, value in _TRUTH.items():
        if text.lower() in words.split():
            return value
    raise ValueError(text)


# Of each type: how a text is read, what a wrong value is said to be, how the help writes a value.
_KINDS: dict[type, tuple[Callable[[str], Any], str, str]] = {
    bool: (_truth, "neither true nor false", ""),
    int: (int, "no whole number", "N"),
    float: (float, "no number", "X"),
    str: (str, "no text", "TEXT"),
    tuple: (str, "no list of numbers", "X,X,..."),
}
_TYPES = {"tuple[float, ...]": tuple, **{kind.__name__: kind for kind in _KINDS}}


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting as it is declared: all there is to know of it but its value.

    kind: the type of its values; tuple is one of numbers.
    default: None leaves the value open.
    help: what it is, in a sentence.
    panel: its section of the help.
    short: a second flag, of one letter.
    between: the smallest and the largest number allowed.
    above: whether the smallest is excluded.
    choices: the texts allowed, if not any.
    hidden: choices that the help does not offer.
    metavar: the values as the help writes them, if neither type nor choices say it.
    auto: whether an open value may be written "auto".
    duration: whether it is a time span in seconds, which a text may write as "1m30s".
    machine: whether it changes only how fast a result comes, and not which.
    default_text: the default in words, where it depends on the model or the machine.
    common: whether the short help shows it.
    """

    name: str
    kind: type
    default: Any
    help: str
    panel: str
    short: str | None = None
    between: tuple[float, float] = (-inf, inf)
    above: bool = False
    choices: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    metavar: str = ""
    auto: bool = False
    duration: bool = False
    machine: bool = False
    default_text: str = ""
    common: bool = False

    @property
    def values(self) -> str:
        """The values as the help writes them: "stay|absorb", "N", "N|auto"; empty for a switch."""
        offered = "|".join(choice for choice in self.choices if choice not in self.hidden)
        usual = "TIME" if self.duration else _KINDS[self.kind][2] + ("|auto" if self.auto else "")
        return self.metavar or offered or usual

    @property
    def range(self) -> str:
        """The numbers allowed: "1 to 256", "0 and up", "above 0, to 1"; empty if all are."""
        low, high = self.between
        if low == -inf or self.duration:
            return ""
        start = f"above {written(low)}" if self.above else written(low)
        if high == inf:
            return start if self.above else f"{start} and up"
        end = "2^63 - 1" if high == 2**63 - 1 else written(high)
        return f"{start}{',' if self.above else ''} to {end}"

    @property
    def default_shown(self) -> str:
        """The default as the help writes it; empty for a switch that is off."""
        if self.default_text or self.default is None or self.default is False:
            return self.default_text
        return "on" if self.default is True else written(self.default)

    def parsed(self, text: str) -> Any:
        """The value that a text stands for, on the command line or in a variable.

        Raises:
            UsageError: it stands for none. Whether the value is allowed is for `checked` to say.
        """
        text = text.strip()
        if self.auto and text == "auto":
            return text
        try:
            return read_duration(text) if self.duration else _KINDS[self.kind][0](text)
        except ValueError:
            raise self._refused(repr(text), self._no_value) from None

    def checked(self, value: object) -> Any:
        """A value as the type of this setting.

        Raises:
            UsageError: it has another type, is out of range, or is none of the choices.
        """
        if (value is None and self.default is None) or (value == "auto" and self.auto):
            return None
        try:
            value = self._converted(value)
        except (TypeError, ValueError, OverflowError):  # of a whole number that is no float
            raise self._refused(repr(value), self._no_value) from None
        if isinstance(value, str) and not value.strip():
            raise self._refused(repr(value), "empty")
        if self.choices and value not in self.choices:
            raise self._refused(repr(value), "unknown")
        if isinstance(value, int | float):
            low, high = self.between
            most = min(high, _MOST)
            if not (low < value if self.above else low <= value) or not value <= most:
                raise self._refused(written(value), "out of range")
        return value

    def _converted(self, value: object) -> Any:
        """The value if it has the right type; numbers may be whole, a list "4,2,1", a time "2m"."""
        if self.duration and isinstance(value, str):
            return read_duration(value)
        if self.kind is tuple:
            parts = value.split(",") if isinstance(value, str) else value
            if not isinstance(parts, list | tuple) or any(isinstance(part, bool) for part in parts):
                raise TypeError
            return tuple(float(part) for part in parts)
        if self.kind is float and type(value) is int:
            return float(value)
        if not isinstance(value, self.kind) or (isinstance(value, bool) and self.kind is not bool):
            raise TypeError
        return value

    @property
    def _no_value(self) -> str:
        """What a value of the wrong type is said to be."""
        return "no time span" if self.duration else _KINDS[self.kind][1]

    def _refused(self, value: str, why: str) -> UsageError:
        """The error that says what the value is, and what it should be."""
        hint = None
        if self.choices:
            hint = f"choose one of {', '.join(self.choices)}"
        elif self.duration:
            hint = "write 90s, 2m, 1m30s or 1h; a number alone is seconds"
        elif self.range:
            number = "a whole number" if self.kind is int else "a number"
            hint = f"choose {number}: {self.range}{', or auto' if self.auto else ''}"
        elif self.kind is tuple:
            hint = "separate numbers by commas: 4,2,1"
        elif self.kind is bool:
            hint = "write true or false"
        return UsageError(f"{named(self.name)} is {value}, which is {why}", hint)


def setting(default: Any, help_text: str, panel: str, **more: Any) -> Any:
    """A field of a dataclass and its declaration; `more` are further fields of `Setting`."""
    about = {"help": help_text, "panel": panel, **more}
    return dataclasses.field(default=default, metadata=about)


def declarations(record: type) -> dict[str, Setting]:
    """The declarations of a dataclass whose fields are settings, by name."""
    return {
        field.name: Setting(
            name=field.name,
            kind=_TYPES[str(field.type).removesuffix(" | None")],
            default=field.default,
            **field.metadata,
        )
        for field in dataclasses.fields(record)
    }


def for_python(record: type[_Record]) -> type[_Record]:
    """A frozen dataclass whose unknown names are told with the known ones, and whose repr is short.

    The repr has the values that are not the defaults.
    """
    defaults = {field.name: field.default for field in dataclasses.fields(record)}  # type: ignore[arg-type]
    initialise = record.__init__

    @wraps(initialise)
    def init(self: _Record, *args: Any, **given: Any) -> None:
        if strangers := given.keys() - defaults:
            raise unknown(min(strangers), defaults, listing=True)
        initialise(self, *args, **given)

    def shown(self: _Record) -> str:
        values = ((name, getattr(self, name)) for name in defaults)
        own = (f"{name}={value!r}" for name, value in values if value != defaults[name])
        return f"{record.__name__}({', '.join(own)})"

    record.__init__, record.__repr__ = init, shown  # type: ignore[method-assign,assignment]
    return record


def written(value: object) -> str:
    """A value as one writes it on the command line."""
    if isinstance(value, tuple):
        return ",".join(map(written, value))
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        return "a number of many digits"  # which Python does not write
    return f"{value:g}" if isinstance(value, float) else str(value)
