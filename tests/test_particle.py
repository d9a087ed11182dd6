"""Where steps and particles end, as rules on bytes and tokens."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pfsolve.answers import ends_in_thought, spoken
from pfsolve.particle import (
    Finish,
    Particle,
    Step,
    first_alike,
    has_thought,
    is_thinking,
    repeats_itself,
    split_steps,
    step_end,
    step_is_complete,
    steps_repeat,
)


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("First\n\n", True),
        ("First.\n\nSecond", True),
        ("\n\nFirst\n\n", True),
        ("\n\n", False),
        ("\n\n\nFirst\n", False),
        ("First\nSecond\n", False),
    ],
)
def test_a_blank_line_ends_a_step_once_there_is_something(text: str, complete: bool) -> None:
    assert step_is_complete(text) is complete


_LINES = st.lists(st.text("ab {}$\t", min_size=1).filter(str.strip), min_size=1, max_size=3)


@given(
    st.lists(_LINES.map("\n".join).map(str.strip), max_size=4), st.sampled_from(["", " ", "\n\t"])
)
def test_a_text_is_split_where_the_policy_would_have_ended_its_steps(
    steps: list[str], blank: str
) -> None:
    assert split_steps("\n\n".join(steps)) == tuple(steps)
    assert split_steps(f"\n{blank}\n".join(steps)) == tuple(steps), "the line only looks blank"
    assert not any(step_is_complete(step) for step in steps)
    assert all(step_is_complete(f"{step}\n\n") for step in steps)


def test_a_thought_is_no_step() -> None:
    text = "<think>One.\n\nOr two?</think>\n\nIt is two.\n\nSo 4."
    assert split_steps(text) == ("It is two.", "So 4.")
    assert Particle((Step((1,), text.encode(), 0),)).step_texts == ["\n\nIt is two.\n\nSo 4."]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("<think>One.\n\nOr two?\n\n</think>\n\nTwo.\n\nSo 4.", "Two."),
        ("First.\n\n<think>So.\n\n</think>", "First."),
        ("First, <think>so.\n\nOr so?</think> then.\n\nSo 4.", "First, then."),
        ("First, <think>so.\n\nOr so?</think>\n\nSo 4.", "First,"),
        (r"<think>\boxed{3}\n\n</think> It is \boxed{4}, not 3. So", r"It is \boxed{4}, not 3."),
        ("<think>One.\n\nOr two?", None),
        ("<think>One.\n\nOr two?</think>\n\n", None),
    ],
)
@pytest.mark.parametrize("opened", [False, True], ids=["by the policy", "by the prompt"])
def test_a_step_with_a_thought_ends_behind_what_follows_it(
    text: str, first: str | None, opened: bool
) -> None:
    """Byte by byte, as if each were a token."""
    opening = "<think>" if opened and text.startswith("<think>") else ""
    data = text.removeprefix(opening).encode()
    particle = Particle(opening=opening)
    ends = [end for end in range(1, len(data) + 1) if step_end(particle, data[:end])[0]]
    if first is None:
        assert not ends
    else:
        step = Step((1,), data[: ends[0]], 0)
        assert " ".join(particle.extended(step, None).step_texts[0].split()) == first


_PARTS = st.sampled_from(
    ["<think>", "</think>", "<thi", "nk>", "\n", "\n\n", "a", " ", "√", r"\boxed{", "}", "4"]
)


@given(st.lists(_PARTS, max_size=12), st.lists(st.integers(0, 40)), st.booleans())
def test_steps_are_those_of_the_whole_text_however_tokens_cut_it(
    parts: list[str], cuts: list[int], opened: bool
) -> None:
    """Where steps end, what is thought in them, and whether one is in a thought."""
    opening = "<think>" if opened else ""
    data = "".join(parts).encode()
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    particle, draft = Particle(opening=opening), b""
    for start, end in pairwise(edges):
        draft += data[start:end]
        so_far = opening + data[:end].decode(errors="replace")
        assert is_thinking(particle, draft) == ends_in_thought(so_far)
        assert has_thought(particle, draft) == ("</think>" in so_far)
        complete, finish = step_end(particle, draft)
        assert not (complete and is_thinking(particle, draft))
        if complete:
            particle, draft = particle.extended(Step((1,), draft, 0), finish), b""
            assert finish is None or particle.answer is not None
            if finish is not None:
                return
    particle = particle.extended(Step((1,), draft, 0), Finish.TRUNCATED)
    assert "".join(particle.step_texts) == spoken(opening + data.decode(), blank="")


@pytest.mark.parametrize(
    ("before", "data", "boxed"),
    [
        ("", "So \\boxed{\\frac{1}{2}}.", True),
        ("", "So \\boxed{\\frac{1}{2}} or ", False),
        ("", "So \\boxed{\\frac{1}{2}\n", False),
        ("", "Hm. <think>So.</think>\n\nIt is \\boxed{4}", False),
        ("", "within \\boxed{}.", False),
        ("", "{5}.", False),
        ("", "<think>maybe \\boxed{3}.", False),
        ("<think>Let me see.\n\n", "Is it \\boxed{3}.", False),
        ("<think>Let me see.\n\n", "\\boxed{3}? No.</think> \\boxed{4}.", True),
        ("<think>Let me see.</think>\n\n", "It is \\boxed{4}\n", True),
        ("A step.\n\n", "It is \\boxed{4}.", True),
        ("A box that a short step cuts: \\boxed{", "4}", False),
        ("A box that a short step cuts: \\boxed{", "4}.", True),
        ("A statement that one cuts: \\boxed{4} or ", "\\boxed{5}.", True),
    ],
)
def test_a_particle_ends_with_the_line_or_sentence_of_its_box(
    before: str, data: str, boxed: bool
) -> None:
    particle = Particle((Step((1,), before.encode(), 0),))
    assert step_end(particle, data.encode()) == (boxed, Finish.BOXED if boxed else None)


@given(st.binary(max_size=60))
def test_bytes_that_are_no_text_are_no_reason_to_fail(data: bytes) -> None:
    """A step may end inside a character."""
    step_end(Particle((Step((1,), data[:30], 0),)), data[30:] + b"}")


@given(st.lists(st.integers(0, 99), min_size=1, max_size=32), st.lists(st.integers(0, 99)))
def test_a_repeated_block_is_noticed_whatever_came_before(
    block: list[int], before: list[int]
) -> None:
    assert repeats_itself(before + block * (96 // len(block) + 1))


def test_mathematics_may_repeat_itself_a_little() -> None:
    assert not repeats_itself([1, 2, 3] * 30)
    assert not repeats_itself(list(range(200)))


def test_three_equal_steps_are_a_loop_two_are_not() -> None:
    step = Step((1, 2), b"So.\n\n", 0)
    assert steps_repeat((step, step, step))
    assert not steps_repeat((step, step))
    assert not steps_repeat((step, Step((3,), b"x", 0), step))


@given(st.lists(st.integers(0, 9), min_size=1, max_size=6), st.lists(st.integers(0, 9)))
def test_three_rounds_of_the_same_steps_are_a_loop_whatever_came_before(
    block: list[int], before: list[int]
) -> None:
    """A derivation that comes back to where it began goes on so to the last step allowed."""
    steps = [Step((token,), b"a step\n\n", 0) for token in before + block * 3]
    assert steps_repeat(steps)


def test_two_rounds_of_the_same_steps_are_no_loop() -> None:
    one, two, three = (Step((token,), b"a step\n\n", 0) for token in (1, 2, 3))
    assert not steps_repeat((one, two, three) * 2)
    assert not steps_repeat((one, two, one, two, three, one, two))


def test_a_character_split_over_two_steps_is_whole_in_the_text() -> None:
    euro = "€".encode()
    particle = Particle((Step((1,), b"5 " + euro[:1], 0), Step((2,), euro[1:], 0)))
    assert particle.text == "5 €"
    assert particle.texts == ("5 ", "€")


@given(st.binary(max_size=40), st.lists(st.integers(0, 40), max_size=6))
def test_the_steps_together_are_the_text_wherever_they_are_cut(
    data: bytes, cuts: list[int]
) -> None:
    edges = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    steps = tuple(Step((1,), data[start:end], 0) for start, end in pairwise(edges))
    particle = Particle(steps, opening="<think>")
    assert "<think>" + "".join(particle.texts) == particle.text


@pytest.mark.parametrize(
    ("text", "finish", "answer"),
    [
        (r"so \boxed{4}", Finish.BOXED, "4"),
        ("The answer is 4.", Finish.END, "4"),
        ("We add 3 and 4", Finish.MAX_STEPS, None),
        (r"as \boxed{4} says, 3 and", Finish.TRUNCATED, "4"),
        (r"as \boxed{4} or \boxed{5} and", Finish.MAX_STEPS, "4, 5"),
        (r"\boxed{4} \boxed{4}", Finish.LOOP, None),
        (r"\boxed{4}", None, None),
        (r"<think>is it \boxed{4}, or", Finish.TRUNCATED, None),
        (r"<think>is it \boxed{4}? No.</think> It is 5.", Finish.END, "5"),
        (r"<think>is it \boxed{4}", Finish.END, None),
    ],
)
def test_only_what_was_meant_as_an_answer_is_one(
    text: str, finish: Finish | None, answer: str | None
) -> None:
    particle = Particle((Step((1,), text.encode(), 0),), finish)
    assert particle.answer == answer
    if text.startswith("<think>"):
        step = Step((1,), text.removeprefix("<think>").encode(), 0)
        assert replace(particle, steps=(step,), opening="<think>").answer == answer


def test_a_finished_particle_that_goes_back_has_not_finished() -> None:
    steps = tuple(Step((token,), b"a step\n\n", 0, log_odds=1.0) for token in (1, 2, 3))
    particle = Particle(steps, Finish.BOXED)
    assert particle.tokens == (1, 2, 3)
    assert particle.rewound(2) == Particle(steps[:2], None)
    assert particle.rewound(0) == Particle()


def test_particles_are_alike_by_their_bytes_and_not_by_their_tokens() -> None:
    one, same = Step((1, 2), b"a\n\n", 0), Step((3,), b"a\n\n", 1)
    other, half = Step((1, 2), b"b\n\n", 0), Step((1,), b"a", 0)
    chains = [(other,), (one,), (same,), (half,), (one, other), (other,)]
    assert first_alike([Particle(steps) for steps in chains]) == [0, 1, 1, 3, 4, 0]
