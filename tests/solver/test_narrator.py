"""What a watcher of a search is told."""

from __future__ import annotations

import numpy as np

from pfsolve.events.search import Ended, SearchEvent
from pfsolve.particle import Finish, Particle, Step
from pfsolve.search.weights import Weights
from pfsolve.solver.narrator import Narrator


def test_equal_answers_have_one_spelling() -> None:
    answers = (r"2 \text{ and } -2", "3", "-2, 2", r"\pm 2")
    particles = [
        Particle((Step((n,), rf"It is \boxed{{{answer}}}".encode(), n),), Finish.BOXED)
        for n, answer in enumerate(answers)
    ]
    heard: list[SearchEvent] = []
    narrator = Narrator(heard.append, len(particles))
    narrator.ended([*particles, Particle()], Weights(np.zeros(5)), 4, 1.0)
    (ended,) = heard
    assert isinstance(ended, Ended)
    first = answers[0]
    assert [row.answer for row in ended.rows] == [first, "3", first, first, None]
