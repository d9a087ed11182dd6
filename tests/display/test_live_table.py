"""The live table: it fits the terminal, costs next to nothing, and survives any text."""

from __future__ import annotations

import io
import itertools
import re
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from pfsolve.display import live as live_module
from pfsolve.display.live import LiveTable, progress
from pfsolve.display.plain import PlainLines, Silent
from pfsolve.display.population import SolveView
from pfsolve.display.table import table
from pfsolve.environment import Environment
from pfsolve.events import (
    Began,
    Ended,
    Event,
    ModelLoaded,
    ParticleRow,
    Progressed,
    Resampled,
    StepScored,
)

HOSTILE = (
    "[bold]not markup[/bold] [/x] [link=file:///]",
    "\x1b[2J\x1b[H\x1b]0;title\x07 \x1b[31mred",
    "答案是四十二，" * 30,
    "a\u0301\u0302\u0303" * 50,
    "👩‍👩‍👧‍👦🏽️ " * 30,
    "\u202eright to left\u2066",
    r"\frac{1}{",
    "{" * 500,
    "\ud800",
    "",
    "\t\r\n\x00\x7f",
)


def terminal(width: int = 80, height: int = 24) -> Console:
    return Console(
        file=io.StringIO(),
        force_terminal=True,
        force_interactive=True,
        width=width,
        height=height,
        color_system="standard",
        _environ={},  # not whatever the tests are run in
    )


def written(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def row(
    weight: float,
    text: str = "so $x = 3$",
    *,
    answer: str | None = None,
    finish: str | None = None,
    ancestor: int = 0,
) -> ParticleRow:
    return ParticleRow(weight, 0.5, 3, 321, ancestor, text, answer, finish)


def progressed(*rows: ParticleRow, step: int = 3) -> Progressed:
    return Progressed(step, 5.2, rows, 1843, 31.0)


def population(*events: Event, n: int = 8) -> SolveView:
    result = SolveView()
    for event in (Began("p", n, 100), *events):
        result = result.after(event)
    return result


def shown(state: SolveView, width: int = 80, height: int = 24) -> list[str]:
    return [line.plain for line in table(state, width, height)]


def many(n: int, texts: tuple[str, ...] = HOSTILE) -> tuple[ParticleRow, ...]:
    return tuple(
        row(
            (slot + 1) * 2 / (n * (n + 1)),
            texts[slot % len(texts)],
            answer=texts[slot % len(texts)] if slot % 3 == 0 else None,
            finish="boxed" if slot % 3 == 0 else "loop" if slot % 5 == 0 else None,
            ancestor=slot // 2,
        )
        for slot in range(n)
    )


def test_every_particle_has_a_row_with_its_numbers() -> None:
    rows = (
        row(0.75, r"thus $x = \frac{1}{2}$"),
        row(0.25, "ends", answer=r"\frac{3}{4}", finish="boxed", ancestor=0),
    )
    lines = shown(population(progressed(*rows), n=2))
    assert lines[0] == "step 3 · 2 particles · 1 843 tokens · 59 tokens/s · 31 s"
    assert lines[1].split() == ["weight", "score", "steps", "tokens", "from"]
    assert lines[2] == "0 ██████    75 %  0.50     3    321    ·  thus x = 1/2"
    assert lines[3] == "1 ██        25 %  0.50     3    321    0  3/4 · boxed"
    assert lines[4] == "  ██        25 %  3/4"
    assert len(lines) == 5


def test_headings_stand_over_the_ends_of_their_columns() -> None:
    lines = shown(population(progressed(*many(32)), n=32), height=50)
    ends = {match[0]: match.end() for match in re.finditer(r"\S+", lines[1])}
    numbers = re.compile(r" (0\.50) +(3) +(321) +([\d·]+)")
    for line in lines[2:34]:
        match = numbers.search(line)
        assert match
        assert [match.end(i) for i in (1, 2, 3, 4)] == [
            ends[name] for name in ("score", "steps", "tokens", "from")
        ]


@pytest.mark.parametrize("width", [80, 79, 60, 40, 20, 10, 3])
@pytest.mark.parametrize("height", [50, 24, 10, 5, 3, 1])
@pytest.mark.parametrize("n", [1, 8, 32, 128])
def test_the_table_fits_any_terminal(width: int, height: int, n: int) -> None:
    lines = shown(population(progressed(*many(n)), n=n), width, height)
    assert 1 <= len(lines) <= max(1, height - 1)
    assert max(cell_len(line) for line in lines) <= width


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=300), st.integers(1, 120), st.integers(1, 60))
def test_any_text_fits(text: str, width: int, height: int) -> None:
    rows = (row(0.5, text), row(0.5, text, answer=text, finish="end"))
    lines = shown(population(progressed(*rows), n=2), width, height)
    assert len(lines) <= max(1, height - 1)
    assert max(cell_len(line) for line in lines) <= width


