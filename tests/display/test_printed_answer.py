"""The end of a solve: the answer alone on stdout, one dim line on stderr."""

from __future__ import annotations

import io
from dataclasses import dataclass

import pytest

from pfsolve.display.answer import show, summary
from pfsolve.environment import Environment

SUMMARY = "92 % of the weight · 8 particles · 1 843 tokens · 31 s · 59 tokens/s"


@dataclass(frozen=True)
class Solution:
    answer: str | None = r"\frac{1}{2}"
    confidence: float = 0.923
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
