"""What came of a problem, and what a reward says of a solution."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pfsolve.answers import spoken
from pfsolve.particle import Kind, Particle
from pfsolve.programs import writing
from pfsolve.search.selection import Candidate
from pfsolve.settings import Settings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_INLINE, _APART = (
    re.compile(rf"(?<!\\)\\{a}(.+?)(?<!\\)\\{b}", re.DOTALL)
    for a, b in (("\\(", "\\)"), ("\\[", "\\]"))
)
_WORDS = re.compile(r"[A-Za-z]{2}")  # what LaTeX would set as a product, where no command is


@dataclass(frozen=True, slots=True)
class Solution:
    """What came of a problem, with n particles: fewer than settings allow where it ended early.

    `best` is the particle that the answer is taken from, `text` what it wrote, `steps` that step by step.
    """

    problem: str
    answer: str | None
    agreement: float  # the answer's share of the weight, 0 to 1
    candidates: tuple[Candidate, ...]  # all answers, the heaviest first
    particles: tuple[Particle, ...] = field(repr=False)  # (n,) final population
    weights: tuple[float, ...]  # (n,) of the final population, normalised
    log_evidence: float | None  # None where the method has none
    settings: Settings  # with everything resolved that was left open; they reproduce the result
    seed: int  # the problem's own
    versions: dict[str, str]  # of programs and libraries; sha256 of model files
    tokens: int  # written by the policy
    reward_tokens: int  # read to score them, by whichever model
    seconds: float  # of the search
    load_seconds: float  # of loading the models
    interrupted: bool = False  # whether the user stopped it before its end
    out_of_time: bool = False  # whether its time was up before that: it cannot be reproduced
    redrawn: int = 0  # number of times a dead particle was drawn again
    prompt_tokens: int = 0  # that ask for solutions, those of each kind once
    prompt_tokens_saved: int = 0  # of them, in the cache already since an earlier problem
    rows_saved: int = 0  # of `tokens`, decoded in the row of another particle that was still alike
    sandbox_seconds: float = 0.0  # of its programs' runs, all added up; they run beside the search
    chosen: int | None = (
        None  # index of the particle that the answer is taken from, if there is one
    )

    @property
    def best(self) -> Particle | None:
        """The particle that the answer is taken from: the heaviest of those that agree on it."""
        return None if self.chosen is None else self.particles[self.chosen]

    @property
    def text(self) -> str | None:
        """The solution as the policy wrote it, with its LaTeX; of a program its code."""
        return None if self.best is None else self.best.text

    @property
    def steps(self) -> tuple[str, ...]:
        """The texts of its steps, which together are `text`; none without an answer."""
        return () if self.best is None else self.best.texts

    def __repr__(self) -> str:
        cut = [name for name in ("interrupted", "out_of_time") if getattr(self, name)]
        parts = (
            f"answer={self.answer!r}",
            f"agreement={self.agreement:.3g}",
            f"particles={len(self.particles)}",
            f"tokens={self.tokens}",
            f"seconds={self.seconds:.3g}",
            f"seed={self.seed}",
            *(f"{name}=True" for name in cut),
        )
        return f"Solution({', '.join(parts)})"

    def _repr_markdown_(self) -> str:
        """The solution and its answer, for notebooks."""
        answer = self._repr_latex_()
        parts = [*_written(self.best), f"**Answer:** {answer}" if answer else "*No answer*"]
        return "\n\n".join(parts)

    def _repr_latex_(self) -> str | None:
        """The answer, for notebooks; None without one."""
        return None if self.answer is None else _formula(self.answer)


@dataclass(frozen=True, slots=True)
class ScoredSolution:
    """What a reward says of a solution of L steps."""

    log_odds: NDArray[np.float64]  # (L,) of the prefix that ends with each step, in [-inf, inf)
    tokens: int  # read for it by the policy and by the reward's own model
    seconds: float


def _written(best: Particle | None) -> list[str]:
    """What a particle wrote, as Markdown with dollars around its mathematics."""
    if best is None:
        return []
    if best.kind is Kind.PROGRAM:
        blocks = [("python", writing.program(best.text)), ("", best.output or "")]
        return [f"```{language}\n{text.strip()}\n```" for language, text in blocks if text]
    text = spoken(best.text, blank="").strip()
    text = _APART.sub(lambda found: f"$${found[1].strip()}$$", text)
    return [_INLINE.sub(lambda found: f"${found[1].strip()}$", text)]


def _formula(answer: str) -> str:
    """An answer as LaTeX; words that no command says so are text."""
    if answer.count("$") == 2:  # it says itself where its mathematics is
        return answer
    words = "\\" not in answer and _WORDS.search(answer)
    answer = re.sub(r"(?<!\\)[%$#]", r"\\\g<0>", answer)
    return rf"$\text{{{answer}}}$" if words else f"${answer}$"
