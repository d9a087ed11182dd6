"""What is said of a search that was cut before its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pfsolve.display.text import keep_end, last_line, last_line_of_code
from pfsolve.particle import Kind
from pfsolve.wording import duration, plural

if TYPE_CHECKING:
    from pfsolve.particle import Particle
    from pfsolve.solution import Solution

_CELLS = 64  # of a particle's last line


def how_far(solution: Solution) -> str:
    """How far it came: "interrupted after 3.2 s: 2 of 8 particles had an answer"."""
    particles = solution.particles
    had = sum(particle.answer is not None for particle in particles)
    return (
        f"{'interrupted' if solution.interrupted else 'out of time'} "
        f"after {duration(solution.seconds)}: "
        f"{had or 'none'} of {plural(len(particles), 'particle')} had an answer"
    )


def what_each_had(solution: Solution) -> list[str]:
    """A line for each particle that has written something: "3  program  x = solve(a)"."""
    width = len(str(len(solution.particles) - 1))
    return [
        f"{index:>{width}}  {particle.kind:<7}  {keep_end(_end(particle), _CELLS)}"
        for index, particle in enumerate(solution.particles)
        if particle.steps
    ]


def _end(particle: Particle) -> str:
    last = last_line_of_code if particle.kind is Kind.PROGRAM else last_line
    return last(particle.text)
