"""What is on the screen after a solve, and what a pipe gets: the solution, the answer, a line about both.

The screens in `screens/` are made again by `python -m tests.display.test_solution`; look at them then.
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from pfsolve.display.output import Output
from pfsolve.display.prose import readable
from pfsolve.display.solution import all_answers, solution_and_answer, summary, whole_run
from pfsolve.particle import Finish, Kind, Particle, Step
from pfsolve.problems import Problem
from pfsolve.programs import ProgramResult
from pfsolve.results.line import ResultLine, alone, brief
from pfsolve.search.selection import Candidate
from pfsolve.solution import Solution
from tests.display.terminal import HOSTILE, pipes, screen
from tests.results.conftest import solution

SCREENS = Path(__file__).parent / "screens"
WIDTHS = (60, 80, 160)

PROBLEM = Problem("1", 1, "Solve $x^2=4$ for $x$.\nGive all solutions.")
TEXT = r"""### Step 1: Isolate the square
To solve the equation \(x^2 = 4\), we take the square root of **both** sides, and must not forget that there
is a negative root as well as a positive one.

\[
x = \pm\sqrt{4}
\]

So there are two cases:
1. $x = 2$, since $2^2 = 4$, and this is the one that one would think of first, without having to think.
* $x = -2$, since $(-2)^2 = \frac{8}{2}$.

\begin{align*}
(x - 2)(x + 2) &= 0 \\
x &= \pm 2
\end{align*}

The answer is $\boxed{\pm 2}$."""
CODE = """# The roots of a polynomial
from sympy import *

x = symbols("x")
print(solve(x**2 - 4, x))
```"""


def text(written: str = TEXT, finish: Finish = Finish.BOXED, log_odds: float = 1.5) -> Particle:
    pieces = re.findall(r"(?s).+?(?:\n\n|\Z)", written)
    steps = tuple(Step((1, 2), each.encode(), 0, log_odds=log_odds) for each in pieces)
    return Particle(steps, finish)


def program(code: str = CODE, result: ProgramResult | None = None) -> Particle:
    written = Particle((Step((1, 2), code.encode(), 1),), Finish.END, Kind.PROGRAM)
    return written.ran(result or ProgramResult("[-2, 2]\n", ("-2", "2")))


LOOP = text("And so on. " * 12, Finish.LOOP, float("-inf"))
BROKEN = program("print(y)", ProgramResult(error="NameError: name 'y' is not defined (line 1)"))


def solved(particles: tuple[Particle, ...], chosen: int | None, **more: Any) -> Solution:
    answer = None if chosen is None else particles[chosen].answer
    values: dict[str, Any] = {
        "particles": particles,
        "weights": (1 / len(particles),) * len(particles),
        "chosen": chosen,
        "agreement": 0.0 if answer is None else 0.923,
        "candidates": ()
        if answer is None
        else (Candidate(answer, 2, 0.923), Candidate("4", 1, 0.077)),
        "seed": 2871828459,
        "seconds": 31.2,
        "tokens": 1843,
    }
    return solution(PROBLEM, answer, **{**values, **more})


MIXED = (text(), program(), LOOP, BROKEN)
SOLUTIONS = {
    "text": solved(MIXED, 0),
    "program": solved(MIXED, 1, seconds=125.0, interrupted=True),
    "none": solved((LOOP, BROKEN), None),
}


def line_of(solution: Solution) -> ResultLine:
    return alone(solution, particles=True)


def seen(line: ResultLine, width: int, *, every: bool | None = None) -> str:
    """The screen after a solve, or with `every` that of `pfsolve show`."""
    environment = screen(width, NO_COLOR="1")
    output = Output(environment)
    if every is None:
        output.give(line, lambda: solution_and_answer(line, solution=True, titled=True))
    else:
        output.give(line, lambda: whole_run(line, every=every))
    output.aside(summary(line, hint="pfsolve show for more"))
    lines = re.sub(r"\x1b\[[0-9;]*m", "", environment.stdout.getvalue()).split("\n")  # bold and dim
    assert all(cell_len(each) <= width for each in lines)
    assert [each for each in lines if each != each.rstrip()] == [], "no blanks to copy along"
    return "\n".join(lines)


CASES = {
    **{name: (name, None) for name in SOLUTIONS},
    "show": ("text", False),
    "show_all": ("text", True),
}


def screen_of(case: str, width: int) -> str:
    name, every = CASES[case]
    return seen(line_of(SOLUTIONS[name]), width, every=every)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("case", CASES)
def test_screens(case: str, width: int) -> None:
    expected = (SCREENS / f"{case}_{width}.txt").read_text(encoding="utf-8")
    assert screen_of(case, width) == expected


# -- in a pipe --


def piped(line: ResultLine, **how: Any) -> str:
    environment = pipes()
    output = Output(environment, **how)
    output.give(line, lambda: solution_and_answer(line, solution=True, titled=True))
    output.aside("nothing for a pipe")
    assert environment.stderr.getvalue() == ""
    return environment.stdout.getvalue()


def test_a_pipe_gets_markdown_and_the_answer_on_the_last_line() -> None:
    assert piped(line_of(SOLUTIONS["text"])) == f"{TEXT}\n\n\\pm 2\n"
    code = CODE.removesuffix("\n```")
    printed = "It prints\n\n```\n[-2, 2]\n```"
    expected = f"```python\n{code}\n```\n\n{printed}\n\n-2, 2\n"
    assert piped(line_of(SOLUTIONS["program"])) == expected
    assert piped(line_of(SOLUTIONS["none"])) == ""


