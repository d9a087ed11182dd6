"""A file of problems: what is counted, how it reads, what is told where, and that no text breaks it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from pfsolve.display.file import FAILURES, FileView
from pfsolve.display.surface import watching
from pfsolve.environment import Environment
from pfsolve.events import Event
from pfsolve.events.search import (
    Began,
    Ended,
    InProblem,
    ManyBegan,
    ManyEnded,
    ParticleRow,
    ProblemEnded,
    Progressed,
)
from tests.display.terminal import (
    HOSTILE,
    MODEL,
    MODEL_LINE,
    Clock,
    foreign_codes,
    pipes,
    screen,
    seen,
    written,
)

ROWS = (
    ParticleRow(0.75, 0.5, 3, 30, "so $x = 3$", None, None),
    ParticleRow(0.25, 0.5, 3, 20, "ends", "4", "boxed"),
)


def began(problem: str) -> InProblem:
    return InProblem(problem, Began("the text", 2, 100))


def at(problem: str, tokens: int) -> InProblem:
    return InProblem(problem, Progressed(3, 2.0, ROWS, tokens, 1.0))


def right(problem: str, tokens: int = 300) -> ProblemEnded:
    return ProblemEnded(problem, "42", True, None, tokens, 12.0)


def malformed(problem: str, reason: str = "no JSON") -> ProblemEnded:
    return ProblemEnded(problem, None, None, reason, 0, 0.0)


def run(*events: Event, seconds: float = 0.0) -> FileView:
    """A file's view once these events have happened, `seconds` after it began."""
    view = FileView()
    for event in events:
        view = view.after(event)
    return replace(view, seconds=seconds)


# --- what it counts -------------------------------------------------------------------------


def test_a_run_counts_on_from_an_earlier_one() -> None:
    result = run(
        MODEL,
        ManyBegan(60, done=10, failed=1, right=6, graded=8),
        right("a"),
        ProblemEnded("b", "41", False, None, 100, 5.0),  # wrong
        ProblemEnded("c", "41", None, None, 100, 5.0),  # who knows
        ProblemEnded("d", None, False, None, 100, 5.0),  # ended without an answer
        malformed("line 7"),
    )
    assert (result.problems, result.done, result.failed) == (60, 15, 3)
    assert (result.right, result.graded) == (7, 11)
    assert (result.finished, result.written, result.tokens) == (4, 600, 600)


def test_searches_run_from_their_first_event_until_their_problem_is_settled() -> None:
    events = [ManyBegan(5), began("a"), began("b"), at("a", 40), at("b", 2), began("c")]
    result = run(*events)
    assert list(result.running) == ["a", "b", "c"]  # the oldest first
    assert result.tokens == 42
    result = result.after(InProblem("a", Ended(ROWS, 50, 2.0)))
    assert list(result.running) == ["a", "b", "c"]
    assert result.tokens == 52
    result = result.after(right("a", 50)).after(malformed("never begun"))
    assert list(result.running) == ["b", "c"]
    assert result.tokens == 52  # none is lost or counted twice


def test_the_time_left_is_that_of_the_tokens_left() -> None:
    events = [ManyBegan(10, done=4), began("a"), began("b"), began("c"), began("d"), at("c", 50)]
    assert run(*events, seconds=10.0).seconds_left() is None  # nothing to go by yet
    events += [right("a", 300), right("b", 100), at("d", 500)]
    # 4 problems of 200 tokens, less the 50 of c and the 200 that d is worth; 950 tokens in 95 s
    assert run(*events, seconds=95.0).seconds_left() == pytest.approx(4 * 20 - 5 - 20)
    assert run(*events).seconds_left() is None
    # a malformed row is one problem less, and does not make the others look shorter
    events.append(malformed("e"))
    assert run(*events, seconds=95.0).seconds_left() == pytest.approx(3 * 20 - 5 - 20)


def test_malformed_rows_alone_tell_nothing_of_the_time_left() -> None:
    events = (ManyBegan(10), malformed("a"), malformed("b"))
    assert run(*events, seconds=5.0).seconds_left() is None


def test_searches_that_take_longer_than_expected_leave_no_negative_time() -> None:
    result = run(ManyBegan(2), right("a", 100), began("b"), at("b", 900), seconds=100.0)
    assert result.seconds_left() == 0.0
    assert "left" not in result.headline().plain


# --- how it reads ---------------------------------------------------------------------------

BUSY = (
    ManyBegan(60, done=11, failed=2, right=8, graded=11),
    *(began(problem) for problem in "abcde"),
    right("a", 155),
    *(at(problem, 155) for problem in "bcde"),
)


