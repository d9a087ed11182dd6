"""From the body of a request to what it asks for; what needs no models to tell is checked at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pfsolve.errors import UsageError
from pfsolve.server.errors import FIELDS, Refused, refused
from pfsolve.settings import SAMPLING, SETTINGS, Settings
from pfsolve.wording import shortened

# What a client may ask for and cannot have: whether a value does so.
_TOO_MUCH: Mapping[str, Callable[[Any], bool]] = {
    "n": lambda value: value != 1,
    "tools": bool,
    "functions": bool,
    "audio": bool,
    "logprobs": bool,
    "response_format": lambda value: not isinstance(value, dict) or value.get("type") != "text",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request for a chat completion asks for."""

    problem: str
    settings: Settings
    stream: bool  # whether the answer is wanted as events
    with_usage: bool  # whether the last of them counts tokens


def read_request(
    data: bytes, model: str, settings_of: Callable[[Mapping[str, Any]], Settings]
) -> Wanted:
    """What a request asks for.

    Args:
        data: its body.
        model: the one that is served.
        settings_of: the server's settings with a layer of the request's own over them.

    Raises:
        Refused: it is malformed, or asks for what there is not.
    """
    try:
        body = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Refused(400, f"the body is no JSON: {error}") from None
    if not isinstance(body, dict):
        raise Refused(400, "the body is no JSON object")
    given = {name: value for name, value in body.items() if value is not None}
    if given.get("model", model) != model:
        raise Refused(
            404,
            f"model is {shortened(given['model'])}, which is not served; use {model!r}",
            param="model",
            code="model_not_found",
        )
    for name, value in given.items():
        if name in _TOO_MUCH and _TOO_MUCH[name](value):
            raise Refused(400, f"{name} is not supported; leave it out", param=name)
        # Clients send how to sample with every request; what suits a search is the server's to say.
        if name in SETTINGS.keys() - FIELDS.keys() and SETTINGS[name].panel != SAMPLING:
            hint = "use n_particles" if name == "particles" else "it is for `pfsolve serve` to say"
            raise Refused(400, f"{name} is no field of a request; {hint}", param=name)
    problem = _problem(given.get("messages"))
    stream_options = given.get("stream_options")
    return Wanted(
        problem,
        _settings(given, settings_of),
        stream=bool(given.get("stream")),
        with_usage=isinstance(stream_options, dict) and bool(stream_options.get("include_usage")),
    )


def _settings(
    given: Mapping[str, Any], settings_of: Callable[[Mapping[str, Any]], Settings]
) -> Settings:
    layer = {}
    for field, name in FIELDS.items():
        try:
            if field in given:
                layer[name] = SETTINGS[name].checked(given[field])
        except UsageError as error:
            raise refused(error, field) from None
    try:
        return settings_of(layer)
    except UsageError as error:
        raise refused(error) from None


def _problem(messages: object) -> str:
    """The text of the last message of the user."""
    if not isinstance(messages, list) or not all(isinstance(each, dict) for each in messages):
        raise Refused(400, "messages is no list of messages", param="messages")
    asked = [(n, each) for n, each in enumerate(messages) if each.get("role") == "user"]
    if not asked:
        raise Refused(400, "messages has none with the role 'user'", param="messages")
    number, message = asked[-1]
    where = f"messages[{number}].content"
    parts = message.get("content")
    if isinstance(parts, str):
        parts = [{"type": "text", "text": parts}]
    if not isinstance(parts, list):
        raise Refused(400, f"{where} is neither a text nor a list of parts", param="messages")
    texts = []
    for i, part in enumerate(parts):
        kind = part.get("type") if isinstance(part, dict) else None
        if kind != "text" or not isinstance(part.get("text"), str):
            raise Refused(
                400,
                f"{where}[{i}] is {shortened(kind) if kind else 'no part'}; only text is read",
                param="messages",
            )
        texts.append(part["text"])
    problem = "\n".join(texts).strip()
    try:
        problem.encode()
    except UnicodeEncodeError:
        raise Refused(400, f"{where} has half of a character", param="messages") from None
    if not problem:
        raise Refused(400, "the problem is empty", param="messages")
    return problem
