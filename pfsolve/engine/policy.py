"""The policy: extends many particles by one step each, all in one batch.

A `Branch` is a particle's place in the cache. It holds every token of the particle, and the logits
that follow the last one: a step's first token is drawn without a decode, siblings share even the
last cell, and each token's own hidden state comes out of the decode that stored it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from pfsolve.engine.cache import Cache
from pfsolve.engine.chat import ASKING, CLOSING, Chat
from pfsolve.engine.heads import Heads
from pfsolve.engine.runs import Rows, TokenRun
from pfsolve.engine.sampling import Logits, Sampler, Sampling, TokenUncertainty
from pfsolve.engine.stopping import GivenUp
from pfsolve.particle import (
    Finish,
    Kind,
    Particle,
    Step,
    StepRules,
    has_thought,
    is_thinking,
    repeats_itself,
    step_end,
    steps_repeat,
)

# Rows of a decode that the kernels compute together. llama.cpp's CPU kernels for quantized weights
# compute 16 rows together, what is left over by fours, and then one by one: on two cores with AVX2 16
# rows take three times as long as four, and 11 to 15 longer than 16 (`tests/benchmarks/engine.py`).
CPU_TILE, GPU_TILE = 16, 1
_WORTH_FILLING = 2 / 3  # of a tile

_GREEDY = Sampling(0.0)
# One of these is in the token that completes a step, or the statement with the answer's box.
_ENDINGS = {
    Kind.TEXT: (b"\n", b"}", b".", b"!", b"?", "。".encode(), b"]", b"$"),
    Kind.PROGRAM: (b"\n", b"`"),
}
_CERTAIN = TokenUncertainty(0.0, 0.0, 0.0)  # of a token that was not drawn

# A thought leaves an eighth of the context, at most 256 tokens, for what follows it. Where that comes to
# no answer, it is asked for one while this number of tokens is left, or of so few the eighth.
_MOST_KEPT, _LAST = 256, 32


def padding(rows: int, tile: int) -> int:
    """Rows to add so that the last tile is computed as a whole, where that is cheaper."""
    left_over = rows % tile
    return tile - left_over if left_over > _WORTH_FILLING * tile else 0


@dataclass(slots=True)
class Branch:
    """A place in the policy's cache."""

    sequence: int  # handle of the tokens it holds
    logits: Logits  # (n_vocab,) of the token that comes next


@dataclass(frozen=True, slots=True)
class Trace:
    """What the policy computed while it wrote a step of L tokens, an end-of-generation token included.

    The tokens of a thought are left out: they are no part of the step for a reward, and their states
    might fill the memory.
    """

    uncertainties: Sequence[TokenUncertainty]  # (L,), how sure it was of each token
    pieces: Sequence[bytes]  # (L,), the bytes of each token; b"" for an end token
    # (L, n_embd), final-norm state at each token; (L - 1, n_embd) with an end token, never decoded.
    hidden: Rows
    # (L, layers, n_embd) or (L - 1, ...) likewise, what the layers that the cache hands out put out.
    inner: NDArray[np.float32]


@dataclass(slots=True)
class StepDraft:
    """A step while it is being written. Once it is `done`, `step` and `Policy.trace` have it."""

    particle: Particle  # what the step continues
    branch: Branch  # the particle's place in the cache
    slot: int  # the particle's index in its population
    rng: np.random.Generator  # stream its tokens are drawn from
    traced: bool = False  # whether what a `Trace` holds is kept
    greedy: bool = False  # whether the likeliest tokens are taken
    tokens: list[int] = field(default_factory=list)  # ids, without an end-of-generation token
    data: bytearray = field(default_factory=bytearray)  # their bytes
    done: bool = False  # whether all of it is written and decoded
    finish: Finish | None = None  # why the particle ends with this step; None where it does not
    complete: bool = False  # whether no token follows the pending one
    pending: int | None = None  # token that is drawn and not decoded yet
    thinking: bool = False  # whether it is in a thought
    thought: int = 0  # number of its tokens that belong to thoughts
    circling: bool = False  # whether a thought goes in circles
    forced: list[int] = field(default_factory=list)  # tokens that are not drawn but come next
    saved: int = 0  # number of its tokens that were decoded in a row of another draft
    # Of the tokens so far, where `traced`, as a `Trace` holds them.
    uncertainties: list[TokenUncertainty] = field(default_factory=list)
    pieces: list[bytes] = field(default_factory=list)
    hidden: list[Logits] = field(default_factory=list)  # (n_embd,) each
    inner: list[Rows] = field(default_factory=list)  # (layers, n_embd) each

    @property
    def step(self) -> Step:
        return Step(tuple(self.tokens), bytes(self.data), self.slot)

    def note(self, uncertainty: TokenUncertainty, piece: bytes) -> None:
        """Keep what a `Trace` holds of the next token; its state follows when it is decoded."""
        if self.traced:
            self.uncertainties.append(uncertainty)
            self.pieces.append(piece)

    @property
    def wants_state(self) -> bool:
        """Whether the pending token's hidden state is kept."""
        return len(self.hidden) < len(self.pieces)


