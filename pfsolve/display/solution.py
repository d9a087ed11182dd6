"""A solved problem to be read: its solution, its answer, a line about both; and all that was written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pfsolve.answers import spoken
from pfsolve.display.output import Answer, Code, Prose, Shown
from pfsolve.display.text import readable_answer
from pfsolve.programs import writing
from pfsolve.wording import duration, one_line, percent, plural, speed

if TYPE_CHECKING:
    from pfsolve.results.line import ParticleLine, ResultLine

_PRINTED = 20  # lines of what a program printed that a terminal gets


def solution_and_answer(line: ResultLine, *, solution: bool, titled: bool) -> Iterator[Shown]:
    """What a solve prints, which is nothing where there is no answer.

    Args:
        line: with its particles where it is older than `best`.
        solution: whether the solution comes before the answer.
        titled: whether a terminal is told that the answer is one.
    """
    best = best_particle(line)
    if solution and best is not None:
        yield from _written(best)
    if line["answer"] is not None:
        yield Answer(line["answer"], titled=titled)


def whole_run(line: ResultLine, *, every: bool) -> Iterator[Shown]:
    """The problem, the solution and the answer.

    Args:
        line: with its particles.
        every: also what each of the particles wrote.
    """
    problem = line["problem"] or ""
    yield Prose("\n".join(f"> {each}" for each in problem.strip().splitlines()))
    best = best_particle(line)
    for number, particle in enumerate(line["particles"] if every else []):
        yield Prose(f"## {_about(number, particle, is_best=particle is best)}")
        yield from _written(particle)
    yield from solution_and_answer(line, solution=not every, titled=True)


def summary(line: ResultLine, *, verbose: int = 0, hint: str | None = None) -> str:
    """One line about a solve: "92 % of the vote · 8 particles · seed 7 · 31 s".

    Args:
        line: with its particles.
        verbose: from 1 on it says more of how the time was spent.
        hint: stands at the end.
    """
    if "error" in line:
        return one_line(line["error"]["message"])
    kinds = Counter(particle.get("kind", "text") for particle in line["particles"])
    particles = plural(len(line["particles"]), "particle")
    if verbose and kinds["program"]:
        counted = [plural(kinds[kind], kind) for kind in ("text", "program") if kinds[kind]]
        particles = ", ".join(counted)
    seconds = line["timings"]["solve_seconds"]
    parts = [
        *[cut.replace("_", " ") for cut in ("interrupted", "out_of_time") if line.get(cut)],
        "no answer" if line["answer"] is None else f"{percent(line['agreement'])} of the vote",
        particles,
        f"seed {line['seed']}",
        plural(line["tokens"], "token") if verbose else None,
        duration(seconds),
        speed(line["tokens"], seconds) if verbose else None,
        hint,
    ]
    return " · ".join(part for part in parts if part)


def all_answers(line: ResultLine) -> list[str]:
    """A line for each answer that was reached, if there are several: "±2: 92 % of the vote, 7 particles"."""
    answers = [
        f"{readable_answer(each['answer'])}: {percent(each['share'])} of the vote, "
        f"{plural(each['particles'], 'particle')}"
        for each in line.get("candidates", [])
    ]
    return answers if len(answers) > 1 else []


def best_particle(line: ResultLine) -> ParticleLine | None:
    """The particle that the answer is taken from; in an older record the heaviest that writes it so."""
    particles, answer = line.get("particles"), line["answer"]
    if particles is None:
        return line.get("best")
    if "chosen" in line:
        return None if line["chosen"] is None else particles[line["chosen"]]
    writers = [each for each in particles if answer is not None and each["answer"] == answer]
    return max(writers, key=lambda each: each["weight"], default=None)


def _written(particle: ParticleLine) -> Iterator[Shown]:
    """What a particle wrote, and of a program what came of it."""
    text = "".join(particle["steps"])
    if particle.get("kind") != "program":
        yield Prose(spoken(text).strip())
        return
    yield Code(writing.program(text), "python")
    if output := particle.get("output"):
        yield Prose("It prints")
        yield Code(output, last=_PRINTED)
    if error := particle.get("error"):
        yield Prose("It fails")
        yield Code(error)


def _about(number: int, particle: ParticleLine, *, is_best: bool) -> str:
    """One particle in a line, as Markdown."""
    log_odds = [f"{each:.2f}" for each in particle["log_odds"] if isinstance(each, int | float)]
    answer, finish = particle["answer"], particle.get("finish")
    parts = [
        f"{particle.get('kind', 'text')} {number}",
        f"{percent(particle['weight'])} of the weight",
        "no answer" if answer is None else f"answer {_formula(answer)}",
        "the answer is taken from it" if is_best else None,
        f"log-odds {', '.join(log_odds)}" if log_odds else None,
        None if finish in (None, "end", "boxed") else str(finish).replace("_", " "),
    ]
    return " · ".join(part for part in parts if part)


def _formula(answer: str) -> str:
    """An answer within Markdown."""
    answer = one_line(answer)
    return answer if "$" in answer else f"${answer}$"
