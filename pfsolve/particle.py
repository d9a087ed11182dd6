"""A particle: an immutable chain of reasoning steps. Also what ends a step or a particle.

Tokens are the truth and text is derived from them: a step keeps both its token ids and their bytes,
since UTF-8 can break inside a token, and nothing is ever tokenised again.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import accumulate, pairwise
from typing import Any

from pfsolve.answers import (
    boxed_answer,
    ends_a_thought,
    ends_in_thought,
    extract_answer,
    is_boxed,
    spoken,
)
from pfsolve.programs import writing
from pfsolve.programs.base import ProgramResult


class Kind(StrEnum):
    """What a solution is written as."""

    TEXT = "text"  # reasoning in words, which ends in an answer
    PROGRAM = "program"  # Python, which prints the answer when it runs


class Finish(StrEnum):
    """Why a particle takes no further step."""

    END = "end"  # the model said so, with an end-of-generation token
    BOXED = "boxed"  # the line or the sentence of a complete \boxed{...} is over
    MAX_STEPS = "max_steps"
    TRUNCATED = "truncated"  # it would outgrow the context, or the length of a program
    LOOP = "loop"  # it repeats itself
    FAILED = "failed"  # its program raised, or ended without printing an answer
    INTERRUPTED = "interrupted"  # the user stopped the search, and it was cut at any token
    OUT_OF_TIME = "out_of_time"  # the search's time was up, and it was cut likewise
    SETTLED = "settled"  # the others had settled the vote


CUT = (Finish.INTERRUPTED, Finish.OUT_OF_TIME)


@dataclass(frozen=True, slots=True)
class Step:
    """One reasoning step of L tokens."""

    tokens: tuple[int, ...] = field(repr=False)  # (L,) ids, without an end-of-generation token
    data: bytes  # those of the tokens
    slot: int  # of the particle that wrote it: a chain of steps is also its line of ancestors
    log_odds: float | None = None  # of the prefix that ends here, once scored
    result: ProgramResult | None = None  # of a program up to here, once it ran


@dataclass(frozen=True, slots=True)
class Particle:
    """A partial or finished solution. A fork shares its steps."""

    steps: tuple[Step, ...] = ()
    finish: Finish | None = None
    kind: Kind = Kind.TEXT
    opening: str = ""  # what its prompt has begun of it: "<think>" where it starts in a thought

    @property
    def text(self) -> str:
        """The whole solution so far, behind its opening."""
        data = b"".join(step.data for step in self.steps)
        return self.opening + data.decode("utf-8", errors="replace")

    @property
    def step_texts(self) -> list[str]:
        """The text of each step without what was thought, which is no step for a reward.

        A character that a step's end has cut in two belongs to the later step.
        """
        texts = self._decoded(whole=False)
        said = spoken(self.opening + "".join(texts), blank="\0")
        ends = accumulate(map(len, texts), initial=len(self.opening))
        return [said[start:end].replace("\0", "") for start, end in pairwise(ends)]

    @property
    def texts(self) -> tuple[str, ...]:
        """The text of each step; all of them together are the text behind its opening."""
        return tuple(self._decoded(whole=True))

    def _decoded(self, *, whole: bool) -> list[str]:
        """The text of each step. A character that a step's end has cut belongs to the later step.

        Args:
            whole: whether half a character at the end of all is shown as one that is missing.
        """
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        last = len(self.steps) - 1
        return [
            decoder.decode(step.data, final=whole and index == last)
            for index, step in enumerate(self.steps)
        ]

    @property
    def n_tokens(self) -> int:
        return sum(len(step.tokens) for step in self.steps)

    @property
    def tokens(self) -> tuple[int, ...]:
        """Ids of all its steps."""
        return tuple(token for step in self.steps for token in step.tokens)

    @property
    def answer(self) -> str | None:
        """The final answer of a finished particle, or None.

        That of a program is what it printed, also before it was cut. Only a box counts in a text that
        was stopped: the last number of half a solution is no answer.
        """
        if self.finish in (None, Finish.LOOP, Finish.FAILED):
            return None
        if self.kind is Kind.PROGRAM:
            may_print = self.finish in (Finish.END, *CUT)
            return self.result.answer if self.result and may_print else None
        if self.finish in (Finish.END, Finish.BOXED):
            return extract_answer(self.text)
        return boxed_answer(self.text)

    @property
    def result(self) -> ProgramResult | None:
        """Of the newest run of a program; None for a text, and before the first run."""
        return next((step.result for step in reversed(self.steps) if step.result), None)

    @property
    def output(self) -> str | None:
        """What a program printed when it last ran."""
        return self.result.output if self.result else None

    @property
    def program(self) -> str | None:
        """The part of a program that can run: all of it once it is over, before that what stays as it is.

        None for a text, while there is nothing that runs, and for a program that was stopped or failed.
        """
        if self.kind is Kind.TEXT or self.finish not in (None, Finish.END):
            return None
        code = writing.program(self.text)
        if self.finish is Finish.END:
            return code
        return writing.settled(code) or None

    @property
    def is_dead(self) -> bool:
        """Whether no answer can come of it: it goes in circles, or is a program that failed or was cut."""
        if self.finish in (Finish.LOOP, Finish.FAILED):
            return True
        was_cut = self.finish in (Finish.MAX_STEPS, Finish.TRUNCATED)
        return was_cut and self.kind is Kind.PROGRAM

    @property
    def error(self) -> str | None:
        """Why a program failed, in one line."""
        if self.finish is not Finish.FAILED:
            return None
        return (self.result and self.result.error) or "it prints no answer"

    def extended(self, step: Step, finish: Finish | None) -> Particle:
        return replace(self, steps=(*self.steps, step), finish=finish)

    def rewound(self, steps: int) -> Particle:
        """Its first `steps` steps, unfinished."""
        return replace(self, steps=self.steps[:steps], finish=None)

    def ended(self, finish: Finish) -> Particle:
        """This particle, finished for that reason unless it is finished already."""
        return self if self.finish is not None else replace(self, finish=finish)

    def scored(self, log_odds: float) -> Particle:
        """This particle with its newest step's log-odds set."""
        return self._revised(log_odds=log_odds)

    def ran(self, result: ProgramResult) -> Particle:
        """This particle with what came of its program; one that failed has finished.

        A program that is over fails too if it has printed no answer.
        """
        over = self.finish is Finish.END
        failed = result.error is not None or (over and result.answer is None)
        particle = self._revised(result=result)
        return replace(particle, finish=Finish.FAILED) if failed else particle

    def _revised(self, **fields: Any) -> Particle:
        """This particle with its newest step changed."""
        return replace(self, steps=(*self.steps[:-1], replace(self.steps[-1], **fields)))


