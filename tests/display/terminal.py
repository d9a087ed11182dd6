"""A terminal to look at, a clock that obeys, and text that means harm."""

from __future__ import annotations

import io
import re

from pfsolve.environment import Environment
from pfsolve.events.work import ModelLoaded

MODEL = ModelLoaded("policy", "some-model", "CPU", 1_100_000_000, 900_000_000)
MODEL_LINE = "policy some-model on CPU, 1.1 GB + 900 MB cache"

HOSTILE = (
    "[bold]not markup[/bold] [/x] [link=file:///]",
    "\x1b[2J\x1b[H\x1b]0;title\x07 \x1b[31mred",
    "答案是四十二，" * 30,
    "a\u0301\u0302\u0303" * 50,
    "👩‍👩‍👧‍👦🏽️ " * 30,
    "\u202eright to left\u2066",
    r"\frac{1}{",
    "{" * 500,
    "\ud800",
    "",
    "\t\r\n\x00\x7f",
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def screen(width: int = 80, height: int = 24, **variables: str) -> Environment:
    """An environment in which stdout and stderr are one terminal."""
    stream = Terminal()
    variables = {"TERM": "xterm", "COLUMNS": str(width), "LINES": str(height), **variables}
    return Environment(stdout=stream, stderr=stream, variables=variables)


def pipes() -> Environment:
    return Environment(stdout=io.StringIO(), stderr=io.StringIO(), variables={"TERM": "xterm"})


def written(environment: Environment) -> str:
    """All that stderr has got."""
    assert isinstance(environment.stderr, io.StringIO)
    return environment.stderr.getvalue()


def seen(environment: Environment) -> list[str]:
    """The lines on the terminal that are not empty, after carriage returns and cursor moves."""
    return [line for line in replayed(written(environment), [""]) if line]


def replayed(text: str, lines: list[str]) -> list[str]:
    """The lines on a terminal on which these stood, the cursor in the last of them, and this is written."""
    lines, y = list(lines), len(lines) - 1
    for token in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", text):
        if token == "\n":
            y += 1
            lines += [""] * (y + 1 - len(lines))
        elif token == "\r" or re.fullmatch(r"\x1b.*[mhl]", token):
            continue
        elif re.fullmatch(r"\x1b.*A", token):
            y = max(0, y - int(token[2:-1] or 1))
        elif re.fullmatch(r"\x1b.*K", token):
            lines[y] = ""
        elif token == "\x1b[J":
            lines[y:] = [""]
        else:
            lines[y] += token
    return lines


def foreign_codes(environment: Environment) -> set[str]:
    """Escape codes on stderr that no display of ours needs."""
    codes = set(re.findall(r"\x1b[^m]*?[A-Za-z]", written(environment)))
    return {code for code in codes if not re.fullmatch(r"\x1b\[(?:[0-9;]*m|\?25[hl]|2K|1A)", code)}


class Clock:
    """Seconds that pass only when told to."""

    def __init__(self, now: float = 100.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now