class Policy:
    """A language model that writes steps.

    Args:
        cache: of its model, whose sequences its particles are.
        chat: the model's chat format.
        sampling: how the tokens of each kind of solution are drawn.
        rules: limits on steps and particles.
        tile: rows of a decode that the kernels compute together.
        heads: starts of prompts that stay in the cache; by default none does.

    Attributes:
        sampler: draws its tokens.
    """

    def __init__(
        self,
        cache: Cache,
        chat: Chat,
        sampling: Mapping[Kind, Sampling],
        rules: StepRules,
        tile: int = 1,
        heads: Heads | None = None,
    ) -> None:
        self.model = cache.model
        self.cache = cache
        self.chat = chat
        self.sampling = sampling
        self.sampler = Sampler(cache.model.n_vocab)
        self.rules = rules
        self.tile = tile
        self.heads = heads or Heads(cache)
        self._closing = self.model.tokenize(CLOSING, special=True, continued=True)
        self._asking = self.model.tokenize("\n" + ASKING, continued=True)
        self._kept = min(_MOST_KEPT, rules.context // 8)

    def using(self, sampling: Mapping[Kind, Sampling], rules: StepRules) -> Policy:
        """A policy that writes in another way, in the same cache."""
        return Policy(self.cache, self.chat, sampling, rules, self.tile, self.heads)

    def open(self, tokens: Sequence[int]) -> Branch:
        """Decode a prompt, but for what the cache holds of it already, into a branch of its own.

        Where that is given up on the way (`stopping.given_up_once`), nothing can be written on the branch.
        """
        unknown = np.zeros(self.model.n_vocab, np.float32)
        try:
            sequence = self.heads.begin(tokens)
        except GivenUp:
            return Branch(self.cache.new(), unknown)
        rest = TokenRun(sequence, tokens[self.cache.length(sequence) :])
        try:
            return Branch(sequence, self.cache.decode([rest]).logits[0].copy())
        except GivenUp:
            return Branch(sequence, unknown)
        except BaseException:
            self.cache.drop(sequence)
            raise

    def fork(self, branch: Branch) -> Branch:
        """A second branch from the same place; it shares cells and logits."""
        return Branch(self.cache.fork(branch.sequence), branch.logits)

    def rewind(self, places: Sequence[tuple[Branch, Sequence[int]]]) -> None:
        """Bring each branch back to where it held these tokens and no more.

        Logits of earlier places are not kept: each branch's last token is decoded again, all of them
        in one batch.
        """
        for branch, tokens in places:
            self.cache.rewind(branch.sequence, len(tokens) - 1)
        runs = [TokenRun(branch.sequence, tokens[-1:]) for branch, tokens in places]
        logits = self.cache.decode(runs).logits
        for (branch, _), row in zip(places, logits, strict=True):
            branch.logits = row.copy()

    def drop(self, branch: Branch) -> None:
        self.cache.drop(branch.sequence)

    def begin(self, draft: StepDraft) -> None:
        """Draw a draft's first token."""
        draft.thinking = is_thinking(draft.particle)
        self._draw(draft, draft.branch.logits)

    def row(self, draft: StepDraft) -> object:
        """Equal for drafts whose pending tokens take one row of a decode between them."""
        return self.cache.place(draft.branch.sequence), draft.pending

    def advance(self, drafts: Sequence[StepDraft]) -> None:
        """One decode for all drafts that are not done, and the next token for each."""
        writing = [draft for draft in drafts if draft.pending is not None]
        if not writing:
            return
        traced = any(draft.wants_state for draft in writing)
        runs = [TokenRun(d.branch.sequence, (d.pending,)) for d in writing if d.pending is not None]
        outputs = self.cache.decode(runs, hidden=traced, padding=partial(padding, tile=self.tile))
        for index, draft in enumerate(writing):
            draft.pending = None
            draft.saved += outputs.saved[index]
            row = outputs.logits[index]
            if draft.wants_state and outputs.hidden is not None:
                draft.hidden.append(outputs.hidden[index].copy())
                if outputs.inner is not None:
                    draft.inner.append(outputs.inner[index])
            if draft.complete:
                draft.branch.logits = row.copy()
                draft.done = True
            else:
                self._draw(draft, row)

    def trace(self, draft: StepDraft) -> Trace | None:
        """The trace of a draft that is done; None if it was not to be traced."""
        if not draft.traced:
            return None
        hidden = np.array(draft.hidden, np.float32).reshape(-1, self.model.n_embd)
        layers = (len(hidden), self.cache.layers, self.model.n_embd)
        inner = np.array(draft.inner, np.float32).reshape(layers)
        return Trace(tuple(draft.uncertainties), tuple(draft.pieces), hidden, inner)

    def _draw(self, draft: StepDraft, row: Logits) -> None:
        """Draw the next token and see whether the step, or the particle, ends with it."""
        if self._is_full(draft):
            self._end(draft, row, Finish.TRUNCATED)
            return
        token, uncertainty = self._next(draft, row)
        if self.model.is_end(token):
            draft.note(uncertainty, b"")
            self._end(draft, row, Finish.END)
            return

        piece = self.model.piece(token)
        draft.pending = token
        draft.tokens.append(token)
        draft.data += piece
        was_thinking = draft.thinking
        if b">" in piece:
            draft.thinking = is_thinking(draft.particle, bytes(draft.data))
        if was_thinking or draft.thinking:
            draft.thought += 1
            draft.circling = draft.circling or repeats_itself(draft.tokens)
            return
        draft.note(uncertainty, piece)
        if not draft.forced:
            self._look(draft, piece)

    def _next(self, draft: StepDraft, row: Logits) -> tuple[int, TokenUncertainty]:
        """The next token: drawn, or one of those that close a thought and ask for the answer."""
        draft.forced = draft.forced or self._due(draft)
        if not draft.forced:
            how = _GREEDY if draft.greedy else self.sampling[draft.particle.kind]
            token = self.sampler.draw(row, how, draft.rng)
            if not (draft.thinking and self.model.is_end(token)):
                return token, self.sampler.uncertainty(row, token) if draft.traced else _CERTAIN
            draft.forced = list(self._closing)
        return draft.forced.pop(0), _CERTAIN

    def _due(self, draft: StepDraft) -> list[int]:
        """Tokens to write so that an answer follows in time; none while there is time."""
        left = self.rules.context - self.cache.length(draft.branch.sequence)
        if draft.thinking:
            budget = self.rules.thinking_tokens
            is_over = draft.circling or (budget is not None and draft.thought >= budget)
            return list(self._closing) if is_over or left <= len(self._closing) + self._kept else []
        if left == len(self._asking) + min(self._kept, _LAST):
            return list(self._asking) if has_thought(draft.particle, bytes(draft.data)) else []
        return []

    def _look(self, draft: StepDraft, piece: bytes) -> None:
        """See whether the step, or the particle, ends with the pending token."""
        if any(mark in piece for mark in _ENDINGS[draft.particle.kind]):
            draft.complete, draft.finish = step_end(draft.particle, bytes(draft.data))
        if draft.finish is None and repeats_itself(draft.tokens):
            draft.complete, draft.finish = True, Finish.LOOP
        if len(draft.tokens) - draft.thought >= self.rules.max_step_tokens:
            draft.complete = True
        if draft.complete and draft.finish is None:
            draft.finish = self._particle_ends(draft)

    def _is_full(self, draft: StepDraft) -> bool:
        """Whether the particle may hold no further token."""
        if self.cache.length(draft.branch.sequence) >= self.rules.context:
            return True
        written = draft.particle.n_tokens + len(draft.tokens)
        is_program = draft.particle.kind is Kind.PROGRAM
        return is_program and written >= self.rules.max_program_tokens

    def _particle_ends(self, draft: StepDraft) -> Finish | None:
        if steps_repeat((*draft.particle.steps, draft.step)):
            return Finish.LOOP
        if len(draft.particle.steps) + 1 >= self.rules.max_steps:
            return Finish.MAX_STEPS
        return None

    def _end(self, draft: StepDraft, row: Logits, finish: Finish) -> None:
        """End without a further token."""
        draft.branch.logits = row.copy()
        draft.finish = finish
        draft.done = True
