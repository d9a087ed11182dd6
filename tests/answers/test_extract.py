from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pfsolve.answers import boxed_answer, ends_in_thought, extract_answer, is_boxed, spoken
from pfsolve.answers.boxes import boxes


@pytest.mark.parametrize(
    ("text", "content"),
    [
        (r"so \boxed{5}.", "5"),
        (r"\boxed{\frac{1}{\sqrt{2}}}", r"\frac{1}{\sqrt{2}}"),
        (r"first \boxed{1}, then \boxed{2}", "2"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        (r"\boxed{\left\{ x : x > 2 \right\}}", r"\left\{ x : x > 2 \right\}"),
        (r"\boxed {7}", "7"),
        (r"\fbox{8}", "8"),
        (r"\boxed{\boxed{4}}", "4"),
        (r"\boxed{x = \boxed{4}}", "x = {4}"),
        ("\\boxed{\n 3 \n}", "3"),
        (r"} stray { \boxed{6} {", "6"),
        (r"\framebox[2cm]{9}", "9"),
        (r"\\boxed{9}", "9"),
        ("boxed{9}", "9"),
        ("\boxed{9}", "9"),  # JSON's \b
    ],
)
def test_last_box_is_found_whole(text: str, content: str) -> None:
    assert boxed_answer(text) == content


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no box",
        r"put it in \boxed{}",
        r"\boxed{ \, }",
        r"\boxed{{}}",
        r"\boxed{\boxed{}}",
        r"\boxed{\frac{1}{2}",
        r"\boxed{1\}",
        r"\boxed",
        r"\boxedx{5}",
    ],
)
def test_no_box_where_none_is_complete_and_filled(text: str) -> None:
    assert boxed_answer(text) is None


def test_truncated_box_leaves_the_complete_one_before_it() -> None:
    assert boxed_answer(r"\boxed{3} and later \boxed{4") == "3"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"<think>Is it \boxed{3}?</think> It is \boxed{4}.", "4"),
        (r"It is \boxed{4}. <think>Or \boxed{3}?</think> Yes.", "4"),
        (r"It is \boxed{4}. <think>Or \boxed{3}", "4"),
        (r"<think>\boxed{1}</think> \boxed{4} <think>\boxed{3}</think>", "4"),
        (r"Is it \boxed{3}?</think> The answer is 4.", "4"),  # the prompt opened the thought
        ("<think>The answer is 3.</think>\n\nThe answer is 4.", "4"),
        ("<think>\n\n</think>\n\n4", "4"),
        ("<thinking>It is 3.</thinking>\n**4**", "4"),
        ("<think>The answer is 3.", None),
        (r"<think>It is \boxed{3}.</think>", None),
    ],
)
def test_a_thought_is_no_answer(text: str, answer: str | None) -> None:
    assert extract_answer(text) == answer


@given(st.text(), st.text(max_size=200))
def test_whatever_is_thought_changes_no_answer(thought: str, said: str) -> None:
    for text in (said, rf"{said} \boxed{{4}}"):
        text = text.replace("think>", "")
        whole = f"<think>{thought.replace('think>', '')}</think>{text}"
        assert extract_answer(whole) == extract_answer(text)
        assert spoken(whole).endswith(text)
        assert len(spoken(whole)) == len(whole)


@given(st.lists(st.sampled_from(["<think>", "</think>", "a ", "think>"]), max_size=8).map("".join))
def test_a_text_ends_in_a_thought_where_more_of_it_would_not_be_spoken(text: str) -> None:
    assert ends_in_thought(text) == (spoken(f"{text}!")[-1] == " ")
    assert len(spoken(text, blank="")) <= len(text)


def test_thoughts_are_found_in_linear_time() -> None:
    start = time.perf_counter()
    for text in ("<think>", "</think>", "<think>x</think>", "x think>"):
        spoken(text * 50_000)
    assert time.perf_counter() - start < 2


def test_boxes_are_found_in_linear_time() -> None:
    start = time.perf_counter()
    assert boxes("\\" * 100_000) == []
    assert boxes(r"\boxed{" * 50_000) == []
    assert len(boxes(r"\boxed{1}" * 50_000)) == 50_000
    assert time.perf_counter() - start < 2


