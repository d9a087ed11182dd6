"""Which fields or columns of a file hold the problem, its answer and its id."""

from __future__ import annotations

from collections.abc import Sequence

from pfsolve.errors import UsageError

# What is read, and the names it goes by where the user gives none; the first present counts.
DEFAULT_NAMES: dict[str, tuple[str, ...]] = {
    "problem": ("problem", "question", "prompt"),
    "answer": ("answer", "expected"),
    "id": ("id", "unique_id"),
}


def parse_fields(values: Sequence[str]) -> dict[str, str]:
    """Options like "question", "answer=gold" and "id=uid" as a map from what is read to its name.

    A name alone is that of the problem.

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
