"""Draw demo.svg from a real run: `python .github/demo.py ["PROBLEM" [SEED]]`."""

from __future__ import annotations

import io
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

import pfsolve
from pfsolve.display.output import Output
from pfsolve.display.solution import solution_and_answer, summary
from pfsolve.display.solve import SolveView
from pfsolve.environment import Environment
from pfsolve.events import Event
from pfsolve.results.line import alone

WIDTH, HEIGHT = 92, 24
PROBLEM = "What is the sum of the first 50 odd numbers?"


class Screen(io.StringIO):
    """A terminal as wide as the picture."""

    def isatty(self) -> bool:
        return True


def main(problem: str = PROBLEM, seed: str = "1") -> None:
    screen = Screen()
    variables = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "COLUMNS": str(WIDTH)}
    environment = Environment(stdout=screen, stderr=screen, variables=variables)
    view = SolveView(colours=True)
    views = [view]

    def hear(event: Event) -> None:
        nonlocal view
        view = view.after(event)
        views.append(view)

    settings = pfsolve.Settings(seed=int(seed), early_stop=False)
    with pfsolve.Solver(settings) as solver:
        solution = solver.solve(problem, listen=hear)
    # The moment at which most of the particles write, and some have been copied.
    writing = [each for each in views if each.active and each.rows]
    told = max(writing, key=lambda each: (len(each.copies) > 0, each.scored > 0, each.tokens))
    line = alone(solution, particles=True)
    output = Output(environment)
    output.give(line, lambda: solution_and_answer(line, solution=True, titled=True))
    output.aside(summary(line, hint="pfsolve show for more"))

    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(Text(f'$ pfsolve "{problem}"', "bold"))
    for each in told.draw(WIDTH, HEIGHT):
        console.print(each)
    console.print()
    console.print(Text.from_ansi(screen.getvalue()))
    console.save_svg(str(Path(__file__).with_name("demo.svg")), title="pfsolve")


if __name__ == "__main__":
    main(*sys.argv[1:])
