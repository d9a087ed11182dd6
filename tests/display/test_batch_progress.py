"""Progress of a file of problems: what it counts, what it costs, and that nothing breaks it."""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from pfsolve.display import live as live_module
from pfsolve.display.batch import FAILURES, BatchLines, BatchProgress, SilentBatch, batch_progress
from pfsolve.display.batch_state import FileView, headline, problem_line
from pfsolve.environment import Environment
from pfsolve.events import (
    Began,
    Ended,
    Event,
    InProblem,
    ManyBegan,
    ManyEnded,
    ModelLoaded,
    ParticleRow,
    ProblemEnded,
    Progressed,
)
from tests.display.test_live_table import HOSTILE, Clock, Screen, Terminal

MODEL = ModelLoaded("policy", "some-model", "CPU", 1_100_000_000, 900_000_000)
MODEL_LINE = "policy some-model on CPU, 1.1 GB + 900 MB cache"
ROWS = (
    ParticleRow(0.75, 0.5, 3, 30, 0, "so $x = 3$", None, None),
    ParticleRow(0.25, 0.5, 3, 20, 1, "ends", "4", "boxed"),
)


def began(id: str) -> InProblem:
    return InProblem(id, Began("the text", 2, 100))


def at(id: str, tokens: int) -> InProblem:
    return InProblem(id, Progressed(3, 2.0, ROWS, tokens, 1.0))


def right(id: str, tokens: int = 300) -> ProblemEnded:
    return ProblemEnded(id, "42", True, None, tokens, 12.0)


def malformed(id: str, reason: str = "no JSON") -> ProblemEnded:
    return ProblemEnded(id, None, None, reason, 0, 0.0)


def state(*events: Event) -> FileView:
    result = FileView()
    for event in events:
        result = result.after(event)
    return result


def screen(width: int = 100, height: int = 24, **variables: str) -> Environment:
    """An environment in which stdout and stderr are one terminal."""
    stream = Terminal()
    variables = {"TERM": "xterm", "COLUMNS": str(width), "LINES": str(height), **variables}
    return Environment(stdout=stream, stderr=stream, variables=variables)


def pipes() -> Environment:
    return Environment(stdout=io.StringIO(), stderr=io.StringIO(), variables={})


def written(environment: Environment) -> str:
    assert isinstance(environment.stderr, io.StringIO)
    return environment.stderr.getvalue()


def seen(environment: Environment) -> list[str]:
    """The lines on the terminal that are not empty."""
    terminal = Screen()
    terminal.feed(written(environment))
    return [line for line in terminal.lines if line]


# --- what it counts -------------------------------------------------------------------------