@given(st.text(alphabet="\\boxed{}fbox12 $x,or", max_size=80))
def test_every_box_lies_in_the_text_it_came_from(text: str) -> None:
    for box in boxes(text):
        assert 0 <= box.start < box.end <= len(text)
        assert text[box.end - 1] == "}"
        assert box.content.strip() == box.content != ""


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"$x=\boxed{2}$ or $x=\boxed{-2}$", "2, -2"),
        (r"\boxed{3}, \boxed{5}, and \boxed{7}", "3, 5, 7"),
        (r"\[\boxed{(1,2)} \quad \text{and} \quad \boxed{(2,1)}\]", "(1,2), (2,1)"),
        (r"$x=\boxed{2}$, $y=\boxed{3}$", "x = 2, y = 3"),
        (r"First \boxed{1}. Then we double it, and get \boxed{2}", "2"),
        (r"is $\boxed{170}$. The answer is: $\boxed{170}$.", "170"),
        (r"= \boxed{4\log 1} = \boxed{0}", "0"),
        (r"\boxed{3} \boxed{5}", "3, 5"),
        ("x &= \\boxed{2} \\\\\n y &= \\boxed{3}", "x = 2, y = 3"),
        ("**(i)** $\\boxed{4}$\n\n**(ii)** $\\boxed{9}$", "4, 9"),
        ("- \\boxed{4}\n- \\boxed{9}", "4, 9"),
        (r"Mean: \boxed{4}. Median: \boxed{9}.", "4, 9"),
        (r"The shorter leg is \boxed{4}, and the longer leg is \boxed{9}.", "4, 9"),
        (r"It is not \boxed{4}, but \boxed{9}.", "9"),
        (r"It is \boxed{9}, and not \boxed{4}.", "9"),
        (r"The radius is \boxed{4}. The area is \boxed{9}.", "9"),
        (r"Step 1: \boxed{4}. Step 2: \boxed{9}.", "9"),
        (r"Guess: \boxed{4}. Final answer: \boxed{9}.", "9"),
        (r"The leg is \boxed{4}, so the area is \boxed{9}.", "9"),
    ],
)
def test_boxes_of_one_statement_are_one_answer(text: str, answer: str) -> None:
    assert extract_answer(text) == answer


@pytest.mark.parametrize(
    "text",
    [
        r"So $x = \boxed{2}$ or $x = \boxed{3}$.",
        r"So \boxed{2} or \boxed{3}!",
        "So \\boxed{2}, about 2.5. ",
        "So \\boxed{2}\n",
        "So \\boxed{2}。",
        "\\[\n\\boxed{2}\n\\]",
        "$$\n\\boxed{2}\n$$",
        "\\begin{align*}\nx &= \\boxed{2} \\\\[2pt]\ny &= \\boxed{3}\n\\end{align*}",
        "Put it in \\boxed{}. So \\boxed{2}.",
        "(a) \\boxed{2}\n(b) \\boxed{3}. \n\n",
        "Length: \\boxed{2}\nWidth: \\boxed{3}\n\n",
        "Answer: \\boxed{2}\n",
        r"So \boxed{2}" + " and so on" * 20 + " ",
    ],
)
def test_a_text_is_boxed_where_the_line_or_sentence_of_its_box_ends(text: str) -> None:
    whole = text + " And so on. \\boxed{7}"
    assert [is_boxed(whole[:end]) for end in range(len(text) + 1)] == [False] * len(text) + [True]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("The answer is 42.", "42"),
        ("Thus the final answer is: $\\frac{1}{2}$.", "$\\frac{1}{2}$"),
        ("Final Answer: The final answer is 7. I hope it is correct.", "7"),
        ("She has 3 + 4 = 7 apples.\n#### 7", "7"),
        ("#### Area\nSo the area is 7.", "7"),
        ("The solution to the equation: x + 1 = 8. Thus x is 7.", "7"),
        (r"Hence the probability is \frac{3}{8}.", r"\frac{3}{8}"),
        (r"Hence the side is 3\sqrt{2} cm.", r"3\sqrt{2}"),
        (r"So it has an area of 12\pi.", r"12\pi"),
        ("Together it takes them 3 1/2 hours.", "3 1/2"),
        ("So she is back at 12:30 PM.", "12:30 PM"),
        (r"Put it into \boxed{}. The answer is 12.", "12"),
        (r"Put it into \boxed{{}}. The answer is 12.", "12"),
        ("<answer> 12 </answer>", "12"),
        ("Answer: B", "B"),
        ("We find that $x \\neq 3$.", "x \\neq 3"),
        ("Therefore, they buy 24 melons.", "24"),
        ("Therefore, it takes **4 liters** of water in 3 hours.", "4 liters"),
        ("So the total number of possible values is \\(2 + 1 = 3\\) for \\(n\\).", "2 + 1 = 3"),
        ("it costs $3 for the soda and in all they pay $6.", "$6"),
        (r"So we get $\boxed 7$ as the answer.", "7"),
        ("Special matrix: $ A $", "$ A $"),
    ],
)
def test_answers_in_words(text: str, answer: str) -> None:
    assert extract_answer(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("We have 9 pens. So there are 84 ways to choose 3 pens out of 9.", "84"),
        ("Thus she keeps 14 of the 30 cards after 2 rounds.", "14"),
        ("Hence the walk takes 4 hours (240 minutes).", "4"),
        ("So in 2 hours the 5 pumps fill 30 tanks.", "30"),
        ("Out of 60 guests, 45 came.", "45"),
        ("So each pays $9 at 3 dollars per ride.", "$9"),
        ("Hence 9 is the sum of 4 and 5.", "9"),
        ("So the sum of 4 and 5 is 9.", "9"),
        ("So she has 21 eggs. Well done!", "21"),
        ("So she has 3 × 7 = 21 eggs.", "21"),
        ("The town has 2.5 million people in 2020.", "2.5 million"),
        ("So they mix it at 3:4.", "3:4"),
        ("The answer is 8, since 14 is even.", "8"),
        ("The answer is the product of 2 and 4, which is 8.", "8"),
        ("The answer is not 5 but 7.", "7"),
        ("So the roots are 4 and 9.", "4 and 9"),
        ("Thus t = 4 or t = 9.", "t = 4 or t = 9"),
        ("Hence $t = 4$ or $t = 9$.", "$t = 4$ or $t = 9$"),
        ("So it meets the axes at (0, 4) and (9, 0).", "(0, 4) and (9, 0)"),
        ("In the year 2020, 45 of them left.", "45"),
        ("So y = 2x + 3.", "y = 2x + 3"),
        ("So there are no real solutions.", "no solution"),
        ("Hence $t = 3 + 4 = 7$ metres.", "t = 7"),
        ("So the legs are 3 cm and 4 cm.", "3 cm and 4 cm"),
        ("She needs 5 more coins than Ben's 12.", "5"),
        ("So she gets 240 5-dollar bills.", "240"),
        ("Thus there are $6$ values of $k$ for which $k + 1$ is at most 8.", "6"),
        ("So the number of pairs $(x, y)$ for which 20 is the mean is: \\[ 9. \\]", "9."),
        ("Therefore 5 < x < 7.", "5 < x < 7"),
        ("So the set is {1, 2}.", "{1, 2}"),
    ],
)
def test_a_sentence_states_one_of_its_values(text: str, answer: str) -> None:
    assert extract_answer(text) == answer


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("The answer is B. Note that C is too large.", "B"),
        ("Answer: B, since 14 is even.", "B"),
        ("The answer is B because A is too small.", "B"),
        ("The best option is therefore B.", "B"),
        ("Option (B) is correct. The others are too small.", "(B)"),
        ("Answer: I think it is B", "B"),
        ("I would choose B.", "B"),
        ("Only option B works.", "B"),
        ("Hence (B).", "(B)"),
        ("The answer is option B) 12 cm.", "B) 12 cm"),
        ("The answers are B and D, as 3 shows.", "B and D"),
        ("The answer is B = 5.", "B = 5"),
        ("Since angle B is right, the hypotenuse is 13.", "13"),
        ("The answer is A total of 25 coins that she has kept in boxes.", "25"),
    ],
)
def test_the_letter_of_a_choice_is_told_from_other_letters(text: str, letter: str) -> None:
    assert extract_answer(text) == letter


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("The answer is 12. Wait, no: it is 15.", "15"),
        ("The answer is 12. Correction: 15.", "15"),
        ("The answer is 12. Actually, I forgot the tax, so it's 15.", "15"),
        ("The answer is 12. Actually, there are 3 other ways to see this.", "12"),
        ("The answer is 12. The answer is 15.", "15"),
    ],
)
def test_a_corrected_answer_gives_way(text: str, answer: str) -> None:
    assert extract_answer(text) == answer


