"""The user's config.toml: a layer of settings, the line of each, and one of them changed."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pfsolve.errors import UsageError
from pfsolve.settings.declaration import Setting
from pfsolve.settings.names import unknown
from pfsolve.settings.record import SETTINGS


def read_config(path: Path) -> dict[str, Any]:
    """The user's config.toml as one layer for `merge`; empty when there is no such file.

    Raises:
        UsageError: the file cannot be read or is no TOML; a key is no setting, or its value is not
            allowed. The message names the file and the line.
    """
    return config_layer(config_text(path), path)


def config_text(path: Path) -> str:
    """What the file holds; nothing where there is none.

    Raises:
        UsageError: it cannot be read.
    """
    from pfsolve.files import read_text

    try:
        return read_text(path)
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}: {error}", "correct the file or remove it") from error


def config_layer(text: str, path: Path) -> dict[str, Any]:
    """The layer that a text is, as in `read_config`.

    Args:
        path: of its file, for messages.
    """
    layer: dict[str, Any] = {}
    for key, value in _parsed(text, path).items():
        name = _name(key)  # options are written as on the command line; both spellings are fine
        try:
            if isinstance(value, dict):
                raise UsageError(
                    f"[{key}] is a section, and there are none",
                    "write every setting at the top: particles = 8",
                )
            if name not in SETTINGS:
                raise unknown(key, SETTINGS)
            if name in layer:
                raise UsageError(f"{name} is there twice", "leave out one of them")
            SETTINGS[name].checked(value)
        except UsageError as error:
            line = _ranges(text)[key].start + 1
            raise UsageError(f"{path}, line {line}: {error.message}", error.hint) from None
        layer[name] = value
    return layer


def config_lines(text: str) -> dict[str, int]:
    """The line of each setting in a text that is a layer, from 1."""
    return {_name(key): lines.start + 1 for key, lines in _ranges(text).items()}


def changed(text: str, values: Mapping[str, str], path: Path) -> str:
    """The text with other values of settings; its comments and all its other lines are as they were.

    Args:
        values: by setting, as on the command line.
        path: of its file, for messages.

    Raises:
        UsageError: there is no such setting, or its value is not allowed; the text is no TOML, or a
            comment would be lost.
    """
    for name, value in values.items():
        if name not in SETTINGS:
            raise unknown(name, SETTINGS)
        text = _assigned(text, name, _in_toml(SETTINGS[name], value), path)
    return text


def _assigned(text: str, name: str, value: str, path: Path) -> str:
    _parsed(text, path)
    end = "\r\n" if "\r\n" in text else "\n"
    key = next((key for key in _ranges(text) if _name(key) == name), None)
    if key is None:
        between = end if text and not text.endswith("\n") else ""
        return f"{text}{between}{name} = {value}{end}"
    lines, at = _lines(text), _ranges(text)[key]
    begin, equals, rest = "".join(lines[at.start : at.stop]).partition("=")
    marks = [number for number, letter in enumerate(rest) if letter == "#"]
    whole = next(n for n in (*marks, len(rest)) if _is_toml(begin + equals + rest[:n]))
    old = rest[:whole].strip()
    if "\n" in old and "#" in old:
        raise UsageError(
            f"{path}, line {at.start + 1}: {name} has comments inside of its value",
            "they would be lost: change it there yourself",
        )
    assignment = begin + equals + rest.replace(old, value, 1)
    return "".join([*lines[: at.start], assignment, *lines[at.stop :]])


def _in_toml(setting: Setting, text: str) -> str:
    """The value that a text of the command line stands for, as TOML: 4, true, "1m30s".

    Raises:
        UsageError: it stands for none, or for one that is not allowed.
    """
    value = setting.checked(setting.parsed(text))
    if isinstance(value, bool):
        return str(value).lower()
    # A text that reads back as another value, such as a policy named 5, needs its quotes.
    for written in (text.strip(), json.dumps(text.strip(), ensure_ascii=False), str(value)):
        line = f"x = {written}"
        if _is_toml(line) and _reads_back(setting, line, value):
            return written
    raise UsageError(f"{setting.name} is {text!r}, which a TOML file cannot hold")


def _reads_back(setting: Setting, line: str, value: object) -> bool:
    import tomllib

    try:
        found = tomllib.loads(line)
        return list(found) == ["x"] and setting.checked(found["x"]) == value
    except UsageError:
        return False


def _parsed(text: str, path: Path) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also of a number with too many digits
        deep = isinstance(error, RecursionError)
        raise UsageError(
            f"cannot read {path}: {'it is nested too deeply' if deep else error}",
            'a line is such as particles = 8, or method = "pf", or offline = true',
        ) from None


def _is_toml(text: str) -> bool:
    import tomllib

    try:
        tomllib.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _ranges(text: str) -> dict[str, range]:
    """The lines that each key of a TOML text takes, from 0.

    The parser does not tell; but a text up to the end of a line is TOML unless a value goes on behind it.
    """
    import tomllib

    lines, found, start = _lines(text), dict[str, range](), 0
    for end in range(1, len(lines) + 1):
        try:
            keys = tomllib.loads("".join(lines[:end]))
        except tomllib.TOMLDecodeError:
            continue
        found |= {key: range(start, end) for key in keys if key not in found}
        start = end
    return found


def _lines(text: str) -> list[str]:
    """The lines of a text with their ends, which are those of TOML alone."""
    return io.StringIO(text, newline="\n").readlines()


def _name(key: str) -> str:
    return key.replace("-", "_")
