"""The surface: the one that stderr can show, cheap to redraw, never in the way of stdout."""

from __future__ import annotations

import io
import itertools
import os
import re
import signal
import struct
import subprocess
import sys
import threading
import time
from dataclasses import dataclass

import pytest
from rich.text import Text

from pfsolve.display import surface as surface_module
from pfsolve.display.file import FileView
from pfsolve.display.solve import SolveView
from pfsolve.display.surface import Lines, Redrawn, Surface, watching
from pfsolve.display.view import View
from pfsolve.display.work import WorkView
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
    StepScored,
)
from pfsolve.events.work import BytesCame, Checking, Loading, SandboxWaits, Scoring
from tests.display.terminal import (
    MODEL,
    MODEL_LINE,
    Clock,
    Terminal,
    pipes,
    replayed,
    screen,
    seen,
    written,
)

ROWS = (
    ParticleRow(0.5, None, 1, 10, "so $x = 3$", None, None),
    ParticleRow(0.5, None, 1, 10, "ends", "4", "boxed"),
)
SEARCH: tuple[Event, ...] = (
    Began("p", 2, 100),
    Progressed(1, 2.0, ROWS, 20, 1.0),
    StepScored(1, (1.0, 0.0), (0.73, 0.27), 1.65, -0.7),
    Ended(ROWS, 30, 2.0),
)
FILE: tuple[Event, ...] = (
    ManyBegan(2),
    *(InProblem("a", event) for event in SEARCH),  # type: ignore[arg-type]
    ProblemEnded("a", "4", True, None, 30, 2.0),
    ProblemEnded("line 2", None, None, "no JSON", 0, 0.0),
    ManyEnded(False, 2.0),
)
VIEWS = (SolveView(), FileView(), None)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(
    ("environment", "options", "kind"),
    [
        (screen(), {}, Redrawn),
        (screen(), {"verbose": 1}, Redrawn),
        (screen(), {"verbose": 2}, Lines),
        (screen(), {"quiet": True}, Surface),
        (screen(TERM="dumb"), {}, Lines),
        (pipes(), {}, Lines),
    ],
)
def test_stderr_gets_the_surface_it_can_show(
    view: View | None, environment: Environment, options: dict[str, int], kind: type
) -> None:
    assert type(watching(environment, view, **options)) is kind  # type: ignore[arg-type]


def shown(environment: Environment, view: View | None, verbose: int, *events: Event) -> str:
    with watching(environment, view, verbose=verbose, clock=Clock()) as surface:
        for event in events:
            surface(event)
    return written(environment)


@pytest.mark.parametrize("view", VIEWS)
def test_quiet_listens_to_everything_and_says_nothing(
    view: View | None, capfd: pytest.CaptureFixture[str]
) -> None:
    environment = screen()
    with watching(environment, view, quiet=True) as surface:
        for event in (MODEL, BytesCame("m", 1, 2), *SEARCH, *FILE):
            surface(event)
        with surface.writing():
            pass
    assert written(environment) == ""
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("verbose", [0, 1])
@pytest.mark.parametrize("view", VIEWS)
def test_a_dumb_terminal_gets_what_a_pipe_gets(view: View | None, verbose: int) -> None:
    events = (MODEL, BytesCame("m", 1, 2), *SEARCH, *FILE, Scoring(1, 2, 1, 30, 1.0))
    text = shown(screen(TERM="dumb"), view, verbose, *events)
    assert text == shown(pipes(), view, verbose, *events)
    assert "\x1b" not in text
    assert text.startswith(MODEL_LINE)


@pytest.mark.parametrize("view", VIEWS)
def test_without_colours_there_are_none(view: View | None) -> None:
    text = shown(screen(NO_COLOR="1"), view, 1, MODEL, BytesCame("m", 1, 2), *SEARCH, *FILE)
    assert "\x1b[?25h" in text
    assert not re.search(r"\x1b\[[0-9;]*m", text)


def test_a_terminal_that_lacks_a_character_gets_a_substitute() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    stream.isatty = lambda: True  # type: ignore[method-assign]
    rows = (ParticleRow(1.0, None, 1, 10, "x = π", None, None),)
    with watching(Environment(stderr=stream, variables={"TERM": "xterm"}), SolveView()) as surface:
        surface(Began("p", 1, 10))
        surface(Ended(rows, 20, 1.0))
    stream.flush()
    assert b"x = ?" in raw.getvalue()


