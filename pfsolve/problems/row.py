"""From the fields of a row, in whatever file, to its problem."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pfsolve.problems.answer import answer_text, stated_answer
from pfsolve.problems.fields import (
    DEFAULT_NAMES,
    OF_OPTIONS,
    SOLUTIONS,
    STORY,
    Taken,
    at_path,
    inner_objects,
    named,
)
from pfsolve.problems.options import Options
from pfsolve.problems.problem import Malformed, Problem, make_problem
from pfsolve.wording import listed, shortened


class RowReader:
    """Reads rows that have the same kind of fields.

    Args:
        fields: names that the user gave to what `DEFAULT_NAMES` lists.

    Attributes:
        taken: which fields were taken for what, in all rows up to now.
    """

    def __init__(self, fields: Mapping[str, str]) -> None:
        self.fields = fields
        self.taken = Taken()

    def read(self, row: Mapping[str, Any], line: int) -> Problem:
        """The problem in a row, with the story before its question and the options after it.

        Raises:
            Malformed: it holds none.
        """
        scope, prefix, name, text = self._question(row)
        used = [name]
        for told, story in named(scope, STORY):
            if isinstance(story, str) and prefix + told != name and story.strip() not in text:
                text = f"{story.strip()}\n{text}"
                used.insert(0, prefix + told)
        options = Options(scope)
        if options.lines and not all(option in text for option in options.lines):
            text = "\n".join((text.rstrip(), *options.lines))
            used += [prefix + field for field in options.names]

        answer = None
        try:
            answer = self._answer(row, scope, prefix, options)
        except Malformed:
            self.taken.unread += 1
        identity = None
        for field, value in self._candidates("id", row, scope, prefix):
            identity = _identity(value)
            if identity:
                self.taken.add("id", field)
                break
        problem = make_problem(text, line, answer, identity)
        for field in used:
            self.taken.add("problem", field)
        self.taken.graded += answer is not None
        return problem

    def _question(self, row: Mapping[str, Any]) -> tuple[Mapping[str, Any], str, str, str]:
        """The object that the question is in, the path to there, the question's field, its text."""
        strange: Malformed | None = None
        for scope, prefix, name, value in self._questions(row):
            if (text := _said(value)) is not None:
                return scope, prefix, name, text
            strange = strange or Malformed(
                f'field "{listed([name])}" is {shortened(value)}, which is no text'
            )
        wanted = listed([self.fields.get("problem", DEFAULT_NAMES["problem"][0])])
        if strange is not None:
            raise strange
        if not row:
            raise Malformed(f'no field "{wanted}": the object is empty')
        raise Malformed(f'no field "{wanted}"; the fields are {listed(row)} (see --field)')

    def _questions(
        self, row: Mapping[str, Any]
    ) -> Iterator[tuple[Mapping[str, Any], str, str, Any]]:
        """What may be the question, as above; the value as it is."""
        if "problem" in self.fields:
            name = self.fields["problem"]
            parent = "" if name in row else name.rpartition(".")[0]
            scope = at_path(row, parent) if parent else row
            if (value := at_path(row, name)) is not None:
                inside = isinstance(scope, dict) and bool(parent)
                yield (scope, f"{parent}.", name, value) if inside else (row, "", name, value)
            return
        inner = [(f"{name}.", value) for name, value in inner_objects(row)]
        for prefix, scope in [("", row), *inner]:
            for field, value in named(scope, DEFAULT_NAMES["problem"]):
                yield scope, prefix, prefix + field, value

    def _candidates(
        self,
        key: str,
        row: Mapping[str, Any],
        scope: Mapping[str, Any],
        prefix: str,
        more: tuple[str, ...] = (),
    ) -> Iterator[tuple[str, Any]]:
        """The fields that may hold the answer or the id, the likeliest first."""
        if key in self.fields:
            yield self.fields[key], at_path(row, self.fields[key])
            return
        names = DEFAULT_NAMES[key] + more
        for field, value in named(scope, names):
            yield prefix + field, value
        if scope is not row:
            yield from named(row, names)

    def _answer(
        self, row: Mapping[str, Any], scope: Mapping[str, Any], prefix: str, options: Options
    ) -> str | None:
        """The known answer.

        Raises:
            Malformed: there is one, and it cannot be read.
        """
        strange: Malformed | None = None
        more = OF_OPTIONS if options.lines else ()
        for field, value in self._candidates("answer", row, scope, prefix, more):
            try:
                answer = answer_text(options.answer(value))
            except Malformed as error:
                strange = strange or error
                continue
            if answer is not None:
                self.taken.add("answer", field)
                return answer
        if "answer" not in self.fields:
            for name, may_be_long in SOLUTIONS.items():
                for field, value in named(scope, (name,)):
                    if (answer := stated_answer(value, may_be_long)) is not None:
                        self.taken.add("answer", prefix + field)
                        return answer
        if strange is not None:
            raise strange
        return None


def _said(value: Any) -> str | None:
    """A text, or what the user says last in the turns of a chat."""
    if isinstance(value, str):
        return value
    for turn in reversed(value) if isinstance(value, list) else ():
        if not isinstance(turn, dict):
            return None
        if turn.get("role", turn.get("from")) in ("user", "human"):
            said = turn.get("content", turn.get("value"))
            if isinstance(said, list):  # of parts, some of them images
                texts = [part.get("text") for part in said if isinstance(part, dict)]
                said = "\n".join(text for text in texts if isinstance(text, str)) or None
            return said if isinstance(said, str) else None
    return None


def _identity(value: Any) -> str | None:
    """An id as text: a text or a whole number, 7.0 among them."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str):
        return value.strip()
    return str(value) if type(value) is int else None