def test_the_headline_says_what_there_is_to_say() -> None:
    assert run(ManyBegan(60)).headline().plain == "0 of 60 done · 0.0 s"
    assert run(*BUSY, seconds=25.0).headline().plain == (
        # 44 problems of 155 tokens at 31 tokens/s
        "12 of 60 done · 4 running · 9 of 12 right · 2 failed · 31 tokens/s · 25 s"
        " · about 4 min left"
    )
    ended = run(*BUSY, ManyEnded(True, 25.0), seconds=25.0)
    assert ended.headline().plain == (
        "12 of 60 done · interrupted · 9 of 12 right (75 %) · 2 failed · 31 tokens/s · 25 s"
    )


@pytest.mark.parametrize(
    ("seconds", "left"),
    [(0.2, "1 s"), (40.0, "40 s"), (59.6, "1 min"), (830.0, "14 min"), (7530.0, "2 h 06 min")],
)
def test_the_time_left_is_not_told_more_precisely_than_it_is_known(
    seconds: float, left: str
) -> None:
    line = run(ManyBegan(2), right("a", 100), seconds=seconds).headline().plain
    assert line.endswith(f"about {left} left")


def test_a_narrow_headline_keeps_what_matters_most() -> None:
    busy = run(*BUSY, seconds=25.0)
    lines = [busy.headline(width).plain for width in (92, 91, 60, 32, 20, 8, 1)]
    assert lines == [
        "12 of 60 done · 4 running · 9 of 12 right · 2 failed · 31 tokens/s · 25 s"
        " · about 4 min left",
        "12 of 60 done · 4 running · 9 of 12 right · 2 failed · 25 s · about 4 min left",
        "12 of 60 done · 9 of 12 right · 2 failed · about 4 min left",
        "12 of 60 done · about 4 min left",
        "12 of 60 done",
        "12 of 6…",
        "…",
    ]


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (right("gsm8k-17", 310), "1 of 60 · gsm8k-17: 42 (right) · 310 tokens · 12 s"),
        (
            ProblemEnded("x", r"\frac{7}{3}", False, None, 1, 2.0),
            "1 of 60 · x: 7/3 (wrong) · 1 token · 2.0 s",
        ),
        (
            ProblemEnded("x", None, None, None, 1000, 65.0),
            "1 of 60 · x: no answer · 1 000 tokens · 1 min 05 s",
        ),
    ],
)
def test_the_line_of_a_problem(event: ProblemEnded, line: str) -> None:
    view = replace(FileView().after(ManyBegan(60)), verbose=1)
    assert view.after(event).line(event) == line


# --- on a terminal --------------------------------------------------------------------------


def test_the_headline_is_redrawn_in_place_and_the_last_one_stays() -> None:
    environment, clock = screen(100), Clock()
    with watching(environment, FileView(), clock=clock) as surface:
        surface(MODEL)
        surface(ManyBegan(3))
        assert seen(environment)[:2] == [MODEL_LINE, "0 of 3 done · 0.0 s"]
        for problem in ("a", "b"):
            surface(began(problem))
            clock.now += 10.0
            surface(at(problem, 300))
            surface(right(problem))
        clock.now += 1.0
        surface(began("c"))
        headline, bar = seen(environment)[1:]
        assert headline == (
            "2 of 3 done · 1 running · 2 of 2 right · 29 tokens/s · 21 s · about 10 s left"
        )
        assert bar == "━" * 40 + "─" * 20
        surface(right("c"))
        surface(ManyEnded(False, 21.0))
    assert seen(environment) == [
        MODEL_LINE,
        "3 of 3 done · 3 of 3 right (100 %) · 43 tokens/s · 21 s",
    ]


def test_verbose_shows_the_oldest_search_below() -> None:
    view = replace(FileView(), verbose=1).after(ManyBegan(3))
    for event in (began("first"), began("second"), at("second", 10), at("first", 50)):
        view = view.after(event)
    lines = [line.plain for line in view.draw(100, 24)]
    assert lines[2] == "first"
    assert lines[3].startswith("step 3 · 2 particles · 50 tokens")
    assert lines[5].endswith("so x = 3")
    view = view.after(right("first")).after(at("second", 20))
    lines = [line.plain for line in view.draw(100, 24)]
    assert lines[2] == "second"
    assert lines[3].startswith("step 3 · 2 particles · 20 tokens")
    assert len(view.after(ManyEnded(False, 2.0)).draw(100, 24)) == 1


