"""A question's options: part of its text, and what an index as the answer means."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Mapping
from string import ascii_uppercase
from typing import Any

from pfsolve.problems.fields import OPTIONS, named
from pfsolve.problems.problem import Malformed
from pfsolve.wording import shortened

_LABELLED = re.compile(r"\s*\(?([A-Za-z]|\d)\s*[).:]")
_PART = {"label", "text"}  # of an option that is an object
_COLUMN = re.compile(r"(?:(?:option|choice)[ _-]?([A-Ja-j])|([A-J]))")  # "Option A", or a bare "A"


class Options:
    """The options of one question.

    Attributes:
        lines: each with its label, "B) 54".
        names: of the fields that they were in.
        labels: as they are written; empty where the options are one text.
    """

    def __init__(self, scope: Mapping[str, Any]) -> None:
        """Take the options out of a row; without any, `lines` is empty.

        Raises:
            Malformed: there are some of an unknown form, without which the question is another.
        """
        self.lines: list[str] = []
        self.labels: list[str] = []
        self.names: list[str] = []
        for name, value in named(scope, OPTIONS):
            if not value or self.lines:
                continue
            self.names = [name]
            self._read(name, value)
        if not self.lines:
            columns = {(m[1] or m[2]).upper(): m[0] for m in map(_COLUMN.fullmatch, scope) if m}
            if {"A", "B"} <= columns.keys():
                used = {label: columns[label] for label in sorted(columns)}
                found = {label: scope[name] for label, name in used.items()}
                self.names = list(used.values())
                self._read("A", {k: v for k, v in found.items() if v not in (None, "")})

    def _read(self, name: str, value: Any) -> None:
        if isinstance(value, str):
            try:
                with warnings.catch_warnings(action="ignore"):  # of backslashes
                    items = ast.literal_eval(value.strip()) if value.lstrip()[:1] in "[{" else value
            except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
                items = value
            if not isinstance(items, list | dict) or len(items) < 2:
                self.lines = [value.strip()] if value.strip() else []
                return
            value = items
        if isinstance(value, dict) and isinstance(value.get("text"), list):
            labels = value.get("label")
            if not isinstance(labels, list) or len(labels) != len(value["text"]):
                labels = ascii_uppercase
            value = dict(zip(map(str, labels), value["text"], strict=False))
        if isinstance(value, list) and all(
            isinstance(o, dict) and _PART & o.keys() == _PART for o in value
        ):
            value = {str(option["label"]): option["text"] for option in value}
        found = value.values() if isinstance(value, dict) else value
        if not isinstance(value, list | dict) or any(isinstance(t, list | dict) for t in found):
            raise Malformed(f'field "{name}" is {shortened(value)}, which are no options')
        texts = [str(text).strip() for text in found]
        known = [_LABELLED.match(text) for text in texts]
        if isinstance(value, dict):
            self.labels = [str(label) for label in value]
        elif all(known) and len({m[1] for m in known if m}) == len(texts):
            self.labels, self.lines = [m[1] for m in known if m], texts
            return
        else:
            letters = len(texts) <= len(ascii_uppercase)
            self.labels = [ascii_uppercase[i] if letters else str(i + 1) for i in range(len(texts))]
        self.lines = [f"{label}) {text}" for label, text in zip(self.labels, texts, strict=True)]

    def answer(self, value: Any) -> Any:
        """The label that an index from 0 means; any other value as it is.

        Raises:
            Malformed: it is an index, and the options are one text.
        """
        if type(value) is not int or not self.lines:
            return value
        if not self.labels:
            raise Malformed("the answer is an index, and the options are one text")
        return self.labels[value] if 0 <= value < len(self.labels) else value
