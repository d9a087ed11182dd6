"""The vocabulary of a checkpoint, as llama.cpp wants it: byte-level BPE.

From tokenizer.json, or from vocab.json and merges.txt where there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pfsolve.convert.source import json_object
from pfsolve.errors import ModelFileError

NORMAL, CONTROL, UNUSED = 1, 3, 5  # llama.cpp's types of tokens

Read = Callable[[str], bytes | None]


@dataclass(frozen=True)
class Vocabulary:
    """Tokens of a model, by id.

    tokens: their texts, one for each row of the embedding.
    types: NORMAL, CONTROL or UNUSED, of each token.
    merges: pairs of texts that become one, "a b", the most frequent first.
    special: ids of "bos", "eos" and "pad", as far as there are any.
    adds_bos: whether a text begins with "bos".
    """

    tokens: tuple[str, ...]
    types: tuple[int, ...]
    merges: tuple[str, ...]
    special: Mapping[str, int]
    adds_bos: bool


def read_vocabulary(read: Read, config: Mapping[str, Any], rows: int, pattern: str) -> Vocabulary:
    """The vocabulary of a checkpoint.

    Added tokens become control tokens, so that nothing in a problem's text can ever be one. Rows of
    the embedding that no token has are filled up with unused ones.

    Args:
        read: gives a file of the checkpoint; None if there is none of this name.
        config: its config.json.
        rows: of its embedding.
        pattern: how its family splits text into words.

    Raises:
        ModelFileError: files are missing or damaged, or it is another kind of tokenizer.
    """
    settings = _json(read, "tokenizer_config.json") or {}
    try:
        if (whole := _json(read, "tokenizer.json")) is not None:
            words, merges, added = _from_whole(whole, pattern)
        else:
            words, merges, added = _from_parts(read, settings)
        ids = {**words, **added}
        tokens = _by_id(ids, rows)
        controls = set(added.values())
        return Vocabulary(
            tokens=tuple(
                f"[PAD{number}]" if token is None else token for number, token in enumerate(tokens)
            ),
            types=tuple(
                UNUSED if token is None else CONTROL if number in controls else NORMAL
                for number, token in enumerate(tokens)
            ),
            merges=tuple(merges),
            special=_special(settings, config, ids),
            adds_bos=settings.get("add_bos_token") is True,
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ModelFileError(
            f"the checkpoint's tokenizer cannot be read ({type(error).__name__}: {error})"
        ) from None


def _from_whole(
    whole: Mapping[str, Any], pattern: str
) -> tuple[dict[str, int], list[str], dict[str, int]]:
    model = whole["model"]
    if model.get("type") not in ("BPE", None) or not _splits_by(pattern, whole):
        raise ModelFileError(
            "the checkpoint's tokenizer.json is not of its family's kind",
            "only byte-level BPE with the family's own way to split text is converted",
        )
    merges = [
        merge if isinstance(merge, str) else " ".join(merge) for merge in model.get("merges", ())
    ]
    added = {token["content"]: int(token["id"]) for token in whole.get("added_tokens", ())}
    return model["vocab"], merges, added


def _splits_by(pattern: str, whole: Mapping[str, Any]) -> bool:
    split = whole.get("pre_tokenizer") or {}
    parts = split.get("pretokenizers", [split])
    return any((part.get("pattern") or {}).get("Regex") == pattern for part in parts)


def _from_parts(
    read: Read, settings: Mapping[str, Any]
) -> tuple[dict[str, int], list[str], dict[str, int]]:
    words, text = _json(read, "vocab.json"), read("merges.txt")
    if words is None or text is None:
        raise ModelFileError(
            "the checkpoint has neither tokenizer.json nor vocab.json and merges.txt",
            "take them from the model that it was trained from",
        )
    lines = [line.rstrip("\r") for line in text.decode("utf-8").split("\n")]
    merges = [line for line in lines if line and not line.startswith("#version")]
    added = dict(_json(read, "added_tokens.json") or {})
    for number, token in (settings.get("added_tokens_decoder") or {}).items():
        added[token["content"]] = int(number)
    return words, merges, added


def _by_id(ids: Mapping[str, int], rows: int) -> list[str | None]:
    tokens: list[str | None] = [None] * rows
    for token, number in ids.items():
        if not 0 <= number < rows:
            raise ModelFileError(
                f"the tokenizer gives {token!r} the id {number}, but the embedding has {rows} rows"
            )
        tokens[number] = token
    return tokens


def _special(
    settings: Mapping[str, Any], config: Mapping[str, Any], ids: Mapping[str, int]
) -> dict[str, int]:
    found: dict[str, int] = {}
    for which in ("bos", "eos", "pad"):
        token = settings.get(f"{which}_token")
        text = token.get("content") if isinstance(token, dict) else token
        number = ids.get(text) if isinstance(text, str) else None
        if number is None:
            number = config.get(f"{which}_token_id")
        if isinstance(number, list):  # of several ends, the first
            number = next(iter(number), None)
        if isinstance(number, int) and number in ids.values():
            found[which] = number
    return found


def _json(read: Read, name: str) -> dict[str, Any] | None:
    return json_object(read(name), f"the checkpoint's {name}")
