"""Families of models: what conversion must know of each, in one table.

Another family is a module like qwen2 and one record here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pfsolve.convert import qwen2
from pfsolve.convert.dimensions import Dimensions, Slot
from pfsolve.errors import ModelFileError


@dataclass(frozen=True)
class Family:
    """One family.

    title: its models, as a message names them.
    architecture: llama.cpp's name for it.
    read_config: the dimensions in a config.json; raises ModelFileError for what llama.cpp would
        compute in another way.
    slots: every tensor of the GGUF by the checkpoint's name for it, given the dimensions and whether
        logits are wanted, and with them an output matrix that is not tied to the embedding.
    dropped: names of the checkpoint's tensors that may be left behind.
    pre_tokenizer: llama.cpp's name for the way in which text is split into words.
    pattern: the same as a regular expression, as tokenizer.json has it.
    """

    title: str
    architecture: str
    read_config: Callable[[Mapping[str, Any]], Dimensions]
    slots: Callable[[Dimensions, bool], dict[str, Slot]]
    dropped: re.Pattern[str]
    pre_tokenizer: str
    pattern: str


# By `model_type` in config.json.
FAMILIES = {
    "qwen2": Family(
        title="Qwen2",
        architecture="qwen2",
        read_config=qwen2.read_config,
        slots=qwen2.slots,
        dropped=qwen2.DROPPED,
        pre_tokenizer="qwen2",
        pattern=qwen2.PATTERN,
    ),
}


def family_of(config: Mapping[str, Any]) -> Family:
    """The family of the checkpoint with this config.json.

    Raises:
        ModelFileError: it is none of those known.
    """
    kind = config.get("model_type")
    if not isinstance(kind, str) or kind not in FAMILIES:
        known = " or ".join(map(repr, FAMILIES))
        titles = ", ".join(family.title for family in FAMILIES.values())
        raise ModelFileError(
            f"the checkpoint's model_type is {kind!r}, not {known}",
            f"`pfsolve models convert` takes checkpoints of these families: {titles}",
        )
    return FAMILIES[kind]


def check_tensors(
    family: Family, shapes: Mapping[str, tuple[int, ...]], wanted: Mapping[str, Slot]
) -> None:
    """Whether a checkpoint holds all that it should, in the right shapes, and nothing unknown.

    Args:
        shapes: of the checkpoint's tensors, by name, without those of a head.
        wanted: the family's slots.

    Raises:
        ModelFileError: it does not.
    """
    for name, slot in wanted.items():
        if name not in shapes:
            raise ModelFileError(
                f"the checkpoint has no {name}", "fetch it again, with all its files"
            )
        if shapes[name] != slot.shape:
            raise ModelFileError(
                f"{name} has shape {shapes[name]}, but by config.json it should be {slot.shape}"
            )
    unknown = [name for name in shapes if name not in wanted and not family.dropped.fullmatch(name)]
    if unknown:
        more = f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""
        raise ModelFileError(
            f"the checkpoint has {unknown[0]}{more}, neither of a {family.title} model nor of the head",
            "--like NAME chooses another head; `pfsolve models list` has the names",
        )