def test_without_unicode_bars_and_signs_have_substitutes_as_wide_as_they_are() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    environment = Environment(stderr=stream, variables={"TERM": "xterm"})
    row = ParticleRow(0.5, -1.0, 1, 10, "so " * 30, None, None, writes=True)
    other = ParticleRow(0.5, 1.0, 1, 10, "ends", "4", "boxed")
    view = SolveView().after(Began("p", 2, 10)).after(Progressed(1, 2.0, (row, other), 20, 1.0))
    lines = [*view.draw(60, 24), *WorkView().after(BytesCame("m", 1, 3)).draw(80, 24)]
    for line in lines:
        environment.err.print(line, soft_wrap=True)
    stream.flush()
    assert raw.getvalue().decode("ascii").splitlines() == [
        "step 1 - 2 particles - 20 tokens - 20 tokens/s - 1.0 s",
        "  weight         d log-odds",
        "0 ####      50 %       -1.0 > ~so so so so so so so so so",
        "1 ####      50 %       +1.0   4 - boxed",
        "  ####      50 %  4",
        "##########-------------------- 1 B of 3 B",
    ]


# --- loading --------------------------------------------------------------------------------


@pytest.mark.parametrize("environment", [screen(), pipes()], ids=["terminal", "pipe"])
def test_a_model_that_loads_for_long_is_told_of_meanwhile(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surface_module, "LOADING_S", 0.05)
    with watching(environment, SolveView(), clock=Clock()) as surface:
        surface(Loading("policy", "some-model"))
        assert seen(environment) == [], "not at once"
        deadline = time.monotonic() + 10
        while not seen(environment) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert seen(environment) == ["Loading the policy some-model"]
        surface(MODEL)
    on_terminal = environment.can_redraw
    assert seen(environment) == [*["Loading the policy some-model"] * (not on_terminal), MODEL_LINE]


@pytest.mark.parametrize("fails", [False, True])
def test_a_model_that_loads_at_once_is_told_of_once(
    fails: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surface_module, "LOADING_S", 0.05)
    environment = pipes()
    with watching(environment, SolveView()) as surface:
        surface(Loading("policy", "some-model"))
        if not fails:
            surface(MODEL)
    time.sleep(0.2)
    assert written(environment).splitlines() == [MODEL_LINE] * (not fails)


@pytest.mark.parametrize("view", [SolveView(), FileView()])
def test_a_download_is_shown_beside_any_subject(view: View) -> None:
    environment = screen()
    with watching(environment, view, clock=Clock()) as surface:
        surface(BytesCame("m", 1, 10))
        assert "1 B of 10 B" in seen(environment)[0]
        surface(MODEL)
        assert seen(environment) == [MODEL_LINE]


# --- redrawing ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Slow(View):
    """Notes when it is drawn; each drawing takes some time."""

    clock: Clock
    drawing: float
    drawn_at: list[float]

    def after(self, event: Event, now: float = 0.0) -> View:
        return Slow(self.clock, self.drawing, self.drawn_at, active=not isinstance(event, Ended))

    def draw(self, width: int, height: int) -> list[Text]:
        self.drawn_at.append(self.clock.now)
        self.clock.now += self.drawing
        return [Text("drawn")]


def test_in_the_background_nothing_is_redrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """As after Ctrl-Z and `bg`; what stays on the screen is shown all the same."""
    foreground: list[bool] = []
    monkeypatch.setattr(Environment, "in_foreground", property(lambda _: bool(foreground)))
    environment, clock, drawn = screen(), Clock(), list[float]()
    with watching(environment, Slow(clock, 0.0, drawn), clock=clock) as surface:
        surface(Began("p", 2, 100))
        clock.now += 1
        surface(SEARCH[1])
        assert (drawn, written(environment)) == ([], "")
        foreground.append(True)
        surface(SEARCH[1])
        assert drawn == [clock.now]
        foreground.clear()
        clock.now += 1
        surface(Ended(ROWS, 30, 2.0))
    assert len(drawn) == 2


@pytest.mark.parametrize("drawing", [0.0, 0.0001, 0.005, 0.2])
@pytest.mark.parametrize("printing", [False, True])
def test_drawing_takes_at_most_a_hundredth_of_the_time(drawing: float, printing: bool) -> None:
    """Whether events come alone, or each with its line on stdout."""
    environment, clock, drawn = screen(), Clock(), list[float]()
    with watching(environment, Slow(clock, drawing, drawn), clock=clock) as surface:
        for number in range(20_000):
            clock.now += 0.005
            surface(SEARCH[0])
            if printing:
                with surface.writing():
                    environment.stdout.write(f"result {number}\n")
        elapsed = clock.now - 100.0
        count = len(drawn)
        surface(SEARCH[-1])
    assert len(drawn) == count + 1, "the last state is drawn whenever it comes"
    pauses = [after - before for before, after in itertools.pairwise(drawn[:count])]
    assert min(pauses) >= surface_module.PAUSE
    assert drawing * (count - 1) <= elapsed / surface_module.SHARE
    # ... but it does not draw less than it may, either
    longest = max(surface_module.PAUSE, surface_module.SHARE * drawing) + drawing + 0.0051
    assert max(pauses) <= longest


