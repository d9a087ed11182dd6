"""Problems as JSON objects, one a line."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from pfsolve.problems.fields import DEFAULT_NAMES
from pfsolve.problems.problem import Malformed, Problem, make_problem
from pfsolve.wording import listed, shortened


def object_reader(fields: Mapping[str, str]) -> Callable[[str, int], Problem]:
    """A function from a line's text and number to its problem, which raises `Malformed`.

    Args:
        fields: names that the user gave to what `DEFAULT_NAMES` lists.
    """

    def read(text: str, line: int) -> Problem:
        row = _parsed(text.strip())
        problem_name = _name("problem", row, fields)
        if problem_name not in row:
            raise _missing(problem_name, row)
        problem = row[problem_name]
        if not isinstance(problem, str):
            raise Malformed(
                f'field "{listed([problem_name])}" is {shortened(problem)}, which is no text'
            )

        answer_name = _name("answer", row, fields)
        if answer_name not in row and "answer" in fields:
            raise _missing(answer_name, row)
        answer = _text(answer_name, row.get(answer_name), numbers=(int, float))

        id_name = _name("id", row, fields)
        identity = _text(id_name, row.get(id_name), numbers=(int,))
        return make_problem(problem, line, answer, identity)

    return read


def _parsed(text: str) -> dict[str, Any]:
    try:
        row = json.loads(text)
    except json.JSONDecodeError as error:
        seen = shortened(text[error.pos : error.pos + 60]) if error.pos < len(text) else "the end"
        what = error.msg.rstrip(": ").removesuffix(" at")
        raise Malformed(f"no JSON: {what} at column {error.pos + 1}, {seen}") from None
    except ValueError:
        raise Malformed("a number in it has too many digits") from None
    except RecursionError:
        raise Malformed("it is nested too deeply") from None
    if not isinstance(row, dict):
        raise Malformed(f"{shortened(row)} is no JSON object")
    return row


def _name(key: str, row: Mapping[str, Any], fields: Mapping[str, str]) -> str:
    """The name of the field to read: the user's, else the first present, else the first of all."""
    names = (fields[key],) if key in fields else DEFAULT_NAMES[key]
    return next((name for name in names if name in row), names[0])


def _missing(name: str, row: Mapping[str, Any]) -> Malformed:
    if not row:
        return Malformed(f'no field "{listed([name])}": the object is empty')
    return Malformed(f'no field "{listed([name])}"; the fields are {listed(row)} (see --field)')


def _text(name: str, value: object, numbers: tuple[type, ...]) -> str | None:
    """A value that may be a text, a number or missing, as text."""
    if value is None or isinstance(value, str):
        return value
    finite = not isinstance(value, float) or math.isfinite(value)
    if isinstance(value, numbers) and not isinstance(value, bool) and finite:
        return str(value)
    kinds = "a text nor a number" if float in numbers else "a text nor a whole number"
    raise Malformed(f'field "{listed([name])}" is {shortened(value)}, neither {kinds}')
