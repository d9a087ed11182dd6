"""Rows to measure a reward on: solutions with a known first error, and rollouts with a known answer.

One file may hold both kinds, as JSON objects:

    {"problem": str, "steps": [str, ...], "first_error": int}   0-based; -1 for none; or "label"
    {"problem": str, "answer": str, "solutions": [{"steps": [str, ...], "answer": str | null}, ...]}

A run record, as `--record DIR` keeps them, counts as rollouts, with the scores they were given; a
folder of records is read like a file of rollouts. What `pfsolve.problems` says of problems, ids, encodings
and gzip holds here too.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

from pfsolve.errors import UsageError
from pfsolve.problems import BadRow, Problem, read_objects
from pfsolve.results.line import upgraded
from pfsolve.wording import listed, plural, shortened


@dataclass(frozen=True, slots=True)
class Labelled:
    """A solution whose first wrong step is known."""

    problem: Problem
    steps: tuple[str, ...]  # (L,) at least one, none blank
    first_error: int  # index of the first wrong step, or -1


@dataclass(frozen=True, slots=True)
class Attempt:
    """One rollout."""

    steps: tuple[str, ...]  # (L,) those that are not blank, maybe none
    answer: str | None
    log_odds: tuple[float, ...] | None = None  # (L,) of each prefix, if they are known


@dataclass(frozen=True, slots=True)
class Rollouts:
    """Independent attempts at a problem."""

    problem: Problem  # with its right answer
    attempts: tuple[Attempt, ...]  # at least one
    # The settings and versions of the run that scored them, by name; empty if none did.
    origin: Mapping[str, Any] = field(default_factory=dict)


LabelledRow: TypeAlias = Labelled | Rollouts


@dataclass(frozen=True, slots=True)
class LabelledFile:
    """What a file holds."""

    rows: tuple[LabelledRow, ...]  # in order, their ids unique
    complaints: tuple[str, ...]  # a line on each malformed row

    def describe(self) -> str:
        """Its size in words: "198 labelled solutions, 60 problems with 480 rollouts"."""
        rollouts = [row for row in self.rows if isinstance(row, Rollouts)]
        parts = []
        if labelled := len(self.rows) - len(rollouts):
            parts.append(plural(labelled, "labelled solution"))
        if rollouts:
            attempts = sum(len(row.attempts) for row in rollouts)
            parts.append(f"{plural(len(rollouts), 'problem')} with {plural(attempts, 'rollout')}")
        if self.complaints:
            parts.append(plural(len(self.complaints), "malformed row"))
        return ", ".join(parts) or "no rows"


def read_labelled(path: Path) -> LabelledFile:
    """The rows of a file, or of all `*.json` files in a folder, whose names are then the ids.

    Raises:
        UsageError: it cannot be read, is in another encoding, or holds no row that is well formed.
    """
    rows: list[LabelledRow] = []
    complaints: list[str] = []
    folder = path.is_dir()
    try:
        for file in sorted(path.glob("*.json")) if folder else [path]:
            for where, found in _read(file.read_bytes(), str(file)):
                if isinstance(found, str):
                    complaints.append(
                        f"{file.name}, {where}: {found}" if folder else f"{where}: {found}"
                    )
                elif folder:
                    named = replace(found.problem, id=file.stem)
                    rows.append(replace(found, problem=named))
                else:
                    rows.append(found)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", "check the path") from error
    if not rows:
        what = f"; {complaints[0]}" if complaints else ""
        raise UsageError(
            f"{path} holds neither labelled solutions nor rollouts{what}",
            'a row is {"problem": ..., "steps": [...], "first_error": -1}, '
            'or {"problem": ..., "answer": ..., "solutions": [{"steps": [...], "answer": ...}]}',
        )
    return LabelledFile(tuple(rows), tuple(complaints))


def _read(data: bytes, name: str) -> Iterable[tuple[str, LabelledRow | str]]:
    """For each row: where it is, and the row in it or what is wrong with it."""
    for problem, fields in read_objects(data, name=name):
        where = f"line {problem.line}"
        if isinstance(problem, BadRow):
            yield where, problem.reason
            continue
        try:
            yield where, _row(problem, fields)
        except _Unfit as error:
            yield where, str(error)


class _Unfit(Exception):
    """A row cannot be used; the message says why."""


def _row(problem: Problem, fields: dict[str, Any]) -> LabelledRow:
    label = "first_error" if "first_error" in fields else "label"  # as in ProcessBench
    if label == "first_error" or {"label", "steps"} <= fields.keys():
        steps = _steps(fields.get("steps"))
        if blank := [index for index, step in enumerate(steps) if not step.strip()]:
            raise _Unfit(f"step {blank[0]} is blank")
        if not steps:
            raise _Unfit("there are no steps")
        return Labelled(problem, steps, _first_error(label, fields[label], len(steps)))
    if "solutions" in fields:
        return _rollouts(problem, fields["solutions"])
    if "particles" in fields:
        return _recorded(problem, upgraded(fields))
    if "settings_hash" in fields:
        raise _Unfit(
            "a line of results keeps no steps; --record DIR does, and DIR can be evaluated"
        )
    raise _Unfit(f'neither "first_error" nor "solutions"; the fields are {listed(fields)}')


def _recorded(problem: Problem, record: Mapping[str, Any]) -> Rollouts:
    """The rollouts of a run record, if its particles are independent draws; programs are left out."""
    for cut in ("interrupted", "out_of_time"):
        if record.get(cut):
            raise _Unfit(f"its search was {cut.replace('_', ' ')}")
    recorded = _list(record["particles"], "particles")
    particles = [p for p in recorded if not (isinstance(p, dict) and p.get("kind") == "program")]
    if any(isinstance(p, dict) and p.get("finish") == "settled" for p in particles):
        raise _Unfit("its search ended before its solutions did; --no-early-stop lets them end")
    if not _are_independent(particles, record):
        raise _Unfit(
            "its particles were resampled, so they are no independent rollouts; "
            "pfsolve --reward none --no-early-stop draws such"
        )
    expected = record.get("expected")
    if not isinstance(expected, str) or not expected.strip():
        raise _Unfit('no right answer is known: "expected" is missing')
    rollouts = _rollouts(replace(problem, answer=expected), particles)
    origin: dict[str, Any] = {}
    for name in ("settings", "versions"):
        if isinstance(of := record.get(name), dict):
            origin |= of
    return replace(rollouts, origin=origin)


def _are_independent(particles: list[Any], record: Mapping[str, Any]) -> bool:
    """Whether each particle wrote all its own steps, and not because a reward left it alone."""
    lines = [_list(_member(particle, "ancestors"), "ancestors") for particle in particles]
    writers = [set(map(str, line)) for line in lines if line]
    if any(len(of) > 1 for of in writers) or len(set().union(*writers)) < len(writers):
        return False
    settings, events = record.get("settings"), record.get("events")
    if isinstance(settings, dict) and (
        settings.get("reward") == "none" or settings.get("method") in ("bon", "sc", "greedy")
    ):
        return True
    return not any(
        isinstance(event, dict) and event.get("event") == "Resampled"
        for event in (events if isinstance(events, list) else ())
    )


def _rollouts(problem: Problem, solutions: object) -> Rollouts:
    if problem.answer is None:
        raise _Unfit('no right "answer" to compare with')
    attempts = []
    for solution in _list(solutions, "solutions"):
        steps = _steps(_member(solution, "steps"))
        answer = _member(solution, "answer")
        if isinstance(answer, int | float) and not isinstance(answer, bool):
            answer = str(answer)
        if answer is not None and not isinstance(answer, str):
            raise _Unfit(f"a solution's answer is {shortened(answer)}, which is no text")
        said = _sound(answer).strip() if answer else ""
        written = [index for index, step in enumerate(steps) if step.strip()]
        scores = _scores(solution.get("log_odds"), len(steps))
        attempts.append(
            Attempt(
                tuple(steps[index] for index in written),
                said or None,
                None if scores is None else tuple(scores[index] for index in written),
            )
        )
    if not attempts:
        raise _Unfit("there are no solutions")
    return Rollouts(problem, tuple(attempts))


def _steps(value: object) -> tuple[str, ...]:
    return tuple(_sound(step) for step in _list(value, "steps"))


def _scores(value: object, steps: int) -> list[float] | None:
    """A run record's scores of the steps, unless any is missing: -inf, or not given at all."""
    if not isinstance(value, list) or len(value) != steps:
        return None
    known = all(type(score) in (int, float) and math.isfinite(score) for score in value)
    return value if known else None


def _sound(text: object) -> str:
    """A text that a tokeniser can take."""
    if not isinstance(text, str):
        raise _Unfit(f"a step is {shortened(text)}, which is no text")
    if "\0" in text or (not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text)):
        raise _Unfit(f"{shortened(text)} contains a NUL character or half a character")
    return text


def _first_error(name: str, value: object, steps: int) -> int:
    if type(value) is not int or not -1 <= value < steps:
        raise _Unfit(
            f'"{name}" is {shortened(value)}, and with {steps} steps it is one of -1 to {steps - 1}'
        )
    return value


def _list(value: object, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise _Unfit(f'"{name}" is {shortened(value)}, which is no list')
    return value


def _member(item: object, name: str) -> Any:
    if not isinstance(item, dict):
        raise _Unfit(f"a solution is {shortened(item)}, which is no object")
    if name not in item:
        raise _Unfit(f'a solution has no field "{name}"; the fields are {listed(item)}')
    return item[name]
