"""Options that name fields."""

from __future__ import annotations

import pytest

from pfsolve.errors import UsageError
from pfsolve.problems import parse_fields


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        ([], {}),
        (["question"], {"problem": "question"}),
        (
            ["question", "answer=gold", "id=uid"],
            {"problem": "question", "answer": "gold", "id": "uid"},
        ),
        (["problem=a=b"], {"problem": "a=b"}),
        (["answer=The Answer"], {"answer": "The Answer"}),
    ],
)
def test_a_field_is_named_alone_or_after_its_key(values: list[str], fields: dict[str, str]) -> None:
    assert parse_fields(values) == fields


@pytest.mark.parametrize(
    "values",
    [
        [""],
        [" "],
        ["answer="],
        ["=x"],
        ["solution=x"],
        ["Answer=x"],
        ["a", "b"],
        ["a", "problem=a"],
    ],
)
def test_a_field_for_nothing_or_twice_is_refused(values: list[str]) -> None:
    with pytest.raises(UsageError, match="--field"):
        parse_fields(values)
