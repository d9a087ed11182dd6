"""What is said of a search that was cut: how far it came, and what each particle had."""

from __future__ import annotations

from pfsolve.display.cut import how_far, what_each_had
from pfsolve.particle import Finish, Kind, Particle, Step
from tests.display.terminal import HOSTILE
from tests.display.test_solution import solved, text


def cut(written: bytes, kind: Kind = Kind.TEXT) -> Particle:
    return Particle((Step((1, 2), written, 0),), Finish.INTERRUPTED, kind)


def test_it_says_why_when_and_how_many_had_an_answer() -> None:
    one = solved((text(), cut(b"So")), 0, interrupted=True, seconds=3.2)
    assert how_far(one) == "interrupted after 3.2 s: 1 of 2 particles had an answer"
    none = solved((cut(b"So"),), None, out_of_time=True, seconds=60.4)
    assert how_far(none) == "out of time after 1 min 00 s: none of 1 particle had an answer"


def test_the_last_line_of_each_particle_that_has_written() -> None:
    particles = (
        cut(
            b"First.\n\nThus $x = \\frac{1}{2}$ and so on, which is to say a long way to the end of the line"
        ),
        cut(b"x = 1\n\nprint(x\n\n", Kind.PROGRAM),
        Particle(finish=Finish.INTERRUPTED),
        cut("x ≤".encode()[:-1]),
    )
    assert what_each_had(solved(particles, None)) == [
        "0  text     …and so on, which is to say a long way to the end of the line",
        "1  program  print(x",
        "3  text     x",
    ]


def test_hostile_text_stays_one_line() -> None:
    particles = tuple(cut(each.encode(errors="replace")) for each in HOSTILE)
    lines = what_each_had(solved(particles, None))
    assert len(lines) == len(HOSTILE)
    assert all(line.isprintable() or "\u0301" in line for line in lines)
