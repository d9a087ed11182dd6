"""A search: its table fits any terminal and survives any text; its lines are one a step."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from pfsolve.display.solve import SolveView
from pfsolve.display.surface import watching
from pfsolve.events import Began, Ended, Event, ParticleRow, Progressed, Resampled, StepScored
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
    ancestor: int = 0,
) -> ParticleRow:
    return ParticleRow(weight, 0.5, 3, 321, ancestor, text, answer, finish)


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
            ancestor=slot // 2,
        )
        for slot in range(n)
    )


def test_every_particle_has_a_row_with_its_numbers() -> None:
    rows = (
        row(0.75, r"thus $x = \frac{1}{2}$"),
        row(0.25, "ends", answer=r"\frac{3}{4}", finish="boxed", ancestor=0),
    )
    lines = shown(search(progressed(*rows), n=2))
    assert lines[0] == "step 3 · 2 particles · 1 843 tokens · 59 tokens/s · 31 s"
    assert lines[1].split() == ["weight", "score", "steps", "tokens", "from"]
    assert lines[2] == "0 ██████    75 %  0.50     3    321    ·  thus x = 1/2"
    assert lines[3] == "1 ██        25 %  0.50     3    321    0  3/4 · boxed"
    assert lines[4] == "  ██        25 %  3/4"
    assert len(lines) == 5


def test_headings_stand_over_the_ends_of_their_columns() -> None:
    lines = shown(search(progressed(*many(32)), n=32), height=50)
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
    lines = shown(search(progressed(*many(n)), n=n), width, height)
    assert 1 <= len(lines) <= max(1, height - 1)
    assert max(cell_len(line) for line in lines) <= width


@settings(max_examples=50)
@given(st.text(max_size=300), st.integers(1, 120), st.integers(1, 60))
def test_any_text_fits(text: str, width: int, height: int) -> None:
    rows = (row(0.5, text), row(0.5, text, answer=text, finish="end"))
    lines = shown(search(progressed(*rows), n=2), width, height)
    assert len(lines) <= max(1, height - 1)
    assert max(cell_len(line) for line in lines) <= width


def test_32_particles_at_80_columns_with_room_are_all_there_and_readable() -> None:
    lines = shown(search(progressed(*many(32, ("so $x = 3$",))), n=32), 80, 40)
    slots = [int(line.split()[0]) for line in lines[2:34]]
    assert slots == list(range(32))
    assert lines[3].endswith("so x = 3")


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


def test_scores_change_weights_at_once_and_resampling_is_told() -> None:
    scored = StepScored(3, (2.0, -2.0), (0.98, 0.02), 1.04, -0.7)
    state = search(progressed(row(0.5), row(0.5)), scored, n=2)
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
    state = search(progressed(row(0.5), row(0.5)), n=2)
    state = state.after(StepScored(1, (float("-inf"), 800.0), (0.0, 1.0), 1.0, -0.7))
    assert [r.score for r in state.rows] == [0.0, 1.0]


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
            surface(Resampled(step, (0, 0)))
        surface(Ended(rows, 30, 2.0))
    steps = ["step 1 · ESS 1.6 of 2 · 7/3 (73 %)", "step 2 · ESS 1.6 of 2 · 7/3 (99 %)"]
    assert written(environment).splitlines() == [MODEL_LINE, *(steps if verbose else [])]