def test_a_run_counts_on_from_an_earlier_one() -> None:
    result = state(
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
    result = state(*events)
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
    assert state(*events).seconds_left(10.0) is None  # nothing to go by yet
    events += [right("a", 300), right("b", 100), at("d", 500)]
    result = state(*events)
    # 4 problems of 200 tokens, less the 50 of c and the 200 that d is worth; 950 tokens in 95 s
    assert result.seconds_left(95.0) == pytest.approx(4 * 20 - 5 - 20)
    # a malformed row is one problem less, and does not make the others look shorter
    assert result.after(malformed("e")).seconds_left(95.0) == pytest.approx(3 * 20 - 5 - 20)
    assert result.seconds_left(0.0) is None


def test_malformed_rows_alone_tell_nothing_of_the_time_left() -> None:
    assert state(ManyBegan(10), malformed("a"), malformed("b")).seconds_left(5.0) is None


def test_searches_that_take_longer_than_expected_leave_no_negative_time() -> None:
    result = state(ManyBegan(2), right("a", 100), began("b"), at("b", 900))
    assert result.seconds_left(100.0) == 0.0
    assert "left" not in headline(result, 100.0).plain


# --- how it reads ---------------------------------------------------------------------------

BUSY = (
    ManyBegan(60, done=11, failed=2, right=8, graded=11),
    *(began(id) for id in "abcde"),
    right("a", 155),
    *(at(id, 155) for id in "bcde"),
)


def test_the_headline_says_what_there_is_to_say() -> None:
    assert headline(state(ManyBegan(60)), 0.0).plain == "0 of 60 done · 0.0 s"
    assert headline(state(*BUSY), 25.0).plain == (
        # 44 problems of 155 tokens at 31 tokens/s
        "12 of 60 done · 4 running · 9 of 12 right · 2 failed · 31 tokens/s · 25 s"
        " · about 4 min left"
    )
    ended = state(*BUSY, ManyEnded(True, 25.0))
    assert headline(ended, 25.0).plain == (
        "12 of 60 done · interrupted · 9 of 12 right (75 %) · 2 failed · 31 tokens/s · 25 s"
    )


@pytest.mark.parametrize(
    ("seconds", "left"),
    [(0.2, "1 s"), (40.0, "40 s"), (59.6, "1 min"), (830.0, "14 min"), (7530.0, "2 h 06 min")],
)
def test_the_time_left_is_not_told_more_precisely_than_it_is_known(
    seconds: float, left: str
) -> None:
    line = headline(state(ManyBegan(2), right("a", 100)), seconds).plain
    assert line.endswith(f"about {left} left")


def test_a_narrow_headline_keeps_what_matters_most() -> None:
    lines = [headline(state(*BUSY), 25.0, width).plain for width in (92, 91, 60, 32, 20, 8, 1)]
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
    assert problem_line(state(ManyBegan(60), event), event) == line


# --- on a terminal --------------------------------------------------------------------------


def test_the_headline_is_redrawn_in_place_and_the_last_one_stays() -> None:
    environment = screen()
    clock = Clock(0.0)
    with BatchProgress(environment, clock=clock) as display:
        display(MODEL)
        display(ManyBegan(3))
        assert seen(environment)[:2] == [MODEL_LINE, "0 of 3 done · 0.0 s"]
        for id in ("a", "b"):
            display(began(id))
            clock.now += 10.0
            display(at(id, 300))
            display(right(id))
        clock.now += 1.0
        display(began("c"))
        headline, bar = seen(environment)[1:]
        assert headline == (
            "2 of 3 done · 1 running · 2 of 2 right · 29 tokens/s · 21 s · about 10 s left"
        )
        assert bar.count("━") == 59  # and a gap after what is done
        assert bar.startswith("━" * 40 + "╺")
        display(right("c"))
        display(ManyEnded(False, 21.0))
    assert seen(environment) == [
        MODEL_LINE,
        "3 of 3 done · 3 of 3 right (100 %) · 43 tokens/s · 21 s",
    ]
    assert written(environment).endswith(" 21 s\n")
    assert written(environment).rindex("\x1b[?25h") > written(environment).rindex("\x1b[?25l")


def test_verbose_shows_the_oldest_search_below() -> None:
    environment = screen()
    clock = Clock(0.0)
    with BatchProgress(environment, 1, clock) as display:
        display(ManyBegan(3))
        for event in (began("first"), began("second"), at("second", 10), at("first", 50)):
            display(event)
        clock.now += 1.0
        display(at("first", 50))
        lines = seen(environment)
        assert lines[2] == "first"
        assert lines[3].startswith("step 3 · 2 particles · 50 tokens")
        assert lines[5].endswith("so x = 3")
        display(right("first"))
        clock.now += 1.0
        display(at("second", 20))
        lines = seen(environment)
        assert lines[2] == "second"
        assert lines[3].startswith("step 3 · 2 particles · 20 tokens")
        display(ManyEnded(False, 2.0))
    assert len(seen(environment)) == 1


def test_leaving_before_the_end_is_an_interruption() -> None:
    environment = screen()

    def run() -> None:
        with BatchProgress(environment, clock=Clock(0.0)) as display:
            display(ManyBegan(3))
            display(began("a"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run()
    assert seen(environment) == ["0 of 3 done · interrupted · 0.0 s"]


class CountedProgress(BatchProgress):
    """Notes when it is drawn, each drawing taking as long as the clock says."""

    def __init__(self, environment: Environment, clock: Clock) -> None:
        super().__init__(environment, clock=clock)
        self.clock = clock
        self.drawn_at: list[float] = []

    def __rich_console__(self, *args: object) -> Iterator[str]:  # type: ignore[override]
        self.drawn_at.append(self.clock.now)
        self.clock.now += self.clock.drawing
        yield "drawn"


@pytest.mark.parametrize("drawing", [0.0, 0.0001, 0.005, 0.2])
@pytest.mark.parametrize("bad", [False, True])
def test_drawing_takes_at_most_a_hundredth_of_the_time(drawing: float, bad: bool) -> None:
    """Whether a search goes on or bad rows, each with its line on stdout, come in a flood."""
    environment = screen()
    clock = Clock(drawing)
    with CountedProgress(environment, clock) as display:
        display(ManyBegan(20_000))
        for number in range(20_000):
            clock.now += 0.005
            if bad:
                display(malformed(f"line {number}"))
                with display.writing():
                    environment.stdout.write(f"result {number}\n")
            else:
                display(at("a", number))
        elapsed = clock.now - 100.0
    drawn = display.drawn_at
    pauses = [after - before for before, after in itertools.pairwise(drawn)]
    assert min(pauses) >= live_module.PAUSE
    assert drawing * (len(drawn) - 1) <= elapsed / live_module.SHARE
    # ... but it does not draw less than it may, either
    assert max(pauses) <= max(live_module.PAUSE, live_module.SHARE * drawing) + drawing + 0.0051


@pytest.mark.parametrize("height", [24, 3, 2, 1])
def test_what_is_written_to_stdout_stays_whole_above_the_display(height: int) -> None:
    environment = screen(height=height)
    clock = Clock(0.0)
    results = [f'{{"id": {number}}}' for number in range(200)]
    with BatchProgress(environment, 1, clock) as display:
        display(ManyBegan(200))
        for number, result in enumerate(results):
            display(began(str(number)))
            clock.now += (0.001, 0.2)[number % 2]
            display(at(str(number), 10))
            display(right(str(number), 10))
            with display.writing():
                environment.stdout.write(result + "\n")
        assert seen(environment)[:200] == results
        clock.now += 1.0
        display(began("another"))
        assert seen(environment)[200].startswith("200 of 200 done · 1 running")  # it came back
        display(ManyEnded(False, 1.0))
        with display.writing():
            environment.stdout.write("the very last\n")
    lines = seen(environment)
    assert lines[:200] == results
    assert lines[200].startswith("200 of 200 done · 200 of 200 right")
    assert lines[201:] == ["the very last"]


def test_a_stdout_that_is_no_terminal_does_not_disturb_the_display() -> None:
    stream = Terminal()
    variables = {"TERM": "xterm", "COLUMNS": "80", "LINES": "24"}
    environment = Environment(stdout=io.StringIO(), stderr=stream, variables=variables)
    with BatchProgress(environment, clock=Clock(0.0)) as display:
        display(ManyBegan(3))
        before = stream.getvalue()
        with display.writing():
            assert stream.getvalue() == before
        assert stream.getvalue() == before


def test_without_colours_there_are_none() -> None:
    environment = screen(NO_COLOR="1")
    clock = Clock(0.0)
    with BatchProgress(environment, 1, clock) as display:
        for event in (*BUSY, malformed("bad")):
            clock.now += 1.0
            display(event)
    assert not re.search(r"\x1b\[[0-9;]*m", written(environment))


# --- failures -------------------------------------------------------------------------------


@pytest.mark.parametrize("verbose", [0, 1])
@pytest.mark.parametrize("kind", [BatchProgress, BatchLines])
def test_failures_are_told_by_name_up_to_a_number_and_then_counted(
    kind: type[BatchProgress] | type[BatchLines], verbose: int
) -> None:
    environment = screen()
    display: SilentBatch
    if kind is BatchProgress:
        display = BatchProgress(environment, verbose, Clock(0.0))
    else:
        display = BatchLines(environment.err, verbose, Clock(0.0))
    with display:
        display(ManyBegan(100))
        for number in range(50):
            display(malformed(f"line {number}", "no\nJSON"))
        display(ManyEnded(False, 0.0))
    assert seen(environment) == [
        *(f"line {number}: no JSON" for number in range(FAILURES)),
        "… further problems that fail are counted only",
        "50 of 100 done · 50 failed · 0.0 s",
    ]


# --- where nothing can be redrawn -----------------------------------------------------------


def test_plain_headlines_come_seldom_and_at_the_end() -> None:
    environment = pipes()
    clock = Clock(0.0)
    with BatchLines(environment.err, clock=clock) as display:
        display(MODEL)
        clock.now += 100.0  # loading is no part of the run
        display(ManyBegan(100))
        for number in range(100):
            clock.now += 0.7
            display(right(str(number), 70))
        with display.writing():
            pass
        display(ManyEnded(False, 70.0))
    assert written(environment).splitlines() == [
        MODEL_LINE,
        "43 of 100 done · 43 of 43 right · 100 tokens/s · 30 s · about 40 s left",
        "86 of 100 done · 86 of 86 right · 100 tokens/s · 1 min 00 s · about 10 s left",
        "100 of 100 done · 100 of 100 right (100 %) · 100 tokens/s · 1 min 10 s",
    ]


def test_verbose_tells_of_each_problem_instead() -> None:
    environment = pipes()
    clock = Clock(0.0)
    with BatchLines(environment.err, 1, clock) as display:
        display(ManyBegan(3, done=1))
        clock.now += 31.0
        display(began("a"))
        display(right("a", 310))
        display(malformed("line 3"))
        display(ManyEnded(True, 31.0))
    assert written(environment).splitlines() == [
        "2 of 3 · a: 42 (right) · 310 tokens · 12 s",
        "line 3: no JSON",
        "3 of 3 done · interrupted · 1 of 1 right (100 %) · 1 failed · 10 tokens/s · 31 s",
    ]


def test_silence_listens_to_everything_and_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    environment = pipes()
    with batch_progress(environment, quiet=True) as display:
        for event in (MODEL, *BUSY, malformed("bad"), ManyEnded(False, 1.0)):
            display(event)
        with display.writing():
            pass
    assert written(environment) == ""
    assert capfd.readouterr() == ("", "")


# --- whatever comes -------------------------------------------------------------------------


def hostile(text: str) -> list[Event]:
    row = ParticleRow(0.5, None, 1, 10, 0, text, text, "boxed")
    inner: tuple[Event, ...] = (Began(text, 2, 1), Progressed(1, 2.0, (row, row), 20, 1.0))
    return [
        ProblemEnded(text + "1", text, None, text, 0, 0.0),
        *(InProblem(text, event) for event in inner),
        ProblemEnded(text, text, True, None, 10, 0.0),
    ]


@pytest.mark.parametrize("width", [80, 40, 20])
@pytest.mark.parametrize("height", [24, 6, 5, 3, 2, 1])
def test_the_display_fits_any_terminal(width: int, height: int) -> None:
    environment = screen(width, height)
    clock = Clock(0.0)
    with BatchProgress(environment, 1, clock) as display:
        display(ManyBegan(123_456_789))
        for text in HOSTILE:
            for event in hostile(text)[1:]:
                clock.now += 1.0
                display(event)
                lines = seen(environment)
                assert 1 <= len(lines) <= max(1, height - 1)
                assert max(cell_len(line) for line in lines) <= width


@pytest.mark.parametrize("verbose", [0, 1])
@pytest.mark.parametrize("redraw", [True, False])
def test_hostile_text_adds_no_lines_and_no_codes_of_its_own(redraw: bool, verbose: int) -> None:
    environment = screen() if redraw else pipes()
    clock = Clock(0.0)
    texts = (*HOSTILE, "a\n" * 500_000, "\x1b[2J" * 250_000, "x" * 1_000_000)
    display: SilentBatch
    if redraw:
        display = BatchProgress(environment, verbose, clock)
    else:
        display = BatchLines(environment.err, verbose, clock)
    with display:
        display(ManyBegan(100))
        for event in itertools.chain.from_iterable(map(hostile, texts)):
            clock.now += 1.0
            display(event)
    codes = set(re.findall(r"\x1b[^m]*?[A-Za-z]", written(environment)))
    allowed = r"\x1b\[(?:[0-9;]*m|\?25[hl]|2K|1A)" if redraw else "none"
    assert all(re.fullmatch(allowed, code) for code in codes)
    lines = seen(environment)
    problems = 0 if redraw or verbose == 0 else len(texts)
    headlines = 2 if not redraw and verbose == 0 else 1  # one after 30 s
    assert len(lines) == len(texts) + problems + headlines
    assert max(cell_len(line) for line in lines) < 500
    written(environment).encode()  # no lone surrogate, which a real stream would refuse


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=300), st.integers(20, 120), st.integers(1, 40))
def test_any_text_can_be_shown(text: str, width: int, height: int) -> None:
    environment = screen(width, height)
    clock = Clock(0.0)
    with BatchProgress(environment, 1, clock) as display:
        display(ManyBegan(2))
        for event in hostile(text):
            clock.now += 1.0
            display(event)
    assert seen(environment)[-1].startswith("2 of 2 done")


@pytest.mark.parametrize(
    ("environment", "options", "kind"),
    [
        (screen(), {}, BatchProgress),
        (screen(), {"verbose": 1}, BatchProgress),
        (screen(), {"verbose": 2}, BatchLines),
        (screen(), {"quiet": True}, SilentBatch),
        (screen(TERM="dumb"), {}, BatchLines),
        (pipes(), {}, BatchLines),
    ],
)
def test_stderr_gets_the_display_it_can_show(
    environment: Environment, options: dict[str, int], kind: type
) -> None:
    assert type(batch_progress(environment, **options)) is kind  # type: ignore[arg-type]


def test_a_dumb_terminal_gets_plain_text() -> None:
    environment = screen(TERM="dumb")
    with batch_progress(environment, verbose=1) as display:
        for event in (MODEL, *BUSY, malformed("bad"), ManyEnded(False, 1.0)):
            display(event)
    assert "\x1b" not in written(environment)
    assert len(written(environment).splitlines()) == 4
