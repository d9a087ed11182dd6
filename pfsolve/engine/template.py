"""What a GGUF file's chat template makes of the conversations that pfsolve holds.

A template is a program of whoever made the file. It runs in Jinja's sandbox, without dice, so that it
does the same each time; `trial` bounds its time and memory too, where nobody vouches for the file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from pfsolve.errors import ModelFileError

# What stands in a rendered conversation for what was written by people or models.
SYSTEM, USER, ASSISTANT, FOLLOW_UP = "⟪s⟫", "⟪u⟫", "⟪a⟫", "⟪f⟫"

MAX_CHARACTERS = 100_000  # of a rendered conversation, whose contents are markers

_FIXED_DATE = date(2024, 7, 26)

_HINT = "choose another model; see pfsolve models list"


def _turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


_ASKED = (_turn("user", USER),)
_TOLD = (_turn("system", SYSTEM), *_ASKED)
_ANSWERED = (*_ASKED, _turn("assistant", ASSISTANT), _turn("user", FOLLOW_UP))

# All there are: name to turns, and whether the model is let think before its own.
CONVERSATIONS: Mapping[str, tuple[tuple[dict[str, str], ...], bool]] = {
    "told": (_TOLD, False),
    "told, thinking": (_TOLD, True),
    "asked": (_ASKED, False),
    "asked, thinking": (_ASKED, True),
    "answered": (_ANSWERED, False),
}


@dataclass(frozen=True, slots=True)
class Rendered:
    """All conversations, as a template renders them."""

    texts: Mapping[str, str]  # by name; those that the template refuses are missing
    refused: Mapping[str, str]  # what it did instead, by name

    def text(self, name: str, file: str) -> str:
        """The conversation of this name.

        Raises:
            ModelFileError: the template, of that file, refuses it.
        """
        if (text := self.texts.get(name)) is None:
            raise ModelFileError(f"the chat template of {file} fails: {self.refused[name]}", _HINT)
        return text


def render(source: str, file: str, bos: str, eos: str) -> Rendered:
    """Render all conversations.

    Args:
        source: of the template.
        file: name of the file that it is from.
        bos: text of the token that begins a text, "" without one.
        eos: text of the token that ends one, likewise.

    Raises:
        ModelFileError: it is no template.
    """
    environment = _environment()
    try:
        template = environment.from_string(source)
    except Exception as error:
        # Of any kind: Jinja computes what is constant, and Python compiles it.
        raise ModelFileError(
            f"the chat template of {file} is none that Jinja can read: {_said(error)}", _HINT
        ) from None
    texts, refused = {}, {}
    for name, (turns, thinking) in CONVERSATIONS.items():
        try:
            texts[name] = _whole(
                template.generate(
                    messages=[dict(turn) for turn in turns],
                    add_generation_prompt=True,
                    enable_thinking=thinking,
                    bos_token=bos,
                    eos_token=eos,
                )
            )
        except Exception as error:  # of any kind, by a program of others
            refused[name] = _said(error)
    return Rendered(texts, refused)


def _whole(pieces: Any) -> str:
    written, length = [], 0
    for piece in pieces:
        written.append(piece)
        length += len(piece)
        if length > MAX_CHARACTERS:
            raise ValueError(f"it writes more than {MAX_CHARACTERS} characters")
    return "".join(written)


def _said(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "it takes more memory than it may"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return str(error) or type(error).__name__


def _to_json(value: Any, ensure_ascii: bool = False, **options: Any) -> str:
    """JSON as Transformers renders it in a template: not escaped for HTML."""
    return json.dumps(value, ensure_ascii=ensure_ascii, **options)


def _environment() -> Any:
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
    del environment.globals["lipsum"], environment.filters["random"]  # the dice
    return environment
