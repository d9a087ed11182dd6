"""What a process reward model reads: from a problem and its steps to tokens, by a `PrmSpec`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

from pfsolve.errors import ModelFileError
from pfsolve.models.entry import PrmSpec

_PLACEHOLDER = re.compile(r"\{(problem|step)\}")

# Steps whose tokens are kept, since they come again with every longer prefix.
_KEPT = 1024


class Tokenizer(Protocol):
    """The part of `pfsolve.engine.library.LoadedModel` that is needed here."""

    n_vocab: int

    def tokenize(
        self, text: str, *, special: bool = False, continued: bool = False
    ) -> list[int]: ...

    def is_control(self, token: int) -> bool: ...


class Template:
    """Tokens of a prefix, whose log-odds are read at the last of them.

    Args:
        spec: of the model.
        tokenizer: the model's.
        whole: all steps are read as a single one, joined by blank lines, with one marker at the end.

    Raises:
        ModelFileError: the spec names tokens that the model does not know.
    """

    def __init__(self, spec: PrmSpec, tokenizer: Tokenizer, *, whole: bool = False) -> None:
        self.spec = spec
        self.whole = whole
        self._tokenizer = tokenizer
        for key in ("marker", "positive", "negative"):
            token = getattr(spec, key)
            if isinstance(token, int) and token >= tokenizer.n_vocab:
                raise ModelFileError(
                    f"`{key}` is token {token}, and the model knows only {tokenizer.n_vocab}",
                    "the model's file and its [models.prm] do not belong together",
                )
        self._marker = self._marker_tokens()
        self._opening = lru_cache(_KEPT)(self._tokenize_opening)
        self._following = lru_cache(_KEPT)(self._tokenize_following)

    def render(self, problem: str, steps: Sequence[str]) -> list[int]:
        """Tokens of a problem and the texts of its steps, stripped of white space around them.

        Steps without text are none, but where no step has any, there is an empty one.
        """
        steps = [text for step in steps if (text := step.strip())] or [""]
        if self.whole:
            steps = ["\n\n".join(steps)]
        tokens = list(self._opening(problem.strip(), steps[0]))
        for step in steps[1:]:
            tokens += self._following(step)
        return tokens

    def _marker_tokens(self) -> list[int]:
        marker = self.spec.marker
        if isinstance(marker, str):
            return self._tokenizer.tokenize(marker, special=True, continued=True)
        return [] if marker is None else [marker]

    def _tokenize_opening(self, problem: str, step: str) -> list[int]:
        return self._tokenize(self.spec.opening, problem, step, continued=False)

    def _tokenize_following(self, step: str) -> list[int]:
        continued = not self._marker or not self._tokenizer.is_control(self._marker[-1])
        return self._tokenize(self.spec.following, "", step, continued=continued)

    def _tokenize(
        self, pieces: Sequence[str], problem: str, step: str, *, continued: bool
    ) -> list[int]:
        """Tokens of the pieces and the marker; `continued` says whether text stands before them."""
        values = {"problem": problem, "step": step}
        tokens: list[int] = []
        for piece in pieces:
            if self.spec.lines and piece == "{step}":
                return tokens + self._tokenize_lines(step)
            # In one pass, so that what looks like a placeholder in a problem stays as it is.
            text = _PLACEHOLDER.sub(lambda found: values[found[1]], piece)
            own = _PLACEHOLDER.search(piece) is None
            tokens += self._tokenizer.tokenize(text, special=own, continued=continued)
            if tokens:
                continued = not self._tokenizer.is_control(tokens[-1])
        return tokens + self._marker

    def _tokenize_lines(self, step: str) -> list[int]:
        """Tokens of a step's lines, each by itself, with the marker behind it."""
        lines = [line for line in step.split("\n") if line.strip()] or [""]
        tokens: list[int] = []
        for line in lines:
            tokens += self._tokenizer.tokenize(line) + self._marker
        return tokens
