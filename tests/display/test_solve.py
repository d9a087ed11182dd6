"""A search: its table fits any terminal and survives any text; its lines are one a step."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from pfsolve.display.solve import SolveView
from pfsolve.display.surface import watching
from pfsolve.events import Event
from pfsolve.events.search import (
    Began,
    Ended,
    ManyEnded,
    ParticleRow,
    ProgramRan,
    Progressed,
    Resampled,
    StepScored,
)
from tests.display.terminal import (
    HOSTILE,
    MODEL,
    MODEL_LINE,
    Clock,
    foreign_codes,
    pipes,
    screen,
    written,
)


def row(
    weight: float,
    text: str = "so $x = 3$",
    *,
    answer: str | None = None,
    finish: str | None = None,
    log_odds: float | None = 0.5,
    tokens: int = 321,
    kind: str = "text",
    error: str | None = None,
    writes: bool = False,
) -> ParticleRow:
    return ParticleRow(weight, log_odds, 3, tokens, text, answer, finish, kind, error, writes)


def progressed(*rows: ParticleRow, step: int = 3) -> Progressed:
    return Progressed(step, 5.2, rows, 1843, 31.0)


def search(*events: Event, n: int = 8) -> SolveView:
    result = SolveView()
    for event in (Began("p", n, 100), *events):
        result = result.after(event)
    return result


def shown(view: SolveView, width: int = 80, height: int = 24) -> list[str]:
    return [line.plain for line in view.draw(width, height)]


def many(n: int, texts: tuple[str, ...] = HOSTILE) -> tuple[ParticleRow, ...]:
    return tuple(
        row(
            (slot + 1) * 2 / (n * (n + 1)),
            texts[slot % len(texts)],
            answer=texts[slot % len(texts)] if slot % 3 == 0 else None,
            finish="boxed" if slot % 3 == 0 else "loop" if slot % 5 == 0 else None,
            log_odds=(None, slot - 8.25, float("-inf"))[min(2, slot % 9)],
            writes=slot % 5 == 1,
            tokens=0 if slot % 11 == 7 else 321,
            kind="program" if slot % 4 == 0 else "text",
            error=texts[slot % len(texts)] if slot % 20 == 0 else None,
        )
        for slot in range(n)
    )


def test_every_particle_has_a_row_with_its_numbers() -> None:
    rows = (
        row(0.75, r"thus $x = \frac{1}{2}$", log_odds=1.5),
        row(0.25, "ends", answer=r"\frac{3}{4}", finish="boxed"),
    )
    lines = shown(search(progressed(*rows), n=2))
    assert lines[0] == "step 3 · 2 particles · 1 843 tokens · 59 tokens/s · 31 s"
    assert lines[1].split() == ["weight", "Δ", "log-odds", "steps", "tokens"]
    assert lines[2] == "0 ██████    75 %       +0.5     3    321   thus x = 1/2"
    assert lines[3] == "1 ██        25 %       −0.5     3    321   3/4 · boxed"
    assert lines[4] == "  ██        25 %  3/4"
    assert len(lines) == 5


CODE = "def f(n):\n    return n**2  # {not LaTeX}\n\n"


@pytest.mark.parametrize(
    ("particle", "end"),
    [
        (row(0.5, CODE + "print(f(3, 4", kind="program"), "print(f(3, 4"),
        (row(0.5, CODE + "print(f(3", kind="program"), "return n**2  # {not LaTeX}"),
        (row(0.5, CODE, kind="program"), "return n**2  # {not LaTeX}"),
        (row(0.5, CODE + "```\n", kind="program"), "return n**2  # {not LaTeX}"),
        (row(0.5, CODE, answer="-2, 2", finish="end", kind="program"), "-2, 2 · printed"),
        (
            row(0.0, CODE, finish="failed", kind="program", error="NameError: y\n (line 3)"),
            "NameError: y  (line 3)",
        ),
        (row(0.0, CODE, finish="failed", kind="program"), "no answer · program failed"),
        (row(0.0, CODE, finish="loop", kind="program"), "no answer · repeats itself"),
    ],
)
def test_a_program_shows_its_code_then_what_it_printed_or_why_it_failed(
    particle: ParticleRow, end: str
) -> None:
    lines = shown(search(progressed(row(0.5), particle), n=2))
    assert lines[1].split() == ["weight", "kind", "Δ", "log-odds", "steps", "tokens"]
    assert lines[2].split()[4:6] == ["text", "0.0"]
    assert " program " in lines[3]
    assert lines[3].endswith(f"  {end}")


def test_an_error_is_cut_at_its_end() -> None:
    error = "ZeroDivisionError: division by zero, far away from here (line 3)"
    failed = row(0.5, finish="failed", kind="program", error=error)
    assert shown(search(progressed(failed), n=1))[2].endswith("  ZeroDivisionError: division…")


def test_particles_of_waves_to_come_are_counted_and_the_search_may_end_without_them() -> None:
    begun = row(0.5), row(0.5, answer="4", finish="boxed")
    view = search(progressed(*begun, *[row(0.0, "", tokens=0)] * 6), n=8)
    view = view.after(StepScored(3, (0.0,) * 8, (0.5, 0.5) + (0.0,) * 6, 2.0, None))
    lines = shown(view)
    assert lines[0].startswith("step 3 · ESS 2.0 of 2 · ")
    assert [line.split()[0] for line in lines[2:5]] == ["0", "1", "…"]
    assert lines[4] == "… 6 more may follow"
    assert "50 %" in lines[5], "the answers stand below"
    few = shown(view, height=5)
    assert few[-1] == "… 1 more particle with 50 % of the weight · 6 more may follow"
    ended = shown(view.after(Ended(begun, 30, 2.0)))
    assert ended[0].startswith("step 3 · ESS 2.0 of 2 · ")
    assert len(ended) == 6
    stopped = shown(view.after(ManyEnded(interrupted=True, seconds=0.0)))
    assert not any("follow" in line for line in ended + stopped)


def test_headings_stand_over_the_ends_of_their_columns() -> None:
    view = search(progressed(*many(32)), n=32)
    lines = shown(view, height=50)
    ends = {match[0]: match.end() for match in re.finditer(r"\S+", lines[1])}
    values = re.compile(r" (text|program) +(\S+) +(3) +(321|0) ")
    for line in lines[2 : 2 + len(view.begun)]:
        match = values.search(line)
        assert match
        assert [match.end(i) for i in (1, 2, 3, 4)] == [
            ends[name] for name in ("kind", "log-odds", "steps", "tokens")
        ]


@pytest.mark.parametrize("width", [80, 79, 60, 40, 20, 10, 3])
@pytest.mark.parametrize("height", [50, 24, 10, 5, 3, 1])
@pytest.mark.parametrize("n", [1, 8, 32, 128])
def test_the_table_fits_any_terminal(width: int, height: int, n: int) -> None:
    lines = shown(search(progressed(*many(n)), n=n), width, height)
    assert 1 <= len(lines) <= max(1, height - 1)
    assert max(cell_len(line) for line in lines) <= width


@settings(max_examples=50)
@given(st.text(max_size=300), st.integers(1, 120), st.integers(1, 60))
def test_any_text_fits(text: str, width: int, height: int) -> None:
    rows = (
        row(0.5, text),
        row(0.5, text, answer=text, finish="end"),
        row(0.0, text, kind="program"),
        row(0.0, text, finish="failed", kind="program", error=text),
    )
    lines = shown(search(progressed(*rows), n=4), width, height)
    assert len(lines) <= max(1, height - 1)
    assert max(cell_len(line) for line in lines) <= width


def test_32_particles_at_80_columns_with_room_are_all_there_and_readable() -> None:
    rows = [row(1 / 32, kind="program" if slot % 2 else "text") for slot in range(32)]
    lines = shown(search(progressed(*rows), n=32), 80, 40)
    slots = [int(line.split()[0]) for line in lines[2:34]]
    assert slots == list(range(32))
    assert lines[2].endswith("so x = 3")
    assert lines[3].endswith("so $x = 3$"), "code is no LaTeX"


def test_where_room_is_short_the_heaviest_are_shown_in_slot_order_and_the_rest_counted() -> None:
    weights = [0.01, 0.3, 0.02, 0.4, 0.03, 0.04, 0.1, 0.1]
    lines = shown(search(progressed(*(row(w) for w in weights))), 80, 7)
    assert [line.split()[0] for line in lines[2:]] == ["1", "3", "6", "…"]
    assert lines[-1] == "… 5 more particles with 20 % of the weight"


def test_leading_answers_are_grouped_by_how_they_look_and_at_most_three() -> None:
    answers = [r"\frac12", r"\dfrac{1}{2}", "7", "8", "9", "7", None]
    weights = [0.2, 0.2, 0.1, 0.15, 0.05, 0.2, 0.1]
    rows = [
        row(w, answer=a, finish="boxed" if a else None)
        for w, a in zip(weights, answers, strict=True)
    ]
    leading = search(progressed(*rows), n=7).leading_answers()
    assert [answer for answer, _ in leading] == ["1/2", "7", "8"]
    assert [share for _, share in leading] == pytest.approx([0.4, 0.3, 0.15])


def test_scores_change_weights_at_once_and_resampling_is_told_where_somebody_moved() -> None:
    scored = StepScored(3, (2.0, -2.0), (0.98, 0.02), 1.04, -0.7)
    state = search(progressed(row(0.5), row(0.5)), scored, n=2)
    assert [round(r.weight, 2) for r in state.rows] == [0.98, 0.02]
    state = state.after(Resampled(3, (0, 1), (0.5, 0.5)))
    assert shown(state)[0] == "step 3 · ESS 1.0 of 2 · 1 843 tokens · 59 tokens/s · 31 s"
    assert [r.weight for r in state.rows] == [0.5, 0.5], "nobody moved, but they count alike now"
    state = state.after(Resampled(3, (0, 0), (0.5, 0.5)))
    assert "ESS 1.0 of 2 · resampled" in shown(state)[0]
    assert "resampled · 1 843 tokens · 31 s" in shown(state, width=60)[0]
    state = state.after(StepScored(4, (0.0, 0.0), (0.5, 0.5), 2.0, -0.7))
    assert "resampled" not in shown(state)[0]


def test_a_new_search_starts_afresh() -> None:
    state = search(progressed(row(1.0, answer="4", finish="boxed")), n=1)
    state = state.after(Began("next", 4, 50))
    assert shown(state) == ["4 particles · prompt of 50 tokens"]


def test_a_search_that_is_over_has_a_blank_line_below() -> None:
    view = search(Ended((row(1.0),), 20, 1.0), n=1)
    assert not view.active
    assert shown(view)[-1] == ""
    assert shown(view)[0].startswith("step 0 · 1 particle")


def test_hostile_text_adds_no_escape_codes_of_its_own() -> None:
    environment = screen()
    with watching(environment, SolveView(), clock=Clock()) as surface:
        surface(Began("p", 32, 10))
        surface(Ended(many(32), 20, 1.0))
    assert not foreign_codes(environment)
    assert "title" not in written(environment)


@pytest.mark.parametrize(
    ("error", "output", "line"),
    [
        (None, "12\n", "program 5 prints 12"),
        (None, "x = 1\n\x1b[31my = [/2]\n", "program 5 prints x = 1 y = [/2]"),
        (None, "", "program 5 prints nothing"),
        ("NameError: name 'y'", "12\n", "program 5 fails: NameError: name 'y'"),
    ],
)
def test_a_pipe_gets_a_line_for_each_run_of_a_program_if_asked_for(
    error: str | None, output: str, line: str
) -> None:
    for verbose, lines in ((0, []), (1, [line])):
        environment = pipes()
        with watching(environment, SolveView(), verbose=verbose) as surface:
            surface(Began("p", 8, 100))
            surface(ProgramRan(1, 5, error, output))
            surface(Ended((row(1.0),), 30, 2.0))
        assert written(environment).splitlines() == lines


def test_the_line_on_a_program_that_prints_much_has_its_end() -> None:
    line = SolveView(verbose=1).line(ProgramRan(1, 5, None, "9 " * 5000 + "8\n"))
    assert line is not None
    assert line.startswith("program 5 prints …")
    assert line.endswith(" 9 8")
    assert len(line) < 230


def told(*rows: ParticleRow, seconds: float = 30.0) -> list[str]:
    """The lines of a pipe on a search whose events come once a second."""
    environment, clock = pipes(), Clock()
    with watching(environment, SolveView(), clock=clock) as surface:
        surface(Began("p", len(rows), 100))
        while clock.now < 100.0 + seconds:
            clock.now += 1.0
            surface(Progressed(2, 2.0, rows, 300, clock.now - 100.0))
    return written(environment).splitlines()


def test_a_pipe_gets_a_line_every_ten_seconds() -> None:
    lines = told(row(0.25), row(0.75, answer=r"\frac{7}{3}", finish="boxed"), seconds=29.0)
    assert lines == [
        "step 2 · 300 tokens · 30 tokens/s · 7/3 (75 %)",
        "step 2 · 300 tokens · 15 tokens/s · 7/3 (75 %)",
    ]
    assert told(row(1.0), seconds=9.0) == []


@pytest.mark.parametrize(
    ("rows", "left"),
    [  # in ten seconds the longest has come to 200 tokens
        ([row(0.5, tokens=150), row(0.5, answer="4", finish="boxed", tokens=200)], "2 s"),
        ([row(0.5, tokens=200), row(0.5, answer="4", finish="boxed", tokens=200)], None),
        ([row(0.5, tokens=150), row(0.5, finish="loop", tokens=200)], None),
        ([row(0.5, tokens=0), row(0.5, answer="4", finish="boxed", tokens=200)], None),
        (
            [row(0.5, tokens=9, kind="program"), row(0.5, answer="4", finish="end", tokens=200)],
            None,
        ),
    ],
)
def test_time_left_is_told_where_finished_particles_tell_it(
    rows: list[ParticleRow], left: str | None
) -> None:
    (line,) = told(*rows, seconds=10.0)
    assert ("left" in line) == (left is not None)
    if left:
        assert f" · about {left} left · 4 (50 %)" in line


@pytest.mark.parametrize("verbose", [0, 1])
def test_a_pipe_gets_a_line_for_each_step_if_asked_for(verbose: int) -> None:
    rows = (row(0.5, answer=r"\frac{7}{3}", finish="boxed"), row(0.5, "text\x1b[31m [bold]"))
    environment = pipes()
    with watching(environment, SolveView(), verbose=verbose) as surface:
        surface(MODEL)
        surface(Began("p", 2, 100))
        for step, weights in ((1, (0.73, 0.27)), (2, (0.99, 0.01))):
            surface(progressed(*rows, step=step))
            surface(StepScored(step, (1.0, 0.0), weights, 1.65, -0.7))
            surface(Resampled(step, (0, 0), (0.5, 0.5)))
        surface(Ended(rows, 30, 2.0))
    steps = ["step 1 · ESS 1.6 of 2 · 7/3 (73 %)", "step 2 · ESS 1.6 of 2 · 7/3 (99 %)"]
    assert written(environment).splitlines() == [MODEL_LINE, *(steps if verbose else [])]
