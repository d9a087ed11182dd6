r"""How a policy writes a program: where the program is in what it wrote, and where its steps end.

The assistant's turn is opened with `OPENING`, so the policy begins inside a block of code; one that opens
the block once more is understood. A step ends at a blank line at which the code so far is Python, or at
the end of the block.
"""

from __future__ import annotations

import ast
import re
import warnings

OPENING = "```python\n"

MAX_LENGTH = 20_000  # characters of a program; more is not parsed
MAX_DEPTH = 50  # brackets in brackets; Python's parser may take exponential time for more

_FENCE = re.compile(r"^[ \t]*```[^\n]*(?:\n|\Z)", re.MULTILINE)
_OPENED = re.compile(r"(?:\s*```[^\n]*(?:\n|\Z))?")  # at the beginning of a turn
_BLANK_LINE = re.compile(r"\n[ \t]*\n")
_MARKS = re.compile(r"[(\[{]|[)\]}]")
# What Python's parser answers with deep recursion.
_CHAIN = re.compile(r"(?:(?:[-+~]|\bnot\b|\bawait\b|\blambda\b[^:\n]{0,99}:)\s*){30}")


def program(turn: str) -> str:
    """The code in an assistant's turn: up to the end of its block, or to its own end."""
    turn = turn.replace("\r\n", "\n")
    begin = _begin(turn)
    fence = _FENCE.search(turn, begin)
    return turn[begin : fence.start()] if fence else turn[begin:]


def closed(turn: str) -> bool:
    """Whether the block of code is over; the program is whole then."""
    return _FENCE.search(turn, _begin(turn)) is not None


def step_end(text: str, start: int = 0) -> int | None:
    """Where the step that starts at offset `start` of a turn ends; None if not yet.

    That is behind a blank line at which the code so far is Python, or behind the closing fence.
    A blank line inside of brackets or a string ends no step.
    """
    begin = _begin(text)
    position = start = max(start, begin)
    fence = _FENCE.search(text, start)
    while blank := _BLANK_LINE.search(text, position, fence.start() if fence else len(text)):
        position = blank.end() - 1  # the next blank line may share this line's end
        if text[start:position].strip() and parses(text[begin:position]):
            return blank.end()
    return fence.end() if fence else None


def _begin(turn: str) -> int:
    """Where the code in a turn begins."""
    opened = _OPENED.match(turn)
    return opened.end() if opened else 0


def settled(code: str) -> str:
    """The part of an unfinished program that stays as it is, no matter what follows; "" without any.

    A last line that has no end, as of a step that was cut, may go on; so may a loop or a branch at the
    end, and half of a loop may never end. These are left out. What is left raises nothing that the
    whole program does not.
    """
    code = code[: code.rfind("\n") + 1]
    body = _body(code)
    if not body:
        return ""
    if not isinstance(body[-1], _OPEN):
        return code
    decorators = body[-1].decorator_list if isinstance(body[-1], ast.ClassDef) else []
    first = min(part.lineno for part in (body[-1], *decorators))
    return "\n".join(code.split("\n")[: first - 1])


_OPEN = (
    *(ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith),
    *(ast.If, ast.Match, ast.Try, ast.TryStar, ast.ClassDef),
)


def parses(code: str) -> bool:
    """Whether a text is Python with at least one statement; False too for what is hard to tell."""
    return bool(_body(code))


def _body(code: str) -> list[ast.stmt]:
    """The statements of a program; none if it is no Python, or too long or deep to parse safely."""
    if len(code) > MAX_LENGTH or _depth(code) > MAX_DEPTH or _CHAIN.search(code):
        return []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of "\d" in the program, which Python would print
            return ast.parse(code).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


def _depth(code: str) -> int:
    """How deep brackets are nested, at most; those in strings and comments are counted too."""
    depth = deepest = 0
    for mark in _MARKS.finditer(code):
        depth = depth + 1 if mark[0] in "([{" else max(0, depth - 1)
        deepest = max(deepest, depth)
    return deepest
