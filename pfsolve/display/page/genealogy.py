"""Who descends from whom: a record's events, or the chains of its particles, as cells of a grid.

A column is a step of the search, a lane a particle's slot. A cell is what a slot holds after a step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from pfsolve.results.line import ParticleLine, ResultLine

_MOST_LANES = 1024  # more slots than any run has


@dataclass(slots=True)
class Written:
    """A step that a particle has written."""

    before: int | None  # index of the step it continues; None at the prompt
    text: str
    kind: str = "text"  # or "program"
    finish: str | None = None  # why its particle took no further step
    error: str | None = None  # why its program failed, in one line
    output: str | None = None  # what its program printed


@dataclass(slots=True)
class Cell:
    """What a slot holds after a step."""

    column: int  # from 1
    lane: int  # the slot, from 0
    written: int  # index of the newest step that it holds
    parent: int | None  # index of the cell it continues; None where it begins at the prompt
    wrote: bool  # whether that step is of this column; else it waits
    weight: float | None = None  # share of the population, 0 to 1; None where it was not weighed
    log_odds: float | None = None  # None where there is no score, and for the -inf of a dead one
    lives: bool = False  # whether a particle of the final population with some weight comes of it
    ends: bool = False  # whether it was dropped: nothing continues it, and the search went on


@dataclass(frozen=True, slots=True)
class Genealogy:
    """All steps that are known of a search, with their cells.

    Attributes:
        lanes: the number of them.
        columns: the number of them.
        written: every step once.
        cells: by column, then by lane.
        final: for each particle of the record the index of its last step; None of an empty one.
        places: likewise of its last cell.
        ess: by column; None where nothing was weighed.
        whole: whether the steps of dropped particles are among them.
    """

    lanes: int
    columns: int
    written: list[Written]
    cells: list[Cell]
    final: list[int | None]
    places: list[int | None]
    ess: list[float | None]
    whole: bool

    def chain(self, written: int | None) -> list[int]:
        """Indices of a step and of all before it, the first at the prompt."""
        found: list[int] = []
        while written is not None:
            found.append(written)
            written = self.written[written].before
        return found[::-1]


def genealogy(record: ResultLine) -> Genealogy:
    """The genealogy of a record; of one without `StepWritten` events that of its final particles alone.

    Events that make no sense count as missing.
    """
    events, particles = record.get("events") or [], record["particles"]
    for build in (_from_events, _from_particles):
        try:
            return build(events, particles)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            continue
    return _from_particles([], particles)


@dataclass(slots=True)
class _Search:
    """A search as its events tell it so far.

    Attributes:
        columns: of each step's number the column.
        newest: of each slot the index of the newest step it holds; no key at the prompt.
        place: of each slot the index of the cell it continues; no key where it begins at the prompt.
        at: indices of cells by column and lane.
    """

    written: list[Written] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)
    ess: list[float | None] = field(default_factory=list)
    columns: dict[int, int] = field(default_factory=dict)
    newest: dict[int, int] = field(default_factory=dict)
    place: dict[int, int] = field(default_factory=dict)
    at: dict[tuple[int, int], int] = field(default_factory=dict)

    def take(self, event: Mapping[str, Any]) -> None:
        """What follows from one more event."""
        match event["event"]:
            case "StepWritten":
                self._write(event)
            case "StepScored":
                self._score(event)
            case "Resampled":
                sources = list(enumerate(event["ancestors"]))
                self.newest = {s: self.newest[of] for s, of in sources if of in self.newest}
                self.place = {s: self.place[of] for s, of in sources if of in self.place}
            case "Rewound":
                for slot, steps in zip(event["particles"], event["steps"], strict=True):
                    self._rewind(slot, steps)
            case "ProgramRan":
                step = self.written[self.newest[event["particle"]]]
                step.output, step.error = str(event["output"]), event["error"]
                step.finish = "failed" if step.error is not None else step.finish

    def _write(self, event: Mapping[str, Any]) -> None:
        column = self.columns[event["step"]] = len(self.columns) + 1
        self.ess.append(None)
        fresh: dict[int, int] = {}
        names = ("particles", "texts", "kinds", "finishes")
        for slot, text, kind, finish in zip(*(event[name] for name in names), strict=True):
            if not 0 <= slot < _MOST_LANES:
                raise ValueError("there is no such slot")
            fresh[int(slot)] = len(self.written)
            self.written.append(Written(self.newest.get(slot), str(text), str(kind), finish))
        self.newest |= fresh
        for slot, step in sorted(self.newest.items()):
            cell = Cell(column, slot, step, self.place.get(slot), slot in fresh)
            self.at[column, slot] = self.place[slot] = len(self.cells)
            self.cells.append(cell)

    def _score(self, event: Mapping[str, Any]) -> None:
        column = self.columns[event["step"]]
        self.ess[column - 1] = _number(event["ess"])
        scored = zip(event["weights"], event["log_odds"], strict=True)
        for slot, (weight, log_odds) in enumerate(scored):
            if (column, slot) in self.at:
                cell = self.cells[self.at[column, slot]]
                cell.weight, cell.log_odds = _number(weight), _number(log_odds)

    def _rewind(self, slot: int, steps: int) -> None:
        self.at.pop((len(self.columns), slot), None)  # the weights that come are not of that cell
        chain: list[int] = []
        step = self.newest.pop(slot, None)
        while step is not None:
            chain.append(step)
            step = self.written[step].before
        if steps:
            self.newest[slot] = chain[-steps]
        else:
            self.place.pop(slot, None)


def _from_events(
    events: Sequence[Mapping[str, Any]], particles: Sequence[ParticleLine]
) -> Genealogy:
    """Raises: any of what `genealogy` catches, where the events do not tell all."""
    search = _Search()
    for event in events:
        search.take(event)
    slots = sorted(search.newest)
    if not search.written or len(slots) != len(particles):
        if not search.written or (particles and slots and len(particles) <= slots[-1]):
            raise ValueError("the events tell of other particles")
        slots = list(range(len(particles)))  # some have written nothing
    final = [search.newest.get(slot) for slot in slots]
    places = [search.place.get(slot) for slot in slots]
    found = _finished(search.written, search.cells, final, places, search.ess, particles)
    for step, particle in zip(final, particles, strict=True):
        for each, text in zip(found.chain(step), particle["steps"], strict=True):
            found.written[
                each
            ].text = text  # where a step ends within a character, that is whole here
    return found


def _from_particles(
    events: Sequence[Mapping[str, Any]], particles: Sequence[ParticleLine]
) -> Genealogy:
    """Of the chains of the final particles, which say who wrote each step; weighed as the events say."""
    scored = {event["step"]: event for event in events if event["event"] == "StepScored"}
    written: list[Written] = []
    cells: list[Cell] = []
    known: dict[tuple[int | None, int, str], int] = {}  # also the index of its cell
    lanes: set[tuple[int, int]] = set()  # columns and lanes that are taken
    final: list[int | None] = []
    for number, particle in enumerate(particles):
        before: int | None = None
        kind = str(particle.get("kind", "text"))
        for column, text in enumerate(particle["steps"], 1):
            slot = _at(particle.get("ancestors"), column)
            slot = slot if isinstance(slot, int) and 0 <= slot < _MOST_LANES else number
            log_odds = _number(_at(particle["log_odds"], column))
            if (before, slot, text) not in known:
                lane = slot
                while (column, lane) in lanes:
                    lane += 1
                lanes.add((column, lane))
                known[before, slot, text] = len(written)
                written.append(Written(before, text, kind))
                weights = dict(enumerate(scored[column]["weights"])) if column in scored else {}
                weight = _number(weights.get(slot))
                index = len(cells)
                cells.append(Cell(column, lane, index, before, True, weight, log_odds))
            before = known[before, slot, text]
        final.append(before)
        if before is not None:
            last = written[before]
            last.finish, last.error = particle.get("finish"), particle.get("error")
            last.output = particle.get("output")
    columns = range(1, 1 + max((cell.column for cell in cells), default=0))
    ess = [_number(scored[column]["ess"]) if column in scored else None for column in columns]
    return _finished(written, cells, final, final, ess, particles, whole=False)


def _finished(
    written: list[Written],
    cells: list[Cell],
    final: list[int | None],
    places: list[int | None],
    ess: list[float | None],
    particles: Sequence[ParticleLine],
    whole: bool = True,
) -> Genealogy:
    """With what is known only once the search is over: which cells live, and which end."""
    kept = {place for place in places if place is not None}
    for place, particle in zip(places, particles, strict=True):
        if place is not None:
            cell = cells[place]
            cell.weight = _number(particle["weight"]) if cell.weight is None else cell.weight
            cell.lives = cell.lives or particle["weight"] > 0
    parents = {cell.parent for cell in cells}
    for index in reversed(range(len(cells))):  # offspring come after their ancestors
        cell = cells[index]
        cell.ends = index not in parents and index not in kept
        if cell.lives and cell.parent is not None:
            cells[cell.parent].lives = True
    lanes = max((cell.lane + 1 for cell in cells), default=0)
    return Genealogy(lanes, len(ess), written, cells, final, places, ess, whole)


def _at(values: Any, column: int) -> Any:
    """The value of a column, from 1; None where there is none."""
    return values[column - 1] if isinstance(values, list) and len(values) >= column else None


def _number(value: Any) -> float | None:
    """A finite number, or None."""
    known = isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
    return float(value) if known else None
