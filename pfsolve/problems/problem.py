"""Rows of a file of problems: those that hold a problem, and those that do not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from pfsolve.files import number_of
from pfsolve.wording import shortened

MAX_ID = 200  # characters; "#2" and so on may be added to a duplicate


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem to solve.

    id: unique in its file.
    line: where its row starts, from 1.
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
    """A problem from the values in a row; a blank answer or id counts as none.

    Raises:
        Malformed: a value cannot be used.
    """
    text = _clean("problem", text)
    if not text:
        raise Malformed("the problem is empty")
    answer = _clean("answer", answer or "")
    identity = (identity or "").strip()
    if len(identity) > MAX_ID:
        raise Malformed(
            f"the id has {len(identity)} characters and may have {MAX_ID}: {shortened(identity)}"
        )
    if not identity.isprintable():
        raise Malformed(f"the id has unprintable characters: {shortened(identity)}")
    return Problem(identity or str(line), line, text, answer or None)


def read_row(
    raw: bytes, line: int, parse: Callable[[str, int], Problem]
) -> Problem | BadRow | None:
    """The row that the bytes hold; None when they are blank."""
    try:
        text = raw.decode("utf-8")
        if not text or text.isspace():
            return None
        if "\0" in text:
            raise Malformed("contains a NUL character")
        return parse(text, line)
    except UnicodeDecodeError as error:
        byte = raw[error.start]
        return BadRow(str(line), line, f"not UTF-8: byte 0x{byte:02x} at {error.start + 1}")
    except Malformed as error:
        return BadRow(str(line), line, str(error))


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


def _clean(what: str, text: str) -> str:
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
