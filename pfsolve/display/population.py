"""What the events of a solve add up to at any moment, and how a particle reads on one line."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace

from pfsolve.display.latex.terminal import split_unfinished, to_terminal
from pfsolve.display.text import one_line
from pfsolve.events import Began, Ended, Event, ParticleRow, Progressed, Resampled, StepScored

_LONGEST_LINE = 400  # characters of a line that can matter to a terminal

# A line that only opens or closes something, and would say nothing in a table.
_BARE = re.compile(
    r"(?:\\[\[\]]|\\(?:begin|end)\{\w++\*?\}|\$\$|```\w*+|[-=*_]{3,}+|[\s.,\ufffd]++)*+", re.ASCII
)
# Markdown, but not 2**3.
_BOLD = re.compile(r"(?<![\w)])\*\*(\S|\S.*?\S)\*\*(?!\w)")
_OPEN_DOLLAR = re.compile(r"\$(?=[^\s\d$][^$]*$)")  # no price: a formula that goes on
_HEADING = re.compile(r"^#{1,6}\s+")


@dataclass(frozen=True, slots=True)
class SolveView:
    """A search as its events have told it so far.

    n: particles. prompt_tokens: length of the prompt. step, ess, tokens, seconds, rows: as in
    `Progressed`. scored, resampled: the last step that was scored, and the last after which
    particles were resampled (0: none yet).
    """

    n: int = 0
    prompt_tokens: int = 0
    step: int = 0
    ess: float = 0.0
    tokens: int = 0
    seconds: float = 0.0
    rows: tuple[ParticleRow, ...] = ()
    scored: int = 0
    resampled: int = 0

    def after(self, event: Event) -> SolveView:
        """This population once `event` has happened."""
        match event:
            case Began():
                return SolveView(n=event.particles, prompt_tokens=event.prompt_tokens)
            case Progressed():
                return replace(
                    self,
                    step=event.step,
                    ess=event.ess,
                    rows=event.rows,
                    tokens=event.tokens,
                    seconds=event.seconds,
                )
            case StepScored():
                rows = self.rows
                if len(event.weights) == len(rows):
                    rows = tuple(map(_weighed, rows, event.weights, event.log_odds))
                return replace(self, step=event.step, scored=event.step, ess=event.ess, rows=rows)
            case Resampled():
                return replace(self, resampled=event.step)
            case Ended():
                return replace(self, rows=event.rows, tokens=event.tokens, seconds=event.seconds)
            case _:
                return self

    def leading_answers(self, most: int = 3) -> list[tuple[str, float]]:
        """The answers with the largest shares of the weight, as shown text with that share.

        Answers that look the same count as the same.
        """
        shares: dict[str, float] = {}
        for row in self.rows:
            if row.answer is not None and (shown := readable_answer(row.answer)):
                shares[shown] = shares.get(shown, 0.0) + row.weight
        return sorted(shares.items(), key=lambda item: -item[1])[:most]


def readable_answer(answer: str) -> str:
    """An answer as one line of terminal text."""
    answer = one_line(answer)
    return " ".join(to_terminal(answer).split()) or answer


def last_line(text: str) -> str:
    """The last line of a growing solution that says something, as terminal text.

    What is still being written, an unclosed brace and all that follows it, stays as it is.
    """
    for line in reversed(text.splitlines()):
        if _BARE.fullmatch(line):
            continue
        line = one_line(line).rstrip("\ufffd")  # a character whose last bytes are yet to come
        if len(line) > _LONGEST_LINE:
            line = line[-_LONGEST_LINE:].partition(" ")[2] or line[-_LONGEST_LINE:]
        line = _HEADING.sub("", _BOLD.sub(r"\1", line), count=1)
        done, unfinished = split_unfinished(line)
        if done.count("$") % 2:
            done = _OPEN_DOLLAR.sub("", done)
        space = " " if done.endswith(" ") else ""
        if shown := " ".join((to_terminal(done) + space + unfinished).split()):
            return shown
    return ""


def _weighed(row: ParticleRow, weight: float, log_odds: float) -> ParticleRow:
    return replace(row, weight=weight, score=0.5 * (1 + math.tanh(0.5 * log_odds)))
