"""Chat turns as tokens, by the template the GGUF file carries.

The template is rendered with markers in place of what was written by people or models, and the
pieces are tokenised apart: the template's own text with control tokens, the contents without. So a
problem that contains "<|im_end|>" stays a problem.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pfsolve.engine.template import ASSISTANT, FOLLOW_UP, SYSTEM, USER, render
from pfsolve.errors import ModelFileError

if TYPE_CHECKING:
    from pfsolve.engine.library import LoadedModel

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
        self._name = model.facts.path.name
        self._rendered = model.facts.rendered or render(
            source, self._name, model.special_text("bos"), model.special_text("eos")
        )
        # Not every format knows a system turn; some raise, some drop it.
        self._has_system = SYSTEM in self._rendered.texts.get("told", "")
        opens = _opens_thought(self._first(thinking))
        self.opening = "<think>" if opens else ""

    def prompt(self, system: str, problem: str, *, thought: bool = True) -> list[int]:
        """Tokens of a conversation that asks for the assistant's first words.

        Args:
            thought: whether a thought may come first; if not, `opening` does not hold.
        """
        contents = {SYSTEM: system, USER: problem}
        if not self._has_system:
            contents = {USER: f"{system}\n\n{problem}"}
        rendered = self._first(self._thinking and thought)
        if not thought:
            rendered = _without_thought(rendered)
        tokens = self._tokenize(rendered, contents)
        bos = self._model.bos
        return tokens if bos is None or tokens[:1] == [bos] else [bos, *tokens]

    def follow_up(self, question: str) -> list[int]:
        """Tokens that end an assistant's turn, ask a question, and open the answer to it.

        It is given at once, without a thought.
        """
        answered = self._rendered.text("answered", self._name)
        _, _, rest = _without_thought(answered).partition(ASSISTANT)
        return self._tokenize(rest, {FOLLOW_UP: question})

    def _first(self, thinking: bool) -> str:
        """A conversation up to the assistant's first words."""
        name = "told" if self._has_system else "asked"
        return self._rendered.text(f"{name}, thinking" if thinking else name, self._name)

    def _tokenize(self, rendered: str, contents: dict[str, str]) -> list[int]:
        """Tokens of the rendered text with each marker, once and in order, replaced by its content."""
        tokens: list[int] = []
        for marker, content in contents.items():
            before, found, rendered = rendered.partition(marker)
            if not found:
                raise ModelFileError(
                    f"the chat template of {self._name} drops part of a conversation",
                    "choose another model; see pfsolve models list",
                )
            tokens += self._model.tokenize(before, special=True)
            tokens += self._model.tokenize(content)
        return tokens + self._model.tokenize(rendered, special=True)


def _opens_thought(rendered: str) -> bool:
    return rendered.rstrip().endswith("<think>")


def _without_thought(rendered: str) -> str:
    """The conversation; a thought that its template opens in any case is closed again."""
    return rendered + _THOUGHT_END if _opens_thought(rendered) else rendered
