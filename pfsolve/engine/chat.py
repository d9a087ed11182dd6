"""Chat turns as tokens, by the template the GGUF file carries.

The template is rendered with markers in place of what was written by people or models, and the
pieces are tokenised apart: the template's own text with control tokens, the contents without. So a
problem that contains "<|im_end|>" stays a problem.
"""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

from pfsolve.errors import ModelFileError

if TYPE_CHECKING:
    from pfsolve.engine.library import LoadedModel

_SYSTEM, _USER, _ASSISTANT, _FOLLOW_UP = "⟪s⟫", "⟪u⟫", "⟪a⟫", "⟪f⟫"

_FIXED_DATE = date(2024, 7, 26)

_THOUGHT_END = "\n</think>\n\n"
# What ends a thought that takes too long, and what asks for the answer behind one.
ASKING = "The final answer is \\boxed{"
CLOSING = _THOUGHT_END + ASKING


class Chat:
    """A model's chat format.

    Args:
        model: whose template it is.
        thinking: whether the model may think before it answers, if its template leaves the choice.

    Attributes:
        opening: "<think>" where the template opens a thought for the model, with which a solution in
            words then begins; else "".

    Raises:
        ModelFileError: the model has no chat template, or one that cannot be rendered.
    """

    def __init__(self, model: LoadedModel, *, thinking: bool = False) -> None:
        self._model = model
        self._thinking = thinking
        source = model.chat_template
        if source is None:
            raise ModelFileError(
                f"{model.facts.path.name} has no chat template",
                "choose an instruct model; see pfsolve models list",
            )
        self._template = _compile(source, model.facts.path.name)
        # Not every format knows a system turn; some raise, some drop it.
        turns = [_turn("system", _SYSTEM), _turn("user", _USER)]
        try:
            self._has_system = _SYSTEM in self._render(turns)
        except ModelFileError:
            self._has_system = False
        turns = turns if self._has_system else turns[1:]
        opens = _opens_thought(self._render(turns, thinking=thinking))
        self.opening = "<think>" if opens else ""

    def prompt(self, system: str, problem: str, *, thought: bool = True) -> list[int]:
        """Tokens of a conversation that asks for the assistant's first words.

        Args:
            thought: whether a thought may come first; if not, `opening` does not hold.
        """
        if self._has_system:
            turns = [_turn("system", _SYSTEM), _turn("user", _USER)]
            contents = {_SYSTEM: system, _USER: problem}
        else:
            turns = [_turn("user", _USER)]
            contents = {_USER: f"{system}\n\n{problem}"}
        rendered = self._render(turns, thinking=self._thinking and thought)
        if not thought:
            rendered = _without_thought(rendered)
        tokens = self._tokenize(rendered, contents)
        bos = self._model.bos
        return tokens if bos is None or tokens[:1] == [bos] else [bos, *tokens]

    def follow_up(self, question: str) -> list[int]:
        """Tokens that end an assistant's turn, ask a question, and open the answer to it.

        It is given at once, without a thought.
        """
        turns = [_turn("user", _USER), _turn("assistant", _ASSISTANT), _turn("user", _FOLLOW_UP)]
        _, _, rest = _without_thought(self._render(turns)).partition(_ASSISTANT)
        return self._tokenize(rest, {_FOLLOW_UP: question})

    def _render(self, turns: list[dict[str, str]], *, thinking: bool = False) -> str:
        from jinja2 import TemplateError

        try:
            return str(
                self._template.render(
                    messages=turns,
                    add_generation_prompt=True,
                    enable_thinking=thinking,
                    bos_token=self._model.special_text("bos"),
                    eos_token=self._model.special_text("eos"),
                )
            )
        except (TemplateError, TypeError, ValueError, KeyError) as error:
            raise ModelFileError(
                f"the chat template of {self._model.facts.path.name} fails: {error}",
                "choose another model; see pfsolve models list",
            ) from error

    def _tokenize(self, rendered: str, contents: dict[str, str]) -> list[int]:
        """Tokens of the rendered text with each marker, once and in order, replaced by its content."""
        tokens: list[int] = []
        for marker, content in contents.items():
            before, found, rendered = rendered.partition(marker)
            if not found:
                raise ModelFileError(
                    f"the chat template of {self._model.facts.path.name} drops part of a conversation",
                    "choose another model; see pfsolve models list",
                )
            tokens += self._model.tokenize(before, special=True)
            tokens += self._model.tokenize(content)
        return tokens + self._model.tokenize(rendered, special=True)


def _turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def _opens_thought(rendered: str) -> bool:
    return rendered.rstrip().endswith("<think>")


def _without_thought(rendered: str) -> str:
    """The conversation; a thought that its template opens in any case is closed again."""
    return rendered + _THOUGHT_END if _opens_thought(rendered) else rendered


def _to_json(value: Any, ensure_ascii: bool = False, **options: Any) -> str:
    """JSON as Transformers renders it in a template: not escaped for HTML."""
    return json.dumps(value, ensure_ascii=ensure_ascii, **options)


def _compile(source: str, name: str) -> Any:
    from jinja2 import TemplateError
    from jinja2.ext import Extension, loopcontrols
    from jinja2.nodes import Node
    from jinja2.parser import Parser
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Generation(Extension):
        """{% generation %} marks the text to train on, which is rendered as if nothing marked it."""

        tags = {"generation"}  # noqa: RUF012  as jinja2 declares it

        def parse(self, parser: Parser) -> list[Node]:
            next(parser.stream)
            return parser.parse_statements(("name:endgeneration",), drop_needle=True)

    def raise_exception(message: str) -> None:
        raise TemplateError(message)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols, Generation]
    )
    environment.globals["raise_exception"] = raise_exception
    environment.filters["tojson"] = _to_json
    # Some templates state the date; a fixed one keeps a seed's result the same tomorrow.
    environment.globals["strftime_now"] = _FIXED_DATE.strftime
    try:
        return environment.from_string(source)
    except TemplateError as error:
        raise ModelFileError(
            f"the chat template of {name} is damaged: {error}",
            "choose another model; see pfsolve models list",
        ) from error
