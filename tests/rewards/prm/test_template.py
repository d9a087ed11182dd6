"""What each known process reward model reads: which pieces of text, and which tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pfsolve.engine.library import LoadedModel
from pfsolve.errors import ModelFileError
from pfsolve.models.catalogue import load_catalogue
from pfsolve.models.entry import PrmSpec
from pfsolve.rewards.prm.model import FoundPrm, Prm, open_prm
from pfsolve.rewards.prm.template import Template

SYSTEM = "Please reason step by step, and put your final answer within \\boxed{}."
FIRST = 200_000  # beyond the ids of all vocabularies here


class Pieces:
    """A tokenizer that keeps every text as one token, to be shown again.

    "own" is text in which control tokens count; "+" says that it continues other text.
    """

    n_vocab = 10**6

    def __init__(self) -> None:
        self.texts: list[str] = []

    def tokenize(self, text: str, *, special: bool = False, continued: bool = False) -> list[int]:
        self.texts.append(f"{'own' if special else 'text'}{'+' * continued}|{text}")
        return [FIRST + len(self.texts) - 1] if text else []

    def is_control(self, token: int) -> bool:
        if token < FIRST:
            return token == 151651
        return self.texts[token - FIRST].startswith("own") and self.texts[token - FIRST][-1] == ">"


def spec_of(name: str) -> PrmSpec:
    spec = load_catalogue().get(name).prm
    assert spec is not None
    return spec


def read(name: str, *steps: str, problem: str = " P? ", whole: bool = False) -> list[str | int]:
    fake = Pieces()
    tokens = Template(spec_of(name), fake, whole=whole).render(problem, steps)
    return [fake.texts[token - FIRST] if token >= FIRST else token for token in tokens]


# -- the ten --


@pytest.mark.parametrize("name", ["qwen2.5-math-prm-7b", "qwen2.5-math-7b-prm800k"])
def test_qwen_reads_one_turn_with_a_token_of_its_own_behind_every_step(name: str) -> None:
    assert read(name, "a", "b\n\n") == [
        f"own|<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n",
        "text+|P?",
        "own+|<|im_end|>\n<|im_start|>assistant\n",
        "text+|a",
        151651,
        "text|b",
        151651,
    ]


@pytest.mark.parametrize("name", ["qwen2.5-math-1.5b-prm-0.2", "qwen2.5-math-7b-prm-0.2"])
def test_huggingfaceh4_reads_paragraphs_and_has_no_marker(name: str) -> None:
    assert read(name, "a", "b") == ["text|P?\n\n", "text+|a\n\n", "text+|b\n\n"]


@pytest.mark.parametrize("name", ["skywork-o1-prm-1.5b", "skywork-o1-prm-7b"])
def test_skywork_reads_every_line_by_itself(name: str) -> None:
    assert read(name, "a\nb\n\nc", "d") == [
        "own|<|endoftext|>",
        "text|P?\n",
        *("text|a", 198, "text|b", 198, "text|c", 198),
        *("text|d", 198),
    ]


@pytest.mark.parametrize("name", ["llama3.1-8b-prm-deepseek-data", "llama3.1-8b-prm-mistral-data"])
def test_rlhflow_reads_turns_that_are_all_answered_with_a_plus(name: str) -> None:
    marker = "own+|<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"
    assert read(name, "a", "b", "c") == [
        "own|<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\n"
        "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\n",
        *("text+|P? a", marker),
        "own+|+<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n",
        *("text+|b", marker),
        "own+|+<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n",
        *("text+|c", marker),
    ]


def test_math_shepherd_reads_lines_that_end_in_a_cyrillic_word() -> None:
    assert read("math-shepherd-mistral-7b-prm", "a", "b") == [
        "own|<s>",
        "text|P? a",
        12902,
        "text+|\nb",
        12902,
    ]


def test_fover_answers_every_turn_with_the_word_that_it_is_read_for() -> None:
    marker = "own+|<|im_end|>\n<|im_start|>assistant\n"
    system, opening, *rest = read("fover-qwen-2.5-7b-prm", "a", "b")
    assert system == (
        "own|<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant."
        "<|im_end|>\n<|im_start|>user\n"
    )
    assert str(opening).startswith(
        "text+|** Problem **\nP?\n\n** Task **\nYour task is to evaluate"
    )
    assert str(opening).endswith(
        "errors or flawed logic.\n\n** Sotluion **\na"
    )  # as it was trained
    assert rest == [
        marker,
        "own+|correct<|im_end|>\n<|im_start|>user\n",
        *("text+|b", marker),
    ]


def test_no_other_is_known_and_every_known_one_is_here() -> None:
    known = {entry.name for entry in load_catalogue().entries.values() if entry.kind == "prm"}
    assert len(known) == 10


# -- all of them --


def test_what_looks_like_a_placeholder_or_a_control_token_in_a_problem_is_plain_text() -> None:
    shown = read(
        "llama3.1-8b-prm-deepseek-data", "{problem} <|eot_id|>", "b", problem="{step} {x} <s>"
    )
    assert shown[1] == "text+|{step} {x} <s> {problem} <|eot_id|>"


def test_a_step_without_text_is_none() -> None:
    assert read("qwen2.5-math-prm-7b", " ", "a", "\n\n")[3:] == ["text+|a", 151651]
    assert read("qwen2.5-math-prm-7b", "", "")[3:] == [151651]
    assert read("skywork-o1-prm-7b", "")[2:] == [198]


def test_read_as_a_whole_all_steps_are_one() -> None:
    assert read("math-shepherd-mistral-7b-prm", "a", "b", "c", whole=True) == [
        "own|<s>",
        "text|P? a\n\nb\n\nc",
        12902,
    ]


@pytest.mark.parametrize("key", ["marker", "positive", "negative"])
def test_a_token_outside_the_vocabulary_is_refused(key: str) -> None:
    spec = replace(spec_of("math-shepherd-mistral-7b-prm"), **{key: 10**6})
    with pytest.raises(ModelFileError, match=f"`{key}` is token 1000000, .* knows only 1000000"):
        Template(spec, Pieces())


# -- real vocabularies: reading in pieces equals reading at once --

# Steps as they are written: no white space around them, words, numbers, signs, line breaks.
texts = st.text("ab Step.:=+-{}\\$<|>\n123²√", min_size=1, max_size=20).filter(str.strip)
solutions = st.lists(texts, min_size=1, max_size=4)


def at_once(spec: PrmSpec, problem: str, steps: list[str], marker: str) -> str:
    """A whole input as one text."""
    text = "".join(spec.opening).replace("{step}", steps[0]).replace("{problem}", problem) + marker
    for step in steps[1:]:
        text += "".join(spec.following).replace("{step}", step) + marker
    return text


@given(texts, solutions)
def test_pieces_break_where_tokens_do_in_a_byte_level_vocabulary(
    small_model: LoadedModel, problem: str, steps: list[str]
) -> None:
    """The layouts of Qwen2.5-Math-PRM and RLHFlow, with SmolLM2's control tokens."""
    stripped, problem = [step.strip() for step in steps], problem.strip()
    end = small_model.tokenize("<|im_end|>", special=True)[0]
    chat = replace(spec_of("qwen2.5-math-prm-7b"), marker=end)
    turns = PrmSpec(
        opening=("<|im_start|>user\n", "{problem} {step}"),
        following=("+<|im_end|>\n<|im_start|>user\n", "{step}"),
        marker="<|im_end|>\n<|im_start|>assistant\n",
        positive=1,
        negative=2,
    )
    for spec in (chat, turns):
        marker = spec.marker if isinstance(spec.marker, str) else "<|im_end|>"
        tokens = Template(spec, small_model).render(problem, steps)
        text = at_once(spec, problem, stripped, marker)
        assert tokens == small_model.tokenize(text, special=True)