def test_32_particles_at_80_columns_with_room_are_all_there_and_readable() -> None:
    lines = shown(population(progressed(*many(32, ("so $x = 3$",))), n=32), 80, 40)
    slots = [int(line.split()[0]) for line in lines[2:34]]
    assert slots == list(range(32))
    assert lines[3].endswith("so x = 3")


def test_where_room_is_short_the_heaviest_are_shown_in_slot_order_and_the_rest_counted() -> None:
    weights = [0.01, 0.3, 0.02, 0.4, 0.03, 0.04, 0.1, 0.1]
    lines = shown(population(progressed(*(row(w) for w in weights))), 80, 7)
    assert [line.split()[0] for line in lines[2:]] == ["1", "3", "6", "…"]
    assert lines[-1] == "… 5 more particles with 20 % of the weight"


def test_leading_answers_are_grouped_by_how_they_look_and_at_most_three() -> None:
    answers = [r"\frac12", r"\dfrac{1}{2}", "7", "8", "9", "7", None]
    weights = [0.2, 0.2, 0.1, 0.15, 0.05, 0.2, 0.1]
    rows = [
        row(w, answer=a, finish="boxed" if a else None)
        for w, a in zip(weights, answers, strict=True)
    ]
    leading = population(progressed(*rows), n=7).leading_answers()
    assert [answer for answer, _ in leading] == ["1/2", "7", "8"]
    assert [share for _, share in leading] == pytest.approx([0.4, 0.3, 0.15])


def test_scores_change_weights_at_once_and_resampling_is_told() -> None:
    scored = StepScored(3, (2.0, -2.0), (0.98, 0.02), 1.04, -0.7)
    state = population(progressed(row(0.5), row(0.5)), scored, n=2)
    assert [round(r.weight, 2) for r in state.rows] == [0.98, 0.02]
    assert [round(r.score or 0, 2) for r in state.rows] == [0.88, 0.12]
    assert shown(state)[0] == (
        "step 3 · ESS 1.0 of 2 · not resampled · 1 843 tokens · 59 tokens/s · 31 s"
    )
    assert shown(state, width=60)[0] == "step 3 · ESS 1.0 of 2 · 1 843 tokens · 59 tokens/s · 31 s"
    state = state.after(Resampled(3, (0, 0)))
    assert "ESS 1.0 of 2 · resampled" in shown(state)[0]
    state = state.after(StepScored(4, (0.0, 0.0), (0.5, 0.5), 2.0, -0.7))
    assert "not resampled" in shown(state)[0]


def test_a_score_that_rules_a_particle_out_is_zero() -> None:
    state = population(progressed(row(0.5), row(0.5)), n=2)
    state = state.after(StepScored(1, (float("-inf"), 800.0), (0.0, 1.0), 1.0, -0.7))
    assert [r.score for r in state.rows] == [0.0, 1.0]


def test_a_new_search_starts_afresh() -> None:
    state = population(progressed(row(1.0, answer="4", finish="boxed")), n=1)
    state = state.after(Began("next", 4, 50))
    assert shown(state) == ["4 particles · prompt of 50 tokens"]


class Clock:
    """Time that passes only when told to, and by `drawing` at each drawing."""

    def __init__(self, drawing: float) -> None:
        self.now = 100.0
        self.drawing = drawing

    def __call__(self) -> float:
        return self.now


class CountedTable(LiveTable):
    """A live table that notes when it is drawn, each drawing taking as long as the clock says."""

    def __init__(self, console: Console, clock: Clock) -> None:
        super().__init__(console, clock)
        self.clock = clock
        self.drawn_at: list[float] = []

    def __rich_console__(self, *args: object) -> Iterator[object]:  # type: ignore[override]
        self.drawn_at.append(self.clock.now)
        self.clock.now += self.clock.drawing
        yield "drawn"


@pytest.mark.parametrize("drawing", [0.0, 0.0001, 0.005, 0.2])
def test_drawing_takes_at_most_a_hundredth_of_the_time(drawing: float) -> None:
    clock = Clock(drawing)
    with CountedTable(terminal(), clock) as live:
        live(Began("p", 1, 10))
        for _ in range(20_000):
            clock.now += 0.005
            live(progressed(row(1.0)))
        elapsed = clock.now - 100.0
    drawn = live.drawn_at[:-1]  # the last one is drawn when the search is over
    pauses = [after - before for before, after in itertools.pairwise(drawn)]
    assert min(pauses) >= live_module.PAUSE
    assert drawing * (len(drawn) - 1) <= elapsed / live_module.SHARE
    # ... but it does not draw less than it may, either
    assert max(pauses) <= max(live_module.PAUSE, live_module.SHARE * drawing) + drawing + 0.0051