@pytest.mark.parametrize(
    "text",
    [
        "Also ist die richtige Antwort 7: Die Antwort lautet 7.",
        "Por lo tanto, la respuesta final es 7.",
        "Donc la réponse est 7.",
        "Итак, ответ: 7.",
        "所以答案是 7。",
        "したがって、答えは7です。",
        "따라서 정답은 7입니다.",
    ],
)
def test_other_languages_announce_an_answer_too(text: str) -> None:
    assert extract_answer(text) == "7"


@pytest.mark.parametrize(
    "text", ["12", "-3.5", "x = 2 or x = -2", r"\text{east}", "10 hours", "$12$ and $13$", "(1, 2)"]
)
def test_a_bare_answer_is_itself(text: str) -> None:
    assert extract_answer(text) == text


@pytest.mark.parametrize(
    "text",
    ["", "   ", r"\boxed{}", r"It is \boxed{12", "I do not know how to do this, so we stop here."],
)
def test_no_answer_is_none(text: str) -> None:
    assert extract_answer(text) is None


@given(st.text(max_size=300))
def test_extraction_never_fails(text: str) -> None:
    answer = extract_answer(text)
    assert answer is None or answer.strip() != ""


def test_extraction_takes_linear_time() -> None:
    start = time.perf_counter()
    for piece in (
        "1, ",
        "1 + ",
        "(1, ",
        "x = ",
        "the ",
        "$",
        "A, ",
        "the answer is ",
        "is 1. ",
        "in a ",
        "2-",
        "**",
    ):
        extract_answer("So " + piece * 20_000)
    assert time.perf_counter() - start < 4