_BLANK_LINES = re.compile(r"\n(?:[^\S\n]*\n)+")

SHORTEST_SOLUTION = 16  # tokens that must fit into the context behind a problem


@dataclass(frozen=True, slots=True)
class StepRules:
    """Limits on steps."""

    max_steps: int = 40  # of a particle
    max_step_tokens: int = 256  # of a step, without its thoughts
    context: int = 2048  # tokens of prompt and solution
    # Of a program. Of 170 that were right, from the default policy, none had more than 262; those that
    # go on and on would be drawn again and do the same.
    max_program_tokens: int = 512
    thinking_tokens: int | None = None  # of a thought, before it is closed; None for no such limit


def step_end(particle: Particle, data: bytes) -> tuple[bool, Finish | None]:
    """Whether these bytes of a particle's next step complete it, and why the particle ends with it.

    A thought is part of one step: no blank line and no box in it ends anything.
    """
    before = particle.text
    text = before + data.decode("utf-8", errors="replace")
    if particle.kind is Kind.TEXT:
        if ends_in_thought(text):
            return False, None
        said = spoken(text)
        if is_boxed(said):
            return True, Finish.BOXED
        # A blank line that was forced before the box is seen only now; the box's sentence goes on.
        return boxed_answer(said) is None and step_is_complete(said[len(before) :]), None
    if writing.closed(text):
        return True, Finish.END
    return writing.step_end(text, len(before)) is not None, None


def is_thinking(particle: Particle, data: bytes = b"") -> bool:
    """Whether a particle is in a thought after these bytes of its next step; never in a program."""
    text = particle.text + data.decode("utf-8", errors="replace")
    return particle.kind is Kind.TEXT and ends_in_thought(text)


def has_thought(particle: Particle, data: bytes = b"") -> bool:
    """Whether a particle has ended a thought with these bytes of its next step; never a program."""
    text = particle.text + data.decode("utf-8", errors="replace")
    return particle.kind is Kind.TEXT and ends_a_thought(text)


def step_is_complete(said: str) -> bool:
    """Whether a step's text, with blanks for its thoughts, holds a blank line after something visible.

    Looking at text and not at token ids covers a blank line inside one token, at its end, and one
    split over two tokens, for every vocabulary alike. Leading blank lines belong to the step.
    """
    return "\n\n" in said.lstrip()


def split_steps(text: str) -> tuple[str, ...]:
    """The steps of a whole text solution, as blank lines part them; none of a blank text.

    White space around a step does not belong to it, and a line of white space counts as blank. What was
    thought between <think> and </think> is no step.
    """
    said = spoken(text, blank="")
    return tuple(part.strip() for part in _BLANK_LINES.split(said) if part.strip())


def repeats_itself(tokens: Sequence[int], *, span: int = 96, longest: int = 32) -> bool:
    """Whether the last `span` tokens are one block of at most `longest` tokens, repeated.

    With these defaults the block is there three times or more: mathematics repeats itself, but not to
    the token for that long.
    """
    if len(tokens) < span:
        return False
    tail = list(tokens[-span:])
    return any(tail[period:] == tail[:-period] for period in range(1, longest + 1))


def steps_repeat(steps: Sequence[Step], *, times: int = 3) -> bool:
    """Whether the last steps are one step, or one round of several, `times` in a row to the token."""
    written = [step.tokens for step in steps]
    return any(
        written[-times * period : -period] == written[-(times - 1) * period :]
        for period in range(1, len(written) // times + 1)
    )


def first_alike(particles: Sequence[Particle]) -> list[int]:
    """For each particle (n,) the index of the first one with the same steps, which may be itself."""
    firsts: dict[tuple[bytes, ...], int] = {}
    texts = [tuple(step.data for step in particle.steps) for particle in particles]
    return [firsts.setdefault(text, index) for index, text in enumerate(texts)]