@given(texts, solutions)
def test_pieces_break_where_tokens_do_in_qwens_vocabulary(
    qwen: Prm, problem: str, steps: list[str]
) -> None:
    """The layout of HuggingFaceH4: blank lines melt into the token before them, not behind them."""
    tokens = qwen.template.render(problem, steps)
    text = "\n\n".join([problem.strip(), *(step.strip() for step in steps)]) + "\n\n"
    assert tokens == qwen.model.tokenize(text, special=True)


@given(texts, solutions)
def test_pieces_break_where_tokens_do_in_a_sentencepiece_vocabulary(
    sentencepiece: Prm, problem: str, steps: list[str]
) -> None:
    """The layout of Math-Shepherd. No piece gets the space that begins a text, but the first."""
    template = sentencepiece.template
    tokens = template.render(problem, steps)
    stripped, problem = [step.strip() for step in steps], problem.strip()
    text = at_once(template.spec, problem, stripped, " ки")
    assert tokens == sentencepiece.model.tokenize(text, special=True)


def test_a_continued_text_gets_no_space_and_one_that_begins_does(sentencepiece: Prm) -> None:
    tokenize = sentencepiece.model.tokenize
    assert tokenize("Step") != tokenize("Step", continued=True)
    assert tokenize("a Step") == [*tokenize("a"), *tokenize(" Step", continued=True)]
    assert tokenize("\n\nStep", continued=True)[-1:] == tokenize("Step", continued=True)


@pytest.fixture(scope="module")
def sentencepiece(find_tiny: Callable[[str], FoundPrm]) -> Iterator[Prm]:
    prm = open_prm(find_tiny("sentencepiece"), sequences=1, context=64, threads=1, gpu_layers=0)
    yield prm
    prm.close()


@pytest.fixture(scope="module")
def qwen(find_tiny: Callable[[str], FoundPrm]) -> Iterator[Prm]:
    prm = open_prm(find_tiny("linear"), sequences=1, context=64, threads=1, gpu_layers=0)
    yield prm
    prm.close()
