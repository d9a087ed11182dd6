"""Each token is read once, and the score is still that of the whole prefix, read afresh."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from pfsolve.engine.runs import TokenRun
from pfsolve.errors import ProblemTooLong
from pfsolve.particle import Particle, Step
from pfsolve.rewards.base import Prefix
from pfsolve.rewards.prm.model import Prm
from pfsolve.rewards.prm.scorer import PrmScorer
from tests.rewards.conftest import TINY

PROBLEM = "What is 12 + 30?"
WORDS = ("Step", "so", "x = 3", "- 2", "is", "\\boxed{42}", "\n", "…", "+ 7", ".", "12")
TOLERANCE = 1e-2  # in logit, between a prefix read in steps and read at once


def random_step(rng: np.random.Generator) -> str:
    words = rng.choice(WORDS, rng.integers(1, 6)).tolist()
    return " ".join(words) + str(rng.choice(["\n\n", "\n", ""]))


def fresh(prm: Prm, steps: list[str]) -> float:
    """Score of a prefix that is read all at once, without a scorer."""
    sequence = prm.cache.new()
    tokens = prm.template.render(PROBLEM, steps)
    score = prm.reader.read(prm.cache, [TokenRun(sequence, tokens)])[0]
    prm.cache.drop(sequence)
    return float(score)


@pytest.mark.parametrize("whole", [False, True], ids=["stepwise", "whole"])
@pytest.mark.parametrize("kind", TINY)
def test_a_prefix_read_in_steps_scores_as_one_read_afresh(
    kind: str, whole: bool, open_tiny: Callable[..., Prm]
) -> None:
    """Two searches on one model, with random forks; some particles finish, or start anew."""
    prm = open_tiny(kind, sequences=9, context=680, whole=whole)
    rng = np.random.default_rng(7)
    searches = [(prm.open(PROBLEM, n), [[] for _ in range(n)]) for n in (5, 3)]
    worst, seen = 0.0, []
    for _ in range(5):
        for scorer, particles in searches:
            n = len(particles)
            slots = np.flatnonzero(rng.random(n) < 0.8).tolist() or [0]
            for slot in slots:
                if rng.random() < 0.1:
                    particles[slot] = []
                particles[slot] = [*particles[slot], random_step(rng)]
            scores = scorer.score_texts(slots, [particles[slot] for slot in slots])
            expected = [fresh(prm, particles[slot]) for slot in slots]
            worst = max(worst, float(np.abs(scores - expected).max()))
            seen += expected
            ancestors = rng.integers(0, n, n)
            scorer.fork(ancestors)
            particles[:] = [particles[ancestor] for ancestor in ancestors]
    assert worst < TOLERANCE
    assert np.ptp(seen) > 10 * TOLERANCE, "the test cannot tell"
    assert prm.cache.sequences == 8
    for scorer, _ in searches:
        scorer.close()


@pytest.mark.parametrize("kind", TINY)
def test_a_step_costs_its_own_tokens_and_its_marker(
    kind: str, open_tiny: Callable[..., Prm]
) -> None:
    """At any length of the prefix before it, and for any number of particles that share it."""
    prm = open_tiny(kind)
    scorer = prm.open(PROBLEM, 4)
    solutions = [[f"Step {n}: x = {n} + 1"] for n in range(4)]
    scorer.score_texts(range(4), solutions)
    tokens = [prm.template.render(PROBLEM, steps) for steps in solutions]
    shared = next(i for i, ids in enumerate(zip(*tokens, strict=False)) if len(set(ids)) > 1)
    assert shared > 10
    assert prm.cache.tokens_decoded == sum(map(len, tokens)) - 3 * shared

    scorer.fork(np.array([0, 0, 2, 2]))
    solutions = [solutions[0], solutions[0], solutions[2], solutions[2]]
    for number, last in enumerate(("is 3", "so x = 2", "- 2 is +", "…")):
        solutions[number] = [*solutions[number], last]
    before = prm.cache.tokens_decoded
    scorer.score_texts(range(4), solutions)
    sizes = [
        len(prm.template.render(PROBLEM, steps)) - len(prm.template.render(PROBLEM, steps[:-1]))
        for steps in solutions
    ]
    assert prm.cache.tokens_decoded - before == sum(sizes)
    scorer.close()


def test_equal_prefixes_are_read_once(open_tiny: Callable[..., Prm]) -> None:
    """By siblings that write the same, and by a particle that is asked for again."""
    prm = open_tiny("mlp")
    scorer = prm.open(PROBLEM, 3)
    first = scorer.score_texts([0, 1, 2], [["12"], ["12"], ["30"]])
    assert first[0] == first[1] != first[2]
    before = prm.cache.tokens_decoded
    again = scorer.score_texts([2, 1, 0], [["30"], ["12"], ["30"]])
    assert prm.cache.tokens_decoded == before
    assert again.tolist() == [first[2], first[1], first[2]]

    second = scorer.score_texts([0, 1, 2], [["30", "so"], ["12", "so"], ["30", "so"]])
    assert second[0] == second[2]
    assert second == pytest.approx([fresh(prm, [x, "so"]) for x in ("30", "12", "30")], abs=1e-2)
    scorer.close()


def test_particles_may_change_places(open_tiny: Callable[..., Prm]) -> None:
    """A fork is any map of slots, not only one that leaves survivors where they are."""
    prm = open_tiny("value", sequences=3)
    scorer = prm.open(PROBLEM, 3)
    solutions = [["12"], ["30"], ["42"]]
    scores = scorer.score_texts(range(3), solutions)
    scorer.fork(np.array([1, 2, 0]))
    before = prm.cache.tokens_decoded
    moved = scorer.score_texts(range(3), [solutions[1], solutions[2], solutions[0]])
    assert prm.cache.tokens_decoded == before
    assert moved.tolist() == [scores[1], scores[2], scores[0]]
    scorer.close()


def test_a_prefix_that_outgrows_the_context_keeps_its_score(open_tiny: Callable[..., Prm]) -> None:
    prm = open_tiny("mlp", context=160)
    scorer = prm.open(PROBLEM, 2)
    good = scorer.score_texts([0, 1], [["x = 3"], ["x = 4"]])
    long = "so " * prm.context
    kept = scorer.score_texts([0, 1], [["x = 3", long], ["x = 4", "is 4"]])
    assert kept[0] == good[0]
    assert kept[1] != good[1]
    scorer.fork(np.array([0, 0]))
    assert scorer.score_texts([1], [["x = 3", long, "and on"]]) == good[0]
    scorer.close()


def test_a_first_step_that_outgrows_the_context_is_worth_one_half(
    open_tiny: Callable[..., Prm],
) -> None:
    prm = open_tiny("mlp", context=160)
    scorer = prm.open(PROBLEM, 2)
    assert scorer.score_texts([0, 1], [["so " * prm.context]] * 2).tolist() == [0.0, 0.0]
    scorer.fork(np.array([1, 1]))
    scorer.close()


def test_a_problem_without_room_for_a_solution_is_refused(open_tiny: Callable[..., Prm]) -> None:
    prm = open_tiny("linear", context=64)
    with pytest.raises(ProblemTooLong, match=f"linear reads {prm.context}"):
        prm.open("so " * prm.context, 2)


def particle(*data: bytes) -> Particle:
    return Particle(tuple(Step((1,), part, 0) for part in data))


def test_a_particle_is_read_step_by_step(open_tiny: Callable[..., Prm]) -> None:
    """As the scheduler hands it over. An empty last step, with which a model only ends, is none."""
    prm = open_tiny("linear")
    scorer = prm.open(PROBLEM, 2)
    prefixes = [
        Prefix(0, particle(b"x = 3\n\n", b"is 12\n\n"), None, None),  # type: ignore[arg-type]
        Prefix(1, particle(b"x = 3\n\n", b"is 12\n\n", b""), None, None),  # type: ignore[arg-type]
    ]
    scores = scorer.score(prefixes)
    assert scores.dtype == np.float64
    assert scores[0] == scores[1] == pytest.approx(fresh(prm, ["x = 3", "is 12"]), abs=1e-2)
    scorer.close()


def test_a_thought_is_not_read(open_tiny: Callable[..., Prm]) -> None:
    """Opened by the particle or by its prompt, closed or not, alone in its step or beside something."""
    prm = open_tiny("linear")
    thought = b"<think>x = 4\n\nor 5</think>\n\n"
    thinkers = [
        particle(thought + b"x = 3\n\n", b"is 12\n\n"),
        particle(b"x = 3\n\n", thought, b"is 12\n\n", b"<think>sure?"),
        replace(particle(thought[7:] + b"x = 3\n\n", b"is 12"), opening="<think>"),
    ]
    scorer = prm.open(PROBLEM, len(thinkers))
    prefixes = [Prefix(slot, p, None, None) for slot, p in enumerate(thinkers)]  # type: ignore[arg-type]
    scores = scorer.score(prefixes)
    scorer.close()
    assert scores.tolist() == pytest.approx([fresh(prm, ["x = 3", "is 12"])] * 3, abs=1e-2)


def test_a_character_cut_in_two_belongs_to_the_later_step() -> None:
    half, rest = "√".encode()[:2], "√".encode()[2:]
    cut = particle(b"a\n\n" + half, rest + b"2\n\n", b" \n", b"b\xff", half)
    assert cut.step_texts == ["a\n\n", "√2\n\n", " \n", "b\N{REPLACEMENT CHARACTER}", ""]


def test_closing_gives_every_sequence_back_also_where_nothing_fitted(
    open_tiny: Callable[..., Prm],
) -> None:
    prm = open_tiny("logits", sequences=4)
    for steps in ([["12"]] * 4, [["so"] * 200] * 4):
        scorer: PrmScorer = prm.open(PROBLEM, 4)
        scorer.score_texts(range(4), steps)
        scorer.close()
        scorer.close()
        assert prm.cache.sequences == 0
    unused = prm.open(PROBLEM, 4)
    unused.fork(np.arange(4))
    unused.close()
