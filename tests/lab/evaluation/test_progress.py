"""Scoring of scoring: what is done, how fast, how long yet; silent, in lines, or in one line."""

from __future__ import annotations

import io

from pfsolve.display.evaluation import COMPLAINTS, complaint_lines, headline
from pfsolve.display.progress import LINE_S, Lines, OneLine, line_progress
from pfsolve.environment import Environment
from pfsolve.events import ModelLoaded, Scoring

MODEL = ModelLoaded("policy", "some-model", "CPU", 1_100_000_000, 0)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_time_left_follows_from_what_this_run_has_scored() -> None:
    """A hundred were there before, ten took 20 s, and ninety are left."""
    line = headline(Scoring(110, 200, 10, 760, 20.0))
    assert line == "110 of 200 solutions scored · 38 tokens/s · 3 min 00 s left"
    assert headline(Scoring(0, 200, 0, 0, 0.0)) == "0 of 200 solutions scored"
    assert headline(Scoring(1, 1, 1, 38, 1.0)) == "1 of 1 solution scored · 38 tokens/s"


def test_a_pipe_gets_a_line_now_and_then_without_escape_codes() -> None:
    environment, clock = Environment(stderr=io.StringIO(), variables={"TERM": "xterm"}), Clock()
    lines = Lines(environment.err, headline, clock)
    lines.loaded(MODEL)
    for done in range(100):
        clock.now += LINE_S / 20
        lines(Scoring(done, 100, done, 10 * done, clock.now))
    lines.leave()
    assert isinstance(environment.stderr, io.StringIO)
    text = environment.stderr.getvalue().splitlines()
    assert text[0] == "policy some-model on CPU, 1.1 GB"
    assert 4 <= len(text) - 1 <= 5
    assert "\x1b" not in "".join(text)


def test_a_terminal_gets_one_line_that_goes_away() -> None:
    stream = Terminal()
    environment, clock = Environment(stderr=stream, variables={"TERM": "xterm"}), Clock()
    line = OneLine(environment.err, headline, clock)
    for done in range(1, 5):
        clock.now += 1.0
        line(Scoring(done, 4, done, 10 * done, clock.now))
    line.leave()
    text = stream.getvalue()
    assert "4 of 4 solutions scored" in text
    assert text.rstrip().endswith(("\x1b[2K", "\x1b[?25h")), "erased, and the cursor is back"


def test_quiet_says_nothing_and_a_pipe_is_recognised() -> None:
    stream = io.StringIO()
    environment = Environment(stderr=stream, variables={})
    with line_progress(environment, headline, quiet=True) as progress:
        progress.loaded(MODEL)
        progress(Scoring(1, 2, 1, 10, 1.0))
    assert stream.getvalue() == ""
    with line_progress(environment, headline) as progress:
        assert type(progress) is Lines
    terminal = Environment(stderr=Terminal(), variables={"TERM": "xterm"})
    with line_progress(terminal, headline) as progress:
        assert type(progress) is OneLine


def test_many_complaints_are_counted() -> None:
    complaints = [f"line {n}: no JSON" for n in range(COMPLAINTS + 3)]
    lines = complaint_lines(complaints)
    assert lines == [*complaints[:COMPLAINTS], "… and 3 more"]
    assert complaint_lines(complaints[:COMPLAINTS]) == complaints[:COMPLAINTS]
