"""Which sequences of a cache hold the same cells, token for token.

Every decode appends a stretch of cells; where several sequences grow from one place, the first to grow
continues its stretch and each other begins a stretch of its own there. So a history is a place in a tree
of stretches, and two sequences hold the same cells if, and only if, they stand at the same place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(slots=True, eq=False)
class Stretch:
    """Cells that were appended one after the other, behind all of `before` up to `start`."""

    before: Stretch | None
    start: int  # number of cells of a sequence in front of it
    end: int  # number of cells up to its own end


Place: TypeAlias = tuple[Stretch, int]  # the stretch of a sequence's last cell; number of its cells


class Histories:
    """The place of each sequence. Handles are the caller's."""

    def __init__(self) -> None:
        self._nothing = Stretch(None, -1, -1)
        self._places: dict[int, Place] = {}

    def __contains__(self, sequence: int) -> bool:
        return sequence in self._places

    def __iter__(self) -> Iterator[int]:
        return iter(self._places)

    def begin(self, sequence: int) -> None:
        """A sequence without cells."""
        self._places[sequence] = (self._nothing, 0)

    def copy(self, sequence: int, to: int) -> None:
        """A second sequence with the same cells."""
        self._places[to] = self._places[sequence]

    def drop(self, sequence: int) -> None:
        del self._places[sequence]

    def place(self, sequence: int) -> Place:
        """Equal for two sequences that hold the same cells, and for no others."""
        return self._places[sequence]

    def length(self, sequence: int) -> int:
        """The number of cells that a sequence holds."""
        return self._places[sequence][1]

    def rewind(self, sequence: int, length: int) -> None:
        """Keep the first cells alone, of as many or more."""
        stretch, _ = self._places[sequence]
        while length <= stretch.start and stretch.before is not None:
            stretch = stretch.before
        self._places[sequence] = (stretch, length)

    def grow(self, sequences: Sequence[int], cells: int) -> None:
        """Sequences that stand at one place get the same cells."""
        stretch, length = self._places[sequences[0]]
        if length == stretch.end:
            stretch.end += cells
        else:
            stretch = Stretch(stretch, length, length + cells)
        for sequence in sequences:
            self._places[sequence] = (stretch, length + cells)
