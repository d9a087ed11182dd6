"""Which fields or columns of a file hold the problem, its answer and its id."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from pfsolve.errors import UsageError
from pfsolve.wording import listed, plural, thousands

# What is read, and the names it goes by where the user gives none; the first that holds a value
# counts. Case, spaces, hyphens and underscores in a name do not matter, and a dot leads into an object.
DEFAULT_NAMES: dict[str, tuple[str, ...]] = {
    "problem": (
        "problem", "question", "prompt", "instruction", "query", "input", "squestion", "original_text",
        "problem_text", "question_text", "problem_statement", "messages", "conversations",
    ),
    "answer": (
        "answer", "expected", "final_answer", "short_answer", "gold", "gold_answer", "expected_answer",
        "correct_answer", "reference_answer", "reference", "numerical_answer", "numeric_answer",
        "ground_truth", "reward_model.ground_truth", "gt", "gt_answer", "target", "targets", "ideal",
        "ans", "answers", "output_answer", "lsolutions", "answer_key", "correct_option", "answer_index",
        "answer_idx",
    ),
    "id": ("id", "unique_id"),  # no others: ids decide seeds, and which results are resumed
}  # fmt: skip

OF_OPTIONS = (
    "correct",
    "label",
    "correct_index",
    "target_index",
)  # the answer, where there are options
# Texts that may state the answer, and whether in a box or behind "####"; else it is their only word.
SOLUTIONS = {"solution": True, "output": False}
STORY = (
    "body", "passage", "context", "story", "background", "scenario", "premise", "paragraph", "text", "input",
)  # fmt: skip  # what is told before the question
OPTIONS = ("options", "choices", "answer_choices", "alternatives")


def parse_fields(values: Sequence[str]) -> dict[str, str]:
    """Options like "question", "answer=gold" and "id=uid" as a map from what is read to its name.

    A name alone is that of the problem. "reward_model.ground_truth" and "prompt.0.content" lead
    into objects and lists.

    Raises:
        UsageError: a key is unknown or given twice, or a name is empty.
    """
    fields: dict[str, str] = {}
    for value in values:
        key, equals, name = value.partition("=")
        if not equals:
            key, name = "problem", value
        if key not in DEFAULT_NAMES:
            raise UsageError(
                f"--field {value!r} is for {key!r}, which is unknown",
                f"write NAME for the problem, or KEY=NAME, KEY one of {', '.join(DEFAULT_NAMES)}",
            )
        if not name.strip():
            raise UsageError(
                f"--field {value!r} names no field", f"write {key}=NAME with the field's name"
            )
        if key in fields:
            raise UsageError(
                f"--field is given twice for the {key}: {fields[key]!r} and {name!r}",
                "leave one of them out",
            )
        fields[key] = name
    return fields


def missing_field(file: str, key: str, name: str, present: Sequence[str]) -> UsageError:
    """A file has no field or column that is wanted."""
    option = "--field NAME" if key == "problem" else f"--field {key}=NAME"
    return UsageError(
        f"{file} has no field or column {name!r}; the fields are {listed(present)}",
        f"name the one with the {key}: {option}",
    )


@lru_cache(maxsize=4096)
def plain(name: str) -> str:
    """A name without what does not matter in it: "Short Answer", "short_answer", "shortAnswer"."""
    return re.sub(r"[\s_-]", "", name).casefold()


def at_path(row: Any, name: str) -> Any:
    """The value of the field of this very name, or at the end of this path; None if there is none."""
    if isinstance(row, dict) and name in row:
        return row[name]
    for part in name.split("."):
        if isinstance(row, dict):
            row = row.get(part)
        elif isinstance(row, list) and re.fullmatch(r"[0-9]{1,9}", part) and int(part) < len(row):
            row = row[int(part)]
        else:
            return None
    return row


def named(row: Mapping[str, Any], names: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """The fields that go by one of these names and hold something: name in the row, and value."""
    spelled = {plain(name): name for name in reversed(list(row))}
    for name in names:
        first, dot, rest = name.partition(".")
        own = first if first in row else spelled.get(plain(first))
        if own is None:
            continue
        value = at_path(row[own], rest) if dot else row[own]
        if value is not None and value != "":
            yield f"{own}{dot}{rest}", value


def inner_objects(row: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """The objects within a row, any of which may be the row itself: its field's name, and it."""
    return [(name, value) for name, value in row.items() if isinstance(value, dict)]


def has_question(row: Mapping[str, Any]) -> bool:
    """Whether a field goes by a usual name of the problem."""
    return next(named(row, DEFAULT_NAMES["problem"]), None) is not None


@dataclass(slots=True)
class Taken:
    """What of a file's rows was taken for what.

    names: of the fields that were read, by key; used as ordered sets.
    present: names of all fields.
    graded: number of problems with a known answer.
    unread: number of problems whose answer is there and cannot be read.
    mended: number of rows whose LaTeX had lost its backslashes.
    """

    names: dict[str, dict[str, None]] = field(default_factory=dict)
    present: dict[str, None] = field(default_factory=dict)
    graded: int = 0
    unread: int = 0
    mended: int = 0

    def add(self, key: str, name: str) -> None:
        """A field was read."""
        self.names.setdefault(key, {})[name] = None

    def describe(self) -> str:
        """In words: "problem from Body + Question, answer from Answer; 998 to be graded"."""
        names = ((key, list(self.names[key])) for key in DEFAULT_NAMES if key in self.names)
        said = [", ".join(f"{key} from {listed(of, between=' + ')}" for key, of in names)]
        if self.graded:
            said.append(f"{thousands(self.graded)} to be graded")
        else:
            said.append(f"no answer found in the fields {listed(self.present)}, so none is graded")
        if self.unread:
            said.append(f"{plural(self.unread, 'answer')} of an unknown form")
        if self.mended:
            said.append(f"single backslashes doubled in {plural(self.mended, 'row')}")
        return "; ".join(said)