def test_redrawing_replaces_what_was_there_and_other_output_stays_above_it() -> None:
    environment, clock = screen(), Clock()
    with watching(environment, SolveView(), clock=clock) as surface:
        surface(MODEL)
        surface(SEARCH[0])
        for step in range(1, 6):
            clock.now += 1.0
            surface(Progressed(step, 2.0, ROWS * step, 20, 1.0))
            if step == 3:
                sys.stderr.write("a warning\n")
        surface(SEARCH[-1])
    lines = seen(environment)
    assert lines[:2] == [MODEL_LINE, "a warning"]
    assert lines[2].startswith("step 5")
    assert len(lines) == 2 + 5  # headline, headings, two particles, one answer


@pytest.mark.parametrize("width", [50, 30, 20, 120])
def test_a_terminal_that_changes_its_width_keeps_nothing_of_the_old_drawing(width: int) -> None:
    """One that got narrower has wrapped the old lines, so that they take more rows."""
    environment, clock = screen(), Clock()
    with watching(environment, SolveView(), clock=clock) as surface:
        surface(MODEL)
        surface(SEARCH[0])
        clock.now += 1.0
        surface(Progressed(3, 2.0, ROWS, 20, 1.0))
        before = written(environment)
        wrapped = [
            line[start : start + width]
            for line in replayed(before, [""])
            for start in range(0, max(1, len(line)), width)
        ]
        environment.err.width = width
        clock.now += 1.0
        surface(Progressed(4, 2.0, ROWS, 20, 1.0))
        now = replayed(written(environment).removeprefix(before), wrapped)
        assert "".join(now).count("step") - "".join(now).count("steps") == 1
        assert now[-5].startswith("step 4")
        assert "".join(now[:-5]) == MODEL_LINE
    assert (
        "".join(replayed(written(environment).removeprefix(before), wrapped)).count("step 4") == 1
    )


def test_the_first_and_the_last_state_are_drawn_however_short_the_search() -> None:
    between = ParticleRow(1.0, None, 1, 10, "in between", None, None)
    middle = Progressed(1, 1.0, (between,), 20, 1.0)
    text = shown(screen(), SolveView(), 0, SEARCH[0], middle, SEARCH[-1])
    assert "2 particles · prompt of 100 tokens" in text
    assert "in between" not in text
    assert "boxed" in text


def interrupted(environment: Environment, view: View | None, *events: Event) -> None:
    def run() -> None:
        with watching(environment, view, clock=Clock()) as surface:
            for event in events:
                surface(event)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run()
    text = written(environment)
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h")
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l"), "the cursor is visible again"


def test_an_interrupted_search_leaves_its_latest_state() -> None:
    environment = screen()
    interrupted(environment, SolveView(), *SEARCH[:2])
    assert seen(environment)[2].endswith("so x = 3")
    assert written(environment).endswith("\n\n")


def test_an_interrupted_file_says_so() -> None:
    environment = screen()
    interrupted(environment, FileView(), *FILE[:3])
    assert seen(environment) == ["0 of 2 done · interrupted · 0.0 s"]


@pytest.mark.parametrize("event", [BytesCame("m", 1, 10), Scoring(1, 2, 1, 30, 1.0)])
def test_interrupted_work_leaves_nothing(event: Event) -> None:
    environment = screen()
    interrupted(environment, None, event)
    assert seen(environment) == []


# --- two threads ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Counting(View):
    """Counts events, slowly."""

    count: int = 0

    def after(self, event: Event, now: float = 0.0) -> View:
        time.sleep(0.001)  # another thread's turn
        return Counting(self.count + 1)

    def line(self, event: Event) -> str | None:
        return str(self.count)


def test_events_of_two_threads_are_told_one_at_a_time() -> None:
    """The sandbox is built beside a download: no event is forgotten, and no two at once."""
    environment = pipes()
    with watching(environment, Counting()) as surface:

        def build() -> None:
            for _ in range(20):
                surface(SandboxWaits())

        builder = threading.Thread(target=build)
        builder.start()
        for _ in range(20):
            surface(Checking("m"))
        builder.join()
    told = [int(line) for line in written(environment).splitlines() if line.isdigit()]
    assert told == list(range(1, 41))


