"""The only way to stdout: what a command gives is a line of JSON, a table, prose, code, or an answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

from pfsolve.display.columns import Table, fitted
from pfsolve.display.text import readable_answer
from pfsolve.errors import ResourceError
from pfsolve.files import dumps, json_safe
from pfsolve.wording import clean_lines, one_line

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from pfsolve.environment import Environment


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer alone on its line; in a pipe a missing one is an empty line.

    A terminal gets readable text instead of LaTeX and, with a problem's id, also the id before the
    answer and whether it is right behind it.
    """

    text: str | None
    problem_id: str | None = None
    correct: bool | None = None
    titled: bool = False  # whether a terminal is told that it is the answer


@dataclass(frozen=True, slots=True)
class Prose:
    """Markdown with LaTeX in it; a terminal gets it readable, unless raw, and a pipe as it is."""

    text: str


@dataclass(frozen=True, slots=True)
class Code:
    """A program, or what one printed: indented on a terminal, a block of Markdown in a pipe."""

    text: str
    language: str = ""
    last: int | None = None  # lines that a terminal gets at most, from the end; all by default


@dataclass(frozen=True, slots=True)
class Drawn:
    """Lines that a terminal gets in colours and as wide as it is; a pipe gets one plain line."""

    line: str
    draw: Callable[[Console], Iterable[Text]]


Shown: TypeAlias = Table | Answer | Prose | Code | Drawn | str

_Item = TypeVar("_Item")


class Output:
    """The results of a command on stdout, and its notes on stderr.

    Args:
        as_json: results are JSON, strict and one line each.
        raw: answers stay LaTeX on a terminal too.
        quiet: without notes.
    """

    def __init__(
        self,
        environment: Environment,
        *,
        as_json: bool = False,
        raw: bool = False,
        quiet: bool = False,
    ) -> None:
        self._environment = environment
        self._as_json = as_json
        self._raw = raw
        self._quiet = quiet

    def give(self, value: object, shown: Callable[[], Iterable[Shown]] = tuple) -> None:
        """Print a result: `value` where JSON is wanted, else the parts of `shown()`."""
        if self._as_json:
            self._write(dumps(json_safe(value)))
        else:
            self._show(shown())

    def give_each(self, values: Iterable[_Item], shown: Callable[[_Item], Iterable[Shown]]) -> None:
        """Print results each as soon as it is there; in JSON all of them as one list."""
        if self._as_json:
            self.give(list(values))
        else:
            for value in values:
                self._show(shown(value))

    def skip(self) -> None:
        """Keep the place of a result that never came; JSON has none."""
        if not self._as_json:
            self._write("")

    def note(self, line: str) -> None:
        """A dim line on stderr about the results; never wrapped, no markup in it."""
        from rich.text import Text

        if not self._quiet:
            self._environment.err.print(Text(line, style="dim"), soft_wrap=True)

    def note_each(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.note(line)

    def aside(self, line: str) -> None:
        """A note that is worth no more than a look: on a terminal, and not where JSON is wanted.

        It follows the results on stdout where that is a terminal, or else stands on stderr.
        """
        from rich.text import Text

        if self._quiet or self._as_json:
            return
        console = self._environment.out if self._on_terminal else self._environment.err
        if self._on_terminal or console.is_terminal:
            for piece in Text(line, style="dim").wrap(console, console.width):
                piece.rstrip()
                console.print(piece, soft_wrap=True)

    @property
    def _on_terminal(self) -> bool:
        return self._environment.stdout_is_terminal

    def _show(self, parts: Iterable[Shown]) -> None:
        for number, part in enumerate(parts):
            if number and not isinstance(part, str):
                self._write("")
            if isinstance(part, Table):
                self._table(part)
            elif isinstance(part, Answer):
                self._answer(part)
            elif isinstance(part, Prose):
                self._prose(part)
            elif isinstance(part, Code):
                self._code(part)
            elif isinstance(part, Drawn):
                self._drawn(part)
            else:
                self._write("\n".join(clean_lines(part)))

    def _drawn(self, drawn: Drawn) -> None:
        if self._on_terminal:
            self._print(drawn.draw(self._environment.out))
        else:
            self._write("\t".join(one_line(cell) for cell in drawn.line.split("\t")))

    def _prose(self, prose: Prose) -> None:
        if self._on_terminal and not self._raw:
            from pfsolve.display.prose import readable

            self._print(readable(prose.text, self._environment.out))
        else:
            self._write("\n".join(clean_lines(prose.text)))

    def _code(self, code: Code) -> None:
        lines = "\n".join(clean_lines(code.text)).strip("\n").split("\n")
        if self._on_terminal:
            from pfsolve.display.prose import code_lines

            if code.last is not None and len(lines) > code.last:
                left_out = len(lines) - code.last
                lines = [f"… {left_out} lines more", *lines[left_out:]]
            self._print(code_lines("\n".join(lines), code.language, self._environment.out))
            return
        longest = max((len(fence[0]) for fence in re.finditer("`+", code.text)), default=0)
        fence = "`" * max(3, longest + 1)
        self._write("\n".join([fence + code.language, *lines, fence]))

    def _print(self, lines: Iterable[Text]) -> None:
        for line in lines:
            self._environment.out.print(line, soft_wrap=True)

    def _table(self, table: Table) -> None:
        header, spare, *rows = (
            [one_line(cell) for cell in cells] for cells in (table.header, table.spare, *table.rows)
        )
        if self._on_terminal:
            table = replace(table, header=header, spare=spare, rows=rows)
            self._print(fitted(table, self._environment.out))
            return
        for row in (header, *rows):
            self._write("\t".join(row))

    def _answer(self, answer: Answer) -> None:
        console = self._environment.out
        text = answer.text or ""
        if not self._on_terminal:
            self._write(one_line(text))
            return
        from rich.text import Text

        line = Text(one_line(text) if self._raw else readable_answer(text), "bold")
        if answer.titled:
            line = Text.assemble("Answer  ", line)
        if answer.problem_id is not None:
            if answer.text is None:
                line = Text("no answer", "dim")
            line = Text.assemble((f"{one_line(answer.problem_id)}  ", "dim"), line)
        if answer.correct is not None:
            line.append(
                "  right" if answer.correct else "  wrong", "green" if answer.correct else "red"
            )
        console.print(line, soft_wrap=True)

    def _write(self, line: str) -> None:
        try:
            self._environment.stdout.write(line + "\n")
            self._environment.stdout.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise ResourceError(
                f"cannot write to standard output: {error.strerror}",
                "make room on its disk; -o FILE keeps results that --resume does not do again",
            ) from error


class InOrder(Generic[_Item]):
    """Hands items on in the order of their positions 0, 1, 2, ..., however they arrive.

    Args:
        show: what they are handed to; None stands for one that never came.
        as_they_come: hand them on at once instead.
    """

    def __init__(self, show: Callable[[_Item | None], None], *, as_they_come: bool = False) -> None:
        self._show = show
        self._as_they_come = as_they_come
        self._held: dict[int, _Item] = {}
        self._next = 0

    def __call__(self, position: int, item: _Item) -> None:
        if self._as_they_come:
            self._show(item)
            return
        self._held[position] = item
        while self._next in self._held:
            self._show(self._held.pop(self._next))
            self._next += 1

    def close(self) -> None:
        """Hand on what is held still, with None in the place of those that never came."""
        for position in range(self._next, max(self._held, default=-1) + 1):
            self._show(self._held.get(position))
        self._held.clear()
