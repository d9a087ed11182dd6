"""One part of a file of problems, for one of several machines."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pfsolve.errors import UsageError
from pfsolve.files import number_of
from pfsolve.wording import shortened

MAX_SHARDS = 10_000


@dataclass(frozen=True, slots=True)
class Shard:
    """Part `index`, from 1, of `count` parts.

    Every id is in exactly one of the parts: the same one on every machine and in every file.

    Raises:
        UsageError: there is no such part.
    """

    index: int
    count: int

    def __post_init__(self) -> None:
        if not 1 <= self.index <= self.count <= MAX_SHARDS:
            raise UsageError(
                f"there is no shard {self}",
                f"shards are 1/N to N/N, with N from 1 to {MAX_SHARDS}",
            )

    @staticmethod
    def parse(text: str) -> Shard:
        """The shard that "2/4" names.

        Raises:
            UsageError: it names none.
        """
        match = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text)
        if match is None:
            raise UsageError(
                f"{shortened(text)} is no shard", "write 2/4 for the second of four shards"
            )
        return Shard(int(match[1]), int(match[2]))

    def holds(self, problem_id: str) -> bool:
        """Whether the problem of this id belongs to this shard."""
        return number_of(problem_id, b"pfsolve shard") % self.count == self.index - 1

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"