@pytest.mark.parametrize("verbose", [0, 1])
@pytest.mark.parametrize("environment", [screen, pipes])
def test_failures_are_told_by_name_up_to_a_number_and_then_counted(
    environment: Callable[[], Environment], verbose: int
) -> None:
    place = environment()
    with watching(place, FileView(), verbose=verbose, clock=Clock()) as surface:
        surface(ManyBegan(100))
        for number in range(50):
            surface(malformed(f"line {number}", "no\nJSON"))
        surface(ManyEnded(False, 0.0))
    assert seen(place) == [
        *(f"line {number}: no JSON" for number in range(FAILURES)),
        "… further problems that fail are counted only",
        "50 of 100 done · 50 failed · 0.0 s",
    ]


# --- where nothing can be redrawn -----------------------------------------------------------


def test_plain_headlines_come_seldom_and_at_the_end() -> None:
    environment, clock = pipes(), Clock()
    with watching(environment, FileView(), clock=clock) as surface:
        surface(MODEL)
        clock.now += 100.0  # loading is no part of the run
        surface(ManyBegan(100))
        for number in range(100):
            clock.now += 0.7
            surface(right(str(number), 70))
        surface(ManyEnded(False, 70.0))
    assert seen(environment) == [
        MODEL_LINE,
        "43 of 100 done · 43 of 43 right · 100 tokens/s · 30 s · about 40 s left",
        "86 of 100 done · 86 of 86 right · 100 tokens/s · 1 min 00 s · about 10 s left",
        "100 of 100 done · 100 of 100 right (100 %) · 100 tokens/s · 1 min 10 s",
    ]


def test_verbose_tells_of_each_problem_instead() -> None:
    environment, clock = pipes(), Clock()
    with watching(environment, FileView(), verbose=1, clock=clock) as surface:
        surface(ManyBegan(3, done=1))
        clock.now += 31.0
        surface(began("a"))
        surface(right("a", 310))
        surface(malformed("line 3"))
        surface(ManyEnded(True, 31.0))
    assert seen(environment) == [
        "2 of 3 · a: 42 (right) · 310 tokens · 12 s",
        "line 3: no JSON",
        "3 of 3 done · interrupted · 1 of 1 right (100 %) · 1 failed · 10 tokens/s · 31 s",
    ]


# --- any text -------------------------------------------------------------------------------


def hostile(text: str) -> list[Event]:
    row = ParticleRow(0.5, None, 1, 10, text, text, "boxed")
    return [
        ProblemEnded(text + "1", text, None, text, 0, 0.0),
        InProblem(text, Began(text, 2, 1)),
        InProblem(text, Progressed(1, 2.0, (row, row), 20, 1.0)),
        ProblemEnded(text, text, True, None, 10, 0.0),
    ]


@pytest.mark.parametrize("width", [80, 40, 20])
@pytest.mark.parametrize("height", [24, 6, 5, 3, 2, 1])
def test_the_view_fits_any_terminal(width: int, height: int) -> None:
    view = replace(FileView(), verbose=1).after(ManyBegan(123_456_789))
    for event in itertools.chain.from_iterable(map(hostile, HOSTILE)):
        view = view.after(event)
        lines = [line.plain for line in view.draw(width, height)]
        assert 1 <= len(lines) <= max(1, height - 1)
        assert max(map(cell_len, lines)) <= width


@pytest.mark.parametrize("verbose", [0, 1])
@pytest.mark.parametrize("redraw", [True, False])
def test_hostile_text_adds_no_lines_and_no_codes_of_its_own(redraw: bool, verbose: int) -> None:
    environment, clock = screen() if redraw else pipes(), Clock()
    texts = (*HOSTILE, "a\n" * 500_000, "\x1b[2J" * 250_000, "x" * 1_000_000)
    with watching(environment, FileView(), verbose=verbose, clock=clock) as surface:
        surface(ManyBegan(100))
        for event in itertools.chain.from_iterable(map(hostile, texts)):
            clock.now += 1.0
            surface(event)
    assert not foreign_codes(environment)
    assert redraw or "\x1b" not in written(environment)
    lines = seen(environment)
    problems = 0 if redraw or verbose == 0 else len(texts)
    headlines = 2 if not redraw and verbose == 0 else 1  # one after 30 s
    assert len(lines) == len(texts) + problems + headlines
    assert max(cell_len(line) for line in lines) < 500
    written(environment).encode()  # no lone surrogate, which a real stream would refuse


@settings(max_examples=50)
@given(st.text(max_size=300), st.integers(20, 120), st.integers(1, 40))
def test_any_text_can_be_shown(text: str, width: int, height: int) -> None:
    environment, clock = screen(width, height), Clock()
    with watching(environment, FileView(), verbose=1, clock=clock) as surface:
        surface(ManyBegan(2))
        for event in hostile(text):
            clock.now += 1.0
            surface(event)
    assert seen(environment)[-1].startswith("2 of 2 done")
