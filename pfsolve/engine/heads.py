"""Starts of prompts, such as a system prompt, that stay in the cache from one problem to the next.

A head is always decoded apart, in parts of the same size, whether it is in the cache or not. So a
prompt's logits are the same in both cases, as far as they do not depend on which cells are free; and
since heads come and go with the searches alone, one seed still gives one result.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from pfsolve.engine import stopping
from pfsolve.engine.cache import CROWDED_TOKENS, Cache
from pfsolve.engine.runs import TokenRun

_PART = min(CROWDED_TOKENS, stopping.BATCH_TOKENS)  # tokens, so few that no decode splits them
_LEAST = 16  # tokens that heads must have in common for a part of their own


class Heads:
    """The heads of the prompts in one cache.

    As many are kept as the cache has sequences for that; when cells are short they are given back.

    Args:
        cache: of the policy's model.

    Attributes:
        tokens_saved: number of tokens of prompts that were in the cache already.
    """

    def __init__(self, cache: Cache) -> None:
        self.tokens_saved = 0
        self._cache = cache
        self._heads: list[tuple[int, ...]] = []
        self._kept: dict[tuple[int, ...], int] = {}  # their sequences
        cache.give_back = self._give_back

    def add(self, *prompts: Sequence[int]) -> None:
        """What these prompts begin with is the head of all that begin with it.

        So is what it has in common with another head, if that is long enough.
        """
        head = _common(prompts)
        starts = (_common((head, other)) for other in self._heads)
        heads = {head, *self._heads, *(start for start in starts if len(start) >= _LEAST)}
        self._heads = sorted(heads, key=len, reverse=True)

    def begin(self, prompt: Sequence[int]) -> int:
        """A new sequence that holds the head of a prompt, or nothing if it has none.

        Raises:
            EngineError: the cache is full.
            GivenUp: within `stopping.given_up_once`; there is no sequence then.
        """
        start = tuple(prompt[:-1])  # the last token's logits are wanted
        head = next((each for each in self._heads if each == start[: len(each)]), ())
        if not head:
            return self._cache.new()
        if head in self._kept:
            self.tokens_saved += len(head)
            return self._cache.fork(self._kept[head])
        sequence = self.begin(head)
        try:
            for at in range(self._cache.length(sequence), len(head), _PART):
                if at:
                    stopping.look()
                self._cache.decode([TokenRun(sequence, head[at : at + _PART], output=False)])
        except BaseException:
            self._cache.drop(sequence)
            raise
        if len(self._kept) < self._cache.kept:
            self._kept[head] = self._cache.fork(sequence, kept=True)
        return sequence

    def _give_back(self) -> bool:
        """Drop all that is kept; whether there was anything."""
        had_any = bool(self._kept)
        while self._kept:
            self._cache.drop(self._kept.popitem()[1])
        return had_any


def _common(prompts: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """The tokens that all of these begin with."""
    alike = takewhile(lambda tokens: len(set(tokens)) == 1, zip(*prompts, strict=False))
    return tuple(tokens[0] for tokens in alike)
