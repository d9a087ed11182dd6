"""Which of the particles a solution shows."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from pfsolve.particle import Finish, Kind, Particle, Step
from pfsolve.problems import Problem
from pfsolve.programs import ProgramResult
from pfsolve.search.requests import FinalPopulation, Search
from pfsolve.search.weights import Weights
from pfsolve.settings import Settings
from pfsolve.solution import Solution
from pfsolve.solver.answering import solution_of
from pfsolve.solver.task import Counts, Outcome, Task


def text(answer: str, finish: Finish = Finish.BOXED) -> Particle:
    steps = ("So it is.\n\n", f"\\boxed{{{answer}}}")
    return Particle(tuple(Step((1,), step.encode(), 0) for step in steps), finish)


def program(answer: str) -> Particle:
    written = Particle((Step((1,), b"print(4)\n```", 0),), Finish.END, Kind.PROGRAM)
    return written.ran(ProgramResult(answer + "\n", (answer,)))


def never() -> Search:
    """A search that is over before it begins."""
    return FinalPopulation(np.zeros(0), Weights(np.zeros(0)), None, steps=0)
    yield


def solved(
    particles: list[Particle], weights: list[float], final: str = "weighted-vote"
) -> Solution:
    population = FinalPopulation(
        np.zeros(len(particles)), Weights(np.log(np.array(weights))), None, steps=2
    )
    outcome = Outcome(tuple(particles), population, Counts(9), 0.0, 1.0, cut=None)
    task = Task(Problem("1", 1, "2 + 2?"), [], 1, never())
    return solution_of(task, outcome, Settings(final=final), {}, 0.0)


@pytest.mark.parametrize(
    ("weights", "chosen"),
    [([0.1, 0.2, 0.3, 0.4], 3), ([0.1, 0.3, 0.35, 0.25], 2), ([0.1, 0.3, 0.3, 0.3], 2)],
)
def test_it_is_the_heaviest_with_the_answer_and_of_equals_a_text(
    weights: list[float], chosen: int
) -> None:
    particles = [text("7"), program("4"), text("4.0"), text(r"\frac{8}{2}")]
    solution = solved(particles, weights)
    assert solution.chosen == chosen
    assert solution.best is particles[chosen]
    assert solution.answer == particles[chosen].answer
    assert solution.text == "".join(solution.steps) == particles[chosen].text
    assert solution.agreement == pytest.approx(sum(weights[1:]))


def test_in_a_vote_weights_and_copies_do_not_count() -> None:
    particles = [text("7"), text("7"), text("7"), program("4"), text("4.0")]
    solution = solved(particles, [0.3, 0.3, 0.2, 0.1, 0.1], "vote")
    assert (solution.answer, solution.agreement) == ("4.0", pytest.approx(2 / 3))
    assert [each.particles for each in solution.candidates] == [2, 3]


def test_particles_that_were_not_needed_are_passed_over() -> None:
    particles = [text("1", Finish.SETTLED), text("7", Finish.SETTLED), text("4")]
    assert solved(particles, [0.4, 0.3, 0.3]).chosen == 2


def test_without_an_answer_there_is_nothing_to_show() -> None:
    looping = Particle((Step((1,), b"and so on", 0),), Finish.LOOP)
    solution = solved([looping, looping], [0.5, 0.5])
    assert (solution.best, solution.text, solution.steps) == (None, None, ())


# -- in a shell and in a notebook --


def test_its_repr_is_a_line() -> None:
    shown = repr(solved([text("4"), text("7")], [0.75, 0.25]))
    assert shown == (
        "Solution(answer='4', agreement=0.75, particles=2, tokens=9, seconds=1, seed=1)"
    )


@pytest.mark.parametrize(
    ("answer", "latex"),
    [
        ("4", "$4$"),
        (r"\frac{1}{2}", r"$\frac{1}{2}$"),
        ("x = 2", "$x = 2$"),
        ("blue", r"$\text{blue}$"),
        ("2*sqrt(3)", r"$\text{2*sqrt(3)}$"),
        ("50%", r"$50\%$"),
        (r"50\%", r"$50\%$"),
        ("$5", r"$\$5$"),
        ("100% sure", r"$\text{100\% sure}$"),
        ("$x$ or 3", "$x$ or 3"),
    ],
)
def test_a_notebook_shows_its_answer_as_mathematics(answer: str, latex: str) -> None:
    solution = dataclasses.replace(solved([text("4")], [1.0]), answer=answer)
    assert solution._repr_latex_() == latex
    assert solution._repr_markdown_().endswith(f"\n\n**Answer:** {latex}")


def test_a_notebook_shows_its_solution() -> None:
    said = (
        r"<think>Hm.</think>By \( a^2 \) it is\n\[\n\begin{matrix}1\\[2pt] 2\end{matrix}\n\]\nso \boxed{4}"
    ).replace(r"\n", "\n")
    particle = Particle((Step((1,), said.encode(), 0),), Finish.END)
    assert solved([particle], [1.0])._repr_markdown_() == (
        "By $a^2$ it is\n$$\\begin{matrix}1\\\\[2pt] 2\\end{matrix}$$\nso \\boxed{4}\n\n**Answer:** $4$"
    )
    assert solved([program("4")], [1.0])._repr_markdown_() == (
        "```python\nprint(4)\n```\n\n```\n4\n```\n\n**Answer:** $4$"
    )
    looping = Particle((Step((1,), b"and so on", 0),), Finish.LOOP)
    without = solved([looping], [1.0])
    assert (without._repr_markdown_(), without._repr_latex_()) == ("*No answer*", None)