# --- stdout ---------------------------------------------------------------------------------


@pytest.mark.parametrize("height", [24, 3, 2, 1])
def test_what_is_written_to_stdout_stays_whole_above_the_display(height: int) -> None:
    environment, clock = screen(height=height), Clock()
    results = [f'{{"id": {number}}}' for number in range(200)]
    with watching(environment, FileView(), verbose=1, clock=clock) as surface:
        surface(ManyBegan(200))
        for number, result in enumerate(results):
            surface(InProblem(str(number), Began("p", 2, 100)))
            clock.now += (0.001, 0.2)[number % 2]
            surface(InProblem(str(number), Progressed(3, 2.0, ROWS, 10, 1.0)))
            surface(ProblemEnded(str(number), "42", True, None, 10, 12.0))
            with surface.writing():
                environment.stdout.write(result + "\n")
        assert seen(environment)[:200] == results
        clock.now += 1.0
        surface(InProblem("another", Began("p", 2, 100)))
        assert seen(environment)[200].startswith("200 of 200 done · 1 running")  # it came back
        surface(ManyEnded(False, 1.0))
        with surface.writing():
            environment.stdout.write("the very last\n")
    lines = seen(environment)
    assert lines[:200] == results
    assert lines[200].startswith("200 of 200 done · 200 of 200 right")
    assert lines[201:] == ["the very last"]


def test_a_stdout_that_is_no_terminal_does_not_disturb_the_display() -> None:
    stream = Terminal()
    environment = Environment(stdout=io.StringIO(), stderr=stream, variables={"TERM": "xterm"})
    with watching(environment, FileView(), clock=Clock()) as surface:
        surface(ManyBegan(3))
        before = stream.getvalue()
        with surface.writing():
            assert stream.getvalue() == before
        assert stream.getvalue() == before


# --- Ctrl-Z ---------------------------------------------------------------------------------

SUSPENDED = """
import sys, time
from pfsolve.display.solve import SolveView
from pfsolve.display.surface import watching
from pfsolve.environment import Environment
from tests.display.test_surface import SEARCH

with watching(Environment(), SolveView()) as surface:
    surface(SEARCH[0])
    for _ in range(600):
        surface(SEARCH[1])
        time.sleep(0.05)
"""

HIDE, SHOW = b"\x1b[?25l", b"\x1b[?25h"


def read_until(terminal: int, mark: bytes) -> bytes:
    seen = b""
    while mark not in seen:
        seen += os.read(terminal, 4096)
    return seen


@pytest.mark.skipif(not hasattr(signal, "SIGTSTP"), reason="there is no Ctrl-Z")
def test_ctrl_z_shows_the_cursor_and_fg_draws_again() -> None:
    pty = pytest.importorskip("pty")
    terminal, side = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-c", SUSPENDED], stdout=side, stderr=side, env=environment
    )
    try:
        assert SHOW not in read_until(terminal, b"so x = 3")
        for _ in range(2):
            process.send_signal(signal.SIGTSTP)
            _, status = os.waitpid(process.pid, os.WUNTRACED)
            assert os.WIFSTOPPED(status)
            left = read_until(terminal, SHOW)
            assert left.rfind(SHOW) > left.rfind(HIDE)
            assert b"so x = 3" not in left[left.rfind(b"\x1b[2K") :], "the table was taken away"
            process.send_signal(signal.SIGCONT)
            assert b"so x = 3" in read_until(terminal, HIDE) + read_until(terminal, b"so x = 3")
    finally:
        process.kill()
        process.wait()
        os.close(side)
        os.close(terminal)


def test_on_a_terminal_that_shrinks_to_20_columns_no_line_is_wider() -> None:
    pty, fcntl, termios = map(pytest.importorskip, ("pty", "fcntl", "termios"))
    terminal, side = pty.openpty()

    def resize(columns: int) -> None:
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("4H", 10, columns, 0, 0))

    unset = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    environment = {**unset, "TERM": "xterm", "PYTHONPATH": os.pathsep.join(sys.path)}
    resize(80)
    process = subprocess.Popen(
        [sys.executable, "-c", SUSPENDED], stdout=side, stderr=side, env=environment
    )
    try:
        read_until(terminal, b"so x = 3")
        resize(20)
        time.sleep(0.5)
        os.read(terminal, 1 << 20)  # what was drawn before it knew
        drawn = (read_until(terminal, b"step 1") + read_until(terminal, b"step 1")).decode()
        lines = re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", drawn))
        assert 0 < max(map(len, lines)) <= 20, lines
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()
        os.close(side)
        os.close(terminal)
