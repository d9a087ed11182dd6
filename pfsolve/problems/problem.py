"""Rows of a file of problems: those that hold a problem, and those that do not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from pfsolve.errors import UsageError
from pfsolve.files import number_of

MAX_ID = 200  # characters; "#2" and so on may be added to a duplicate


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem to solve.

    id: unique in its file.
    line: where its row starts, from 1; of a JSON document that is no JSON Lines its place in there.
    text: the problem itself.
    answer: the right answer, where the file gives it.
    """

    id: str
    line: int
    text: str
    answer: str | None = None

    def seed(self, root: int) -> int:
        """The seed of this problem in a run seeded with `root`, 0 to 2^63 - 1.

        It depends on the root and the id alone, so that a problem has the same result in another
        file, in another order, and on another machine.
        """
        return number_of(f"{root}:{self.id}", b"pfsolve seed") >> 1


def numbered(problems: Iterable[str | Problem]) -> Iterator[Problem]:
    """Problems as they are, and of texts each as a line of a file would be.

    Raises:
        UsageError: they are a single text.
    """
    if isinstance(problems, str):
        raise UsageError("the problems are a single text", "put it in a list, or solve it alone")
    return (
        Problem(str(number), number, each.strip()) if isinstance(each, str) else each
        for number, each in enumerate(problems, 1)
    )


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that holds no problem.

    id: the line number, made unique in the file.
    line: where the row starts, from 1.
    reason: what is wrong with it, in one printable line.
    """

    id: str
    line: int
    reason: str


class Malformed(Exception):
    """A row is no problem; the message is the `BadRow.reason`. It never leaves this package."""


def make_problem(
    text: str, line: int, answer: str | None = None, identity: str | None = None
) -> Problem:
    """A problem from the values in a row. An id that cannot be one is passed over for the line.

    Raises:
        Malformed: the text cannot be used.
    """
    text = clean("problem", text)
    if not text:
        raise Malformed("the problem is empty")
    identity = (identity or "").strip()
    if len(identity) > MAX_ID or not identity.isprintable():
        identity = ""
    return Problem(identity or str(line), line, text, answer)


def read_row(
    raw: bytes, line: int, parse: Callable[[str, int], Problem]
) -> Problem | BadRow | None:
    """The row that the bytes hold; None when they are blank."""
    try:
        text = decoded(raw)
        return parse(text, line) if text.strip() else None
    except Malformed as error:
        return BadRow(str(line), line, str(error))


def decoded(raw: bytes) -> str:
    """The text that the bytes hold.

    Raises:
        Malformed: they hold none.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        byte = raw[error.start]
        raise Malformed(f"not UTF-8: byte 0x{byte:02x} at {error.start + 1}") from None
    if "\0" in text:
        raise Malformed("contains a NUL character")
    return text


def with_unique_ids(rows: Iterable[Problem | BadRow]) -> tuple[Problem | BadRow, ...]:
    """The rows, the second of an id "a" renamed to "a#2", the third to "a#3".

    A name that is taken is passed over. The rows after a row do not change its id.
    """
    taken: set[str] = set()
    last: dict[str, int] = {}  # of each id, the number given last
    unique = []
    for row in rows:
        name = row.id
        while name in taken:
            last[row.id] = last.get(row.id, 1) + 1
            name = f"{row.id}#{last[row.id]}"
        taken.add(name)
        unique.append(row if name == row.id else replace(row, id=name))
    return tuple(unique)


def clean(what: str, text: str) -> str:
    """The text without white space around it; no NUL, no half of a character."""
    if "\0" in text:
        raise Malformed(f"the {what} contains a NUL character")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        half = f"U+{ord(text[error.start]):04X}"
        raise Malformed(
            f"the {what} contains half a character, the lone surrogate {half}"
        ) from None
    return text.strip()
