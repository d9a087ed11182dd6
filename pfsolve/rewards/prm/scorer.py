"""Reads the solutions of one search with a process reward model, each token once.

Every particle has a sequence in the model's own cache, which holds what was read for it last. The
tokens of a longer prefix are worked out as a whole, and those that its sequence holds already stay; so
where tokens do not change with what follows, only the newest step is read, and where they do, the score
is still exactly that of the whole prefix.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pfsolve.engine.cache import Cache
from pfsolve.engine.runs import TokenRun
from pfsolve.rewards.base import Prefix
from pfsolve.rewards.prm.reader import PrmReader
from pfsolve.rewards.prm.template import Template

_NO_SCORE = 0.0  # logit of one half: nothing is known

Tokens = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Held:
    """What a particle's sequence holds."""

    sequence: int  # its handle in the cache
    tokens: Tokens  # what was read
    log_odds: float | None = None  # at the last of them; None where it was not read out


class PrmScorer:
    """Scores the prefixes of one search.

    A prefix that outgrows the model's context keeps the score it had before: it is no worse for being
    long. A step without text, or with nothing but a thought, changes nothing.

    Args:
        template: makes tokens of a prefix.
        reader: reads the log-odds at their end.
        cache: of the model; one of its sequences is taken for each particle.
        context: number of tokens that one sequence may hold.
        problem: of the search.
        n: number of its particles.
    """

    def __init__(
        self,
        template: Template,
        reader: PrmReader,
        cache: Cache,
        context: int,
        problem: str,
        n: int,
    ) -> None:
        self._template = template
        self._reader = reader
        self._cache = cache
        self._context = context
        self._problem = problem
        self._n = n
        self._held: list[_Held] = []

    def score(self, prefixes: Sequence[Prefix]) -> NDArray[np.float64]:
        slots = [prefix.slot for prefix in prefixes]
        return self.score_texts(slots, [prefix.particle.step_texts for prefix in prefixes])

    def score_texts(
        self, slots: Sequence[int], solutions: Sequence[Sequence[str]]
    ) -> NDArray[np.float64]:
        """Log-odds (k,) of the prefixes in these slots, each given by the texts of its steps."""
        rendered = [tuple(self._template.render(self._problem, steps)) for steps in solutions]
        wanted = {
            slot: tokens
            for slot, tokens in zip(slots, rendered, strict=True)
            if len(tokens) <= self._context
        }
        if wanted:
            if not self._held:
                self._begin(wanted.values())
            self.fork(self._sources(wanted))
            self._read(wanted)
            self.fork(self._sources(wanted))
        return np.array([self._log_odds(slot) for slot in slots])

    def fork(self, ancestors: NDArray[np.intp]) -> None:
        if not self._held:
            return
        sources = ancestors.tolist()
        for slot, held in enumerate(self._held):
            if slot not in sources:
                self._cache.drop(held.sequence)
        # The first to continue a sequence takes it over; so there are never more than n of them.
        grown: list[_Held] = []
        for number, source in enumerate(sources):
            held = self._held[source]
            if source in sources[:number]:
                held = replace(held, sequence=self._cache.fork(held.sequence))
            grown.append(held)
        self._held = grown

    def rewind(self, slots: NDArray[np.intp], steps: NDArray[np.intp]) -> None:
        """Nothing to do: a sequence is rewound to what it has in common with the next prefix."""

    def close(self) -> None:
        while self._held:
            self._cache.drop(self._held.pop().sequence)

    def _begin(self, solutions: Collection[Tokens]) -> None:
        """A sequence for each particle. What all solutions begin with, the problem, is read once."""
        first = min(solutions)
        stem = first[: min(_common(first, max(solutions)), len(first) - 1)]
        self._held = [_Held(self._cache.new(), stem)]
        if stem:
            self._cache.decode([TokenRun(self._held[0].sequence, stem, output=False)])
        self._held += [
            _Held(self._cache.fork(self._held[0].sequence), stem) for _ in range(1, self._n)
        ]

    def _sources(self, wanted: Mapping[int, Tokens]) -> NDArray[np.intp]:
        """For each slot, (n,), one that has read what it wants; itself where there is none."""
        known = {h.tokens: slot for slot, h in enumerate(self._held) if h.log_odds is not None}
        sources = np.arange(self._n)
        for slot, tokens in wanted.items():
            sources[slot] = known.get(tokens, slot)
        return sources

    def _read(self, wanted: Mapping[int, Tokens]) -> None:
        """Read the prefixes that no sequence holds yet, equal ones once."""
        news: dict[Tokens, int] = {}
        for slot, tokens in wanted.items():
            held = self._held[slot]
            if held.tokens != tokens or held.log_odds is None:
                news.setdefault(tokens, slot)
        if not news:
            return
        runs = []
        for tokens, slot in news.items():
            held = self._held[slot]
            kept = min(_common(held.tokens, tokens), len(tokens) - 1)
            self._cache.rewind(held.sequence, kept)
            runs.append(TokenRun(held.sequence, tokens[kept:]))
        log_odds = self._reader.read(self._cache, runs).tolist()
        for (tokens, slot), run, found in zip(news.items(), runs, log_odds, strict=True):
            self._held[slot] = _Held(run.sequence, tokens, found)

    def _log_odds(self, slot: int) -> float:
        known = self._held[slot].log_odds if self._held else None
        return _NO_SCORE if known is None else known


def _common(one: Tokens, other: Tokens) -> int:
    """The number of tokens that both begin with."""
    for index, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return index
    return min(len(one), len(other))
