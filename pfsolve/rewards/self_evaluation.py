"""`--reward self-evaluation`: the policy scores its own partial solution, without a second model.

A short turn that asks whether it is right is appended to the particle's own sequence, the logits of the two
possible answers are read, and the sequence is rewound: a fork that lives for one decode, without a
second sequence. Only the turn is decoded. A thought stays in the sequence, so it is part of what is
judged. The idea is P(True) of Kadavath et al.
2022, arXiv:2207.05221, section 3, applied to prefixes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pfsolve.engine.cache import Cache
from pfsolve.engine.chat import Chat
from pfsolve.engine.runs import TokenRun
from pfsolve.errors import ModelFileError, named
from pfsolve.rewards.base import Memoryless, Prefix, distinct

QUESTION = "Is the solution correct so far? Answer with Yes or No."
YES, NO = "Yes", "No"


class SelfEvaluation(Memoryless):
    """Log-odds: the model's logit of YES minus that of NO.

    Args:
        cache: of the policy's model, in which the prefixes' branches are.
        chat: the policy's chat format.

    Raises:
        ModelFileError: the model's vocabulary begins both answers with the same token.
    """

    name = "self-evaluation"

    def __init__(self, cache: Cache, chat: Chat) -> None:
        self._cache = cache
        self._turn = chat.follow_up(QUESTION)
        self._yes, self._no = (cache.model.tokenize(word)[0] for word in (YES, NO))
        self.reserve = len(self._turn)
        if self._yes == self._no:
            raise ModelFileError(
                f"{cache.model.facts.path.name} cannot tell {YES!r} from {NO!r} by one token",
                f"use {named('reward', 'none')}",
            )

    def score(self, prefixes: Sequence[Prefix]) -> NDArray[np.float64]:
        cache = self._cache
        different, which = distinct(prefixes)
        sequences = [prefix.branch.sequence for prefix in different]
        lengths = [cache.length(sequence) for sequence in sequences]
        self.tokens_read += len(self._turn) * len(different)
        try:
            logits = cache.decode([TokenRun(sequence, self._turn) for sequence in sequences]).logits
            return (logits[:, self._yes] - logits[:, self._no]).astype(np.float64)[which]
        finally:
            for sequence, length in zip(sequences, lengths, strict=True):
                cache.rewind(sequence, length)
