"""What a chat template makes of a conversation. The templates here are cut down to what matters."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pfsolve.engine.chat import Chat
from pfsolve.errors import ModelFileError

TURNS = (
    "{%- for message in messages %}"
    "{{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}"
    "{%- endfor %}"
)
OPEN = "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{%- endif %}"

# Qwen3: only the value false itself stops it from thinking.
QWEN3 = (
    TURNS
    + r"""
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\n\n</think>\n\n' }}
    {%- endif %}
{%- endif %}"""
)

# Qwen3.5 begins the thought itself; DeepSeek-R1 too, whether it is to think or not.
QWEN3_5 = QWEN3.replace(
    "{%- endif %}\n{%- endif %}", "{%- else %}{{- '<think>\\n' }}{%- endif %}\n{%- endif %}"
)
R1 = TURNS + r"{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n<think>\n' }}{%- endif %}"

# SmolLM3: thinks unless told otherwise, and says so in its system turn too.
SMOLLM3 = r"""
{%- if enable_thinking is not defined -%}{%- set enable_thinking = true -%}{%- endif -%}
{%- set mode = "/think" if enable_thinking else "/no_think" -%}
{{- "<|im_start|>system\nToday: " ~ strftime_now("%d %B %Y") ~ "\nReasoning Mode: " + mode + "\n\n" -}}
{%- if messages[0].role == "system" -%}{{- messages[0].content -}}{%- endif -%}
{{- "<|im_end|>\n" -}}
{%- for message in messages -%}
    {%- if message.role == "user" -%}
        {{- "<|im_start|>user\n" + message.content + "<|im_end|>\n" -}}
    {%- elif message.role == "assistant" -%}
        {% generation %}
        {{- "<|im_start|>assistant\n" + message.content + "<|im_end|>\n" -}}
        {% endgeneration %}
    {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {%- if mode == "/think" -%}
        {{ "<|im_start|>assistant\n" }}
    {%- else -%}
        {{ "<|im_start|>assistant\n<think>\n\n</think>\n" }}
    {%- endif -%}
{%- endif -%}"""


class Letters:
    """A model whose tokens are the letters of a text."""

    facts = SimpleNamespace(path=Path("letters.gguf"), rendered=None)
    bos = None

    def __init__(self, chat_template: str) -> None:
        self.chat_template = chat_template

    def special_text(self, which: str) -> str:
        return f"<{which}>"

    def tokenize(self, text: str, *, special: bool = False) -> list[int]:
        return [ord(letter) for letter in text]


def chat(template: str, **options: bool) -> Chat:
    model: Any = Letters(template)
    return Chat(model, **options)


def text(tokens: list[int]) -> str:
    return "".join(map(chr, tokens))


@pytest.mark.parametrize(
    ("template", "without", "thinks"),
    [
        (QWEN3, "assistant\n<think>\n\n</think>\n\n", "assistant\n"),
        (SMOLLM3, "assistant\n<think>\n\n</think>\n", "assistant\n"),
        (TURNS + OPEN, "assistant\n", "assistant\n"),
        (QWEN3_5, "assistant\n<think>\n\n</think>\n\n", "assistant\n<think>\n"),
        (R1, "assistant\n<think>\n", "assistant\n<think>\n"),
    ],
    ids=["Qwen3", "SmolLM3", "Qwen2.5", "Qwen3.5", "DeepSeek-R1"],
)
def test_a_model_thinks_only_where_it_is_let(template: str, without: str, thinks: str) -> None:
    prompt = text(chat(template).prompt("Be brief.", "1 + 1?"))
    assert prompt.endswith(f"1 + 1?<|im_end|>\n<|im_start|>{without}")
    assert "Be brief." in prompt
    prompt = text(chat(template, thinking=True).prompt("Be brief.", "1 + 1?"))
    assert prompt.endswith(f"1 + 1?<|im_end|>\n<|im_start|>{thinks}")
    for thinking, end in ((False, without), (True, thinks)):
        opens = end.endswith("<think>\n")
        assert chat(template, thinking=thinking).opening == ("<think>" if opens else "")


@pytest.mark.parametrize("thinking", [False, True])
@pytest.mark.parametrize("template", [QWEN3, QWEN3_5, R1], ids=["Qwen3", "Qwen3.5", "R1"])
def test_where_no_thought_may_come_first_it_is_closed(template: str, thinking: bool) -> None:
    """Before a program, a given solution, and a question whose answer is read from the logits."""
    thinker = chat(template, thinking=thinking)
    empty = "<|im_start|>assistant\n<think>\n\n</think>\n\n"
    turn = text(thinker.follow_up("Right?"))
    assert turn == f"<|im_end|>\n<|im_start|>user\nRight?<|im_end|>\n{empty}"
    assert text(thinker.prompt("Be brief.", "<think>", thought=False)).endswith(empty)


def test_a_thought_is_the_templates_and_not_the_problems() -> None:
    plain = chat(TURNS.replace("+ '<|im_end|>\n'", ""))
    prompt = text(plain.prompt("Be brief.", "<think>", thought=False))
    assert (prompt[-7:], plain.opening) == ("<think>", "")


def test_a_template_that_marks_what_to_train_on_renders_as_one_that_does_not() -> None:
    marked = TURNS.replace("{{-", "{% generation %}{{-").replace("}}", "}}{% endgeneration %}")
    assert "{% generation %}" in marked
    plain = chat(TURNS + OPEN)
    assert chat(marked + OPEN).prompt("s", "u") == plain.prompt("s", "u")
    assert chat(marked + OPEN).follow_up("q") == plain.follow_up("q")


def test_a_mark_that_is_not_closed_is_a_damaged_template() -> None:
    with pytest.raises(
        ModelFileError, match=r"chat template of letters\.gguf is none that Jinja can read"
    ):
        chat("{% generation %}" + TURNS)


@pytest.mark.parametrize("options", ["", "ensure_ascii=False", "indent=None, sort_keys=true"])
def test_json_in_a_template_is_as_transformers_writes_it(options: str) -> None:
    tools = "{{- [{'é': '<b>'}] | tojson(" + options + ") }}"
    assert '[{"é": "<b>"}]' in text(chat(TURNS + tools + OPEN).prompt("s", "u"))
