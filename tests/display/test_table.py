"""The live table from a problem to its answer, as it stands on the screen.

The screens in `screens/` are made again by `python -m tests.display.test_table`; look at them then.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from rich.text import Text

from pfsolve.display.solve import SolveView
from pfsolve.events import Event
from pfsolve.events.search import Began, Ended, ParticleRow, Progressed, Resampled, StepScored

SCREENS = Path(__file__).parent / "screens"
WIDTHS = (60, 80, 160)
N = 16

_DEAD = float("-inf")
_TEXTS = (
    "We need the number of positive divisors of 196.\n\n",
    "First factor it: $196 = 2^2 \\cdot 7^2$.\n\n",
    "The square root of 196 is 14, so it has an odd number of divisors.\n\n",
    "So the number of divisors is \\[(2+1)(2+1) = 9\\]\n\n",
)
_CODE = "from sympy import divisors\n\nfound = divisors(196)\n"
_NEXT = "Multiply the exponents plus one: $(2+1)"


def _row(slot: int) -> ParticleRow:
    """Particle `slot` after its first step, scored."""
    odds = 3.2 + 0.4 * (slot % 5) - 0.3 * (slot % 3)
    row = ParticleRow(1 / N, odds, 1, 20 + slot, _TEXTS[slot % 4], None, None)
    if slot in (3, 11):
        return replace(row, text=_CODE, kind="program", log_odds=None)
    if slot == 5:
        return replace(row, log_odds=_DEAD, finish="loop", text="and so on and so on ")
    if slot == 7:
        return replace(row, answer="9", finish="boxed", tokens=61)
    if slot == 12:
        return replace(row, answer=r"\frac{196}{2}", finish="boxed", tokens=48)
    return row


def _story() -> dict[str, list[Event]]:
    """What happens, by what then stands on the screen."""
    rows = tuple(_row(slot) for slot in range(N))
    first = tuple(
        replace(row, steps=0, tokens=3 + slot, log_odds=None, answer=None, finish=None, writes=True)
        for slot, row in enumerate(rows)
    )
    shares = [0.0 if row.log_odds == _DEAD else 1.0 + (slot % 5) for slot, row in enumerate(rows)]
    weights = tuple(share / sum(shares) for share in shares)
    log_odds = tuple(row.log_odds or 0.0 for row in rows)
    ancestors = tuple({2: 4, 5: 9, 10: 7}.get(slot, slot) for slot in range(N))
    after = [replace(rows[source], weight=1 / N) for source in ancestors]
    begun = tuple(
        row if row.finish else replace(row, text=row.text + "Multi", writes=True) for row in after
    )
    written = tuple(
        row
        if row.finish
        else replace(row, text=row.text + _NEXT, tokens=row.tokens + 14, writes=slot % 3 > 0)
        for slot, row in enumerate(after)
    )
    last = replace(after[0], steps=2, tokens=70, answer="9", finish="boxed")
    return {
        "the first step is written": [
            Began("How many positive whole-number divisors does 196 have?", N, 118),
            Progressed(0, 16.0, first, 168, 2.0),
        ],
        "it is scored": [
            Progressed(1, 16.0, rows, 480, 8.0),
            StepScored(1, log_odds, weights, 12.4, -0.7),
        ],
        "copies have just been made": [
            Resampled(1, ancestors, (1 / N,) * N),
            Progressed(1, 12.4, begun, 496, 8.6),
        ],
        "some wait for the others": [Progressed(1, 12.4, written, 660, 11.0)],
        "it is over": [
            Ended(tuple(replace(last, weight=1 / N) for _ in range(N)), 1100, 19.0),
        ],
    }


def screens(width: int, height: int = 24) -> list[tuple[str, list[Text]]]:
    """The title and the lines of each."""
    view, found = SolveView(), []
    for title, events in _story().items():
        for event in events:
            view = view.after(event)
        found.append((title, view.draw(width, height)))
    return found


def film(width: int) -> str:
    """All of them, as plain text."""
    frames = [[f"--- {title}", *(line.plain for line in lines)] for title, lines in screens(width)]
    return "".join(f"{line.rstrip()}\n" for frame in frames for line in frame)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_screen_is_as_it_was_when_somebody_looked(width: int) -> None:
    assert film(width) == (SCREENS / f"table_{width}.txt").read_text("utf-8")


def at(title: str, width: int = 80) -> list[Text]:
    return dict(screens(width))[title]


def styles(line: Text, within: str) -> set[str]:
    """Styles of the part of a line that reads so."""
    start = line.plain.index(within)
    spans = [s for s in line.spans if s.start < start + len(within) and s.end > start]
    return {str(line.style), *(str(span.style) for span in spans)} - {""}


def test_a_copy_says_so_with_what_was_dropped_struck_through_until_it_has_written_a_line() -> None:
    copy = at("copies have just been made", 160)[2 + 2]
    assert "copied from 4  The square root of 196" in copy.plain
    assert styles(copy, "square root") == {"dim strike"}
    assert styles(copy, "copied") == {"cyan"}
    finished = at("copies have just been made", 160)[2 + 10]
    assert finished.plain.endswith("9 · copied from 7")
    assert "copied" not in at("some wait for the others", 160)[2 + 2].plain


def test_without_colours_nothing_is_struck_through_so_that_the_dropped_is_not_shown() -> None:
    view = SolveView(colours=False)
    for events in list(_story().values())[:3]:
        for event in events:
            view = view.after(event)
    assert view.draw(160, 24)[2 + 2].plain.endswith(" › copied from 4")
    assert not view.colours, "no event may give it some"


def test_a_particle_that_waits_for_others_is_dim_and_one_that_writes_has_a_mark() -> None:
    lines = at("some wait for the others")
    assert "8 writing, 5 waiting" in lines[0].plain
    waiting, writing = lines[2], lines[2 + 1]
    assert (str(waiting.style), str(writing.style)) == ("dim", "")
    assert " › " in writing.plain
    assert " › " not in waiting.plain
    assert not any(str(line.style) == "dim" for line in at("it is scored")[2:7])


def test_leading_answers_count_what_their_particles_weigh_now() -> None:
    """After resampling each particle counts alike: three of sixteen have an answer, two the same."""
    lines = [line.plain.split() for line in at("copies have just been made")[-2:]]
    assert [(line[-3], line[-1]) for line in lines] == [("12", "9"), ("6", "196/2")]


@pytest.mark.parametrize("width", WIDTHS)
def test_colours_show_on_light_and_on_dark(width: int) -> None:
    known = {"", "dim", "bold", "cyan", "green", "dim strike"}
    for _, lines in screens(width):
        for line in lines:
            assert {str(line.style), *(str(span.style) for span in line.spans)} <= known


if __name__ == "__main__":
    for wide in WIDTHS:
        (SCREENS / f"table_{wide}.txt").write_text(film(wide), "utf-8")
