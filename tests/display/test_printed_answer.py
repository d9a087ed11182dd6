"""The end of a solve: the answer alone on stdout, one dim line on stderr."""

from __future__ import annotations

import io
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pfsolve.display.answer import InOrder, show, show_row, summary
from pfsolve.environment import Environment

SUMMARY = "92 % of the weight · 8 particles · 1 843 tokens · 31 s · 59 tokens/s"


@dataclass(frozen=True)
class Solution:
    answer: str | None = r"\frac{1}{2}"
    agreement: float = 0.923
    seconds: float = 31.2
    tokens: int = 1843
    particles: tuple[int, ...] = tuple(range(8))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(
    solution: Solution,
    *,
    out: type[io.StringIO] = io.StringIO,
    err: type[io.StringIO] = io.StringIO,
    quiet: bool = False,
    raw: bool = False,
) -> tuple[str, str]:
    """What arrives on stdout and on stderr."""
    environment = Environment(stdout=out(), stderr=err(), variables={"TERM": "xterm"})
    show(solution, environment, quiet=quiet, raw=raw)
    assert isinstance(environment.stdout, io.StringIO)
    assert isinstance(environment.stderr, io.StringIO)
    return environment.stdout.getvalue(), environment.stderr.getvalue()


def test_a_terminal_gets_readable_text_in_bold_and_a_dim_line_about_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm")  # rich looks at it too
    out, err = shown(Solution(), out=Terminal, err=Terminal)
    assert out == "\x1b[1m1/2\x1b[0m\n"
    assert err == f"\x1b[2m{SUMMARY}\x1b[0m\n"


def test_quiet_leaves_the_answer_alone() -> None:
    assert shown(Solution(), out=Terminal, err=Terminal, quiet=True)[1] == ""


def test_latex_on_request() -> None:
    assert shown(Solution(), out=Terminal, raw=True)[0] == "\\frac{1}{2}\n"


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (r"\frac{1}{2}", r"\frac{1}{2}"),
        ("\\begin{pmatrix}\n1 \\\\\n2\n\\end{pmatrix}\n", r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}"),
        ("[bold]4[/x]", "[bold]4[/x]"),
        ("\x1b[31m4\r\n", "4"),
        ("x" * 500, "x" * 500),
    ],
)
def test_a_pipe_gets_the_latex_as_it_is_on_exactly_one_line(answer: str, line: str) -> None:
    assert shown(Solution(answer)) == (line + "\n", "")


def test_a_pipe_on_stdout_leaves_the_line_on_a_terminal_on_stderr() -> None:
    out, err = shown(Solution(), err=Terminal)
    assert out == "\\frac{1}{2}\n"
    assert SUMMARY in err


def test_an_answer_wider_than_the_terminal_is_not_broken_into_lines() -> None:
    assert shown(Solution("x + " * 80 + "1"), out=Terminal)[0].count("\n") == 1


@pytest.mark.parametrize("answer", [r"\\", r"\left", "{}"])
def test_an_answer_of_which_nothing_would_be_left_is_shown_as_it_is(answer: str) -> None:
    assert answer in shown(Solution(answer), out=Terminal)[0]


def test_no_answer_is_said_on_stderr_only() -> None:
    out, err = shown(Solution(None), out=Terminal, err=Terminal)
    assert out == ""
    assert "no answer · 8 particles" in err


def test_the_summary_has_no_speed_when_there_is_nothing_to_divide() -> None:
    assert summary(Solution(None, 0.0, 0.0, 0, (1,))) == "no answer · 1 particle · 0 tokens · 0.0 s"
    assert summary(Solution()) == SUMMARY


@given(st.permutations(range(6)))
def test_lines_come_in_the_inputs_order_however_they_are_finished(order: list[int]) -> None:
    shown: list[int | None] = []
    lines: InOrder[int] = InOrder(shown.append)
    for position in order:
        lines(position, position)
        assert shown == list(range(len(shown))), "nothing out of order"
    lines.close()
    assert shown == list(range(6))


def test_lines_that_never_came_keep_their_places_at_the_end() -> None:
    """After Ctrl-C the third answer must not stand on the second line."""
    shown: list[str | None] = []
    lines: InOrder[str] = InOrder(shown.append)
    for position, answer in [(0, "a"), (2, "c"), (4, "e")]:
        lines(position, answer)
    assert shown == ["a"]
    lines.close()
    assert shown == ["a", None, "c", None, "e"]


def test_as_they_come_means_at_once() -> None:
    shown: list[str | None] = []
    lines: InOrder[str] = InOrder(shown.append, as_they_come=True)
    lines(2, "c")
    lines(0, "a")
    lines.close()
    assert shown == ["c", "a"]


@pytest.mark.parametrize(
    ("answer", "correct", "piped", "seen"),
    [
        ("42", True, "42\n", "a b  42  right\n"),
        (r"\frac{1}{2}", False, "\\frac{1}{2}\n", "a b  1/2  wrong\n"),
        ("x\n\x1b[31my", None, "x y\n", "a b  x y\n"),
        (None, None, "\n", "a b  no answer\n"),
        (None, False, "\n", "a b  no answer  wrong\n"),
    ],
)
def test_a_row_is_its_answer_in_a_pipe_and_says_whose_it_is_on_a_terminal(
    answer: str | None, correct: bool | None, piped: str, seen: str
) -> None:
    for stream, wanted in ((io.StringIO(), piped), (Terminal(), seen)):
        environment = Environment(stdout=stream, variables={"TERM": "xterm", "NO_COLOR": "1"})
        show_row("a\nb", answer, correct, environment)
        assert stream.getvalue() == wanted