def test_a_line_without_particles_shows_the_same() -> None:
    for name in ("text", "program"):
        line = line_of(SOLUTIONS[name])
        assert piped(brief(line)) == piped(line)


def test_a_record_from_before_the_chosen_one_was_marked_shows_the_heaviest() -> None:
    line = line_of(solved((text("$7$ \\boxed{4}"), program(), text("$4$ \\boxed{4}")), 2))
    line["particles"][2]["weight"] = 0.5
    del line["chosen"], line["best"]
    assert piped(line) == "$4$ \\boxed{4}\n\n4\n"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Let a_name_of_mine be $x_1$.", "Let a_name_of_mine be x₁."),
        (r"total_cost is \(a_{12}\), v_max is not", "total_cost is a₁₂, v_max is not"),
        (r"S_n and x_1x_2, S_{50}, \frac{1}{2}", "Sₙ and x₁x₂, S₅₀, 1/2"),
    ],
)
def test_a_name_beside_a_formula_stays_as_it_is(written: str, shown: str) -> None:
    console = Console(width=80)
    assert [str(line) for line in readable(written, console)] == [shown]


def test_thoughts_are_not_part_of_the_solution() -> None:
    thoughtful = text("<think>Hm,\n\nmaybe 5.</think>\n\nIt is \\boxed{4}.")
    assert piped(line_of(solved((thoughtful,), 0))) == "It is \\boxed{4}.\n\n4\n"


hostile = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=60)).map("{}\n\n".format)


@given(st.lists(hostile, min_size=1, max_size=4).map("".join), st.booleans(), st.booleans())
def test_no_solution_can_move_the_cursor(written: str, is_program: bool, every: bool) -> None:
    """Nothing but line breaks in a pipe; nothing but its own bold, dim and colours on a terminal."""
    line = line_of(SOLUTIONS["program" if is_program else "text"])
    line["answer"] = line["problem"] = written
    for particle in (line["particles"][line["chosen"]], line["particles"][-1]):
        particle |= {"steps": [written], "output": written, "error": written, "answer": written}
    for environment in (pipes(), screen(60), screen(60, TERM="dumb")):
        for raw in (False, True):
            output = Output(environment, raw=raw)
            output.give(line, lambda: solution_and_answer(line, solution=True, titled=True))
            output.give(line, lambda: whole_run(line, every=every))
            output.aside(summary(line))
        shown = environment.stdout.getvalue()
        if environment.out.is_terminal:
            shown = re.sub(r"\x1b\[[0-9;]*m", "", shown)
        kinds = {unicodedata.category(char) for char in shown if char != "\n"}
        assert not kinds & {"Cc", "Cf", "Cs", "Zl", "Zp"}


@given(st.lists(hostile, min_size=1, max_size=4).map("".join), st.sampled_from([20, 60, 160]))
def test_no_line_of_prose_is_wider_than_the_terminal(written: str, width: int) -> None:
    console = screen(width).out
    assert all(cell_len(line.plain) <= min(width, 100) for line in readable(written, console))


# -- the line about a solve --


@pytest.mark.parametrize(
    ("solution", "verbose", "said"),
    [
        (solved(MIXED, 0), 0, "92 % of the vote · 4 particles · seed 2871828459 · 31 s"),
        (
            solved(MIXED, 0),
            1,
            "92 % of the vote · 2 texts, 2 programs · seed 2871828459 · 1 843 tokens · 31 s · 59 tokens/s",
        ),
        (
            solved((text(),), 0, interrupted=True, seed=7),
            1,
            "interrupted · 92 % of the vote · 1 particle · seed 7 · 1 843 tokens · 31 s · 59 tokens/s",
        ),
        (
            solved(MIXED, 0, out_of_time=True),
            0,
            "out of time · 92 % of the vote · 4 particles · seed 2871828459 · 31 s",
        ),
        (
            solved((LOOP,), None, seconds=0.0, tokens=0, seed=7),
            1,
            "no answer · 1 particle · seed 7 · 0 tokens · 0.0 s",
        ),
    ],
)
def test_the_summary_tells_what_there_is(solution: Solution, verbose: int, said: str) -> None:
    assert summary(line_of(solution), verbose=verbose) == said


def test_all_answers_with_their_shares() -> None:
    assert all_answers(line_of(SOLUTIONS["text"])) == [
        "±2: 92 % of the vote, 2 particles",
        "4: 8 % of the vote, 1 particle",
    ]
    alone = solved((text(),), 0, candidates=(Candidate("4", 1, 1.0),))
    for one_or_none in (alone, SOLUTIONS["none"]):
        assert all_answers(line_of(one_or_none)) == []


if __name__ == "__main__":
    for case in CASES:
        for width in WIDTHS:
            path = SCREENS / f"{case}_{width}.txt"
            path.write_text(screen_of(case, width), encoding="utf-8")