def test_the_first_and_the_last_state_are_drawn_however_short_the_search() -> None:
    console = terminal()
    with LiveTable(console, Clock(0.0)) as live:
        live(Began("p", 1, 10))
        live(progressed(row(1.0, "in between")))
        live(Ended((row(1.0, answer="42", finish="boxed"),), 20, 1.0))
    text = written(console)
    assert "1 particle · prompt of 10 tokens" in text
    assert "in between" not in text
    assert "boxed" in text


def test_an_interrupted_search_leaves_its_latest_state_and_the_cursor() -> None:
    console = terminal()

    def search() -> None:
        with LiveTable(console, Clock(0.0)) as live:
            live(Began("p", 1, 10))
            live(progressed(row(1.0, "the latest")))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search()
    assert "the latest" in written(console)
    assert written(console).endswith("\x1b[?25h\n")  # the cursor is visible again


class Screen:
    """Just enough of a terminal to tell what is on it after carriage returns and cursor moves."""

    def __init__(self) -> None:
        self.lines: list[str] = [""]
        self.y = 0

    def feed(self, text: str) -> None:
        for token in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", text):
            if token == "\n":
                self.y += 1
                self.lines += [""] * (self.y + 1 - len(self.lines))
            elif token == "\r" or re.fullmatch(r"\x1b.*[mhl]", token):
                continue
            elif re.fullmatch(r"\x1b.*A", token):
                self.y = max(0, self.y - int(token[2:-1] or 1))
            elif re.fullmatch(r"\x1b.*K", token):
                self.lines[self.y] = ""
            else:
                self.lines[self.y] += token


def test_redrawing_replaces_the_table_and_other_output_stays_above_it() -> None:
    console = terminal()
    clock = Clock(0.0)
    with LiveTable(console, clock) as live:
        live(ModelLoaded("policy", "some-model", "CPU", 1_100_000_000, 900_000_000))
        live(Began("p", 5, 10))
        for step in range(1, 6):
            clock.now += 1.0
            live(progressed(*(row(0.125, f"line {step}") for _ in range(step)), step=step))
            if step == 3:
                print("a warning", file=sys.stderr)
        live(Ended((row(0.5, answer="[/x]", finish="boxed"), row(0.5)), 20, 1.0))
    screen = Screen()
    screen.feed(written(console))
    lines = [line for line in screen.lines if line]
    assert lines[0] == "policy some-model on CPU, 1.1 GB + 900 MB cache"
    assert lines[1] == "a warning"
    assert lines[2].startswith("step 5")
    assert lines[4].endswith("[/x] · boxed")
    assert len(lines) == 2 + 5  # headline, headings, two particles, one answer


def test_hostile_text_adds_no_escape_codes_of_its_own() -> None:
    console = terminal()
    with LiveTable(console, Clock(0.0)) as live:
        live(Began("p", 32, 10))
        live(Ended(many(32), 20, 1.0))
    codes = set(re.findall(r"\x1b[^m]*?[A-Za-z]", written(console)))
    assert all(re.fullmatch(r"\x1b\[(?:[0-9;]*m|\?25[hl]|2K|1A)", code) for code in codes)
    assert "title" not in written(console)


def test_without_a_terminal_there_are_no_escape_codes() -> None:
    console = Console(file=io.StringIO(), force_terminal=False, width=80, color_system=None)
    with LiveTable(console) as live:
        live(Began("p", 32, 10))
        live(progressed(*many(32)))
        live(Ended(many(32), 20, 1.0))
    assert "\x1b" not in written(console)


def test_a_terminal_that_lacks_a_character_gets_a_substitute() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", errors="replace")
    console = Console(
        file=stream, force_terminal=True, force_interactive=True, width=80, height=24, _environ={}
    )
    with LiveTable(console, Clock(0.0)) as live:
        live(Began("p", 2, 10))
        live(Ended((row(0.5, "x = π"), row(0.5, answer="π", finish="boxed")), 20, 1.0))
    stream.flush()
    assert b"x = ?" in raw.getvalue()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "variables", "options", "kind"),
    [
        (Terminal(), {"TERM": "xterm"}, {}, LiveTable),
        (Terminal(), {"TERM": "xterm"}, {"verbose": 1}, LiveTable),
        (Terminal(), {"TERM": "xterm"}, {"verbose": 2}, PlainLines),
        (Terminal(), {"TERM": "xterm"}, {"quiet": True}, Silent),
        (Terminal(), {"TERM": "dumb"}, {}, PlainLines),
        (io.StringIO(), {"TERM": "xterm"}, {}, PlainLines),
    ],
)
def test_stderr_gets_the_display_it_can_show(
    stream: io.StringIO, variables: dict[str, str], options: dict[str, int], kind: type
) -> None:
    environment = Environment(stderr=stream, variables=variables)
    assert type(progress(environment, **options)) is kind  # type: ignore[arg-type]
