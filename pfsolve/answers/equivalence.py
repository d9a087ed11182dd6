"""Whether two answers are the same, and which of many are."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from pfsolve.answers import oracle
from pfsolve.answers.damage import mended
from pfsolve.answers.extract import extract_answer
from pfsolve.answers.matching import same
from pfsolve.answers.normalise import key, normalise
from pfsolve.answers.structure import readings
from pfsolve.answers.values import QUICK, Undecided

# Longer answers compare by their normalised text alone.
MAX_LENGTH = 500


def equivalent(a: str, b: str) -> bool:
    r"""Whether two answers are the same: `x = \pm 2`, `{-2, 2}` and `x = 2 or x = -2` are.

    Symmetric and reflexive. Either may be a whole solution, from which the answer is extracted
    first. Never raises and takes at most about two seconds; a pair that takes longer counts as
    different. Results are cached.
    """
    first, second = sorted((_normalised(a), _normalised(b)))
    return _same_text(first, second)


def group_equivalent(answers: Sequence[str | None]) -> list[int | None]:
    """Class of each answer: 0 for the first answer's, 1 for the next that differs, and so on.

    An answer joins the first class whose first member it is equivalent to; None has no class.
    """
    representatives: list[str] = []
    classes: list[int | None] = []
    for answer in answers:
        if answer is None:
            classes.append(None)
            continue
        found = next((i for i, r in enumerate(representatives) if equivalent(r, answer)), None)
        if found is None:
            found = len(representatives)
            representatives.append(answer)
        classes.append(found)
    return classes


@lru_cache(maxsize=4096)
def _normalised(text: str) -> str:
    text = mended(text)
    return normalise(extract_answer(text) or text)


@lru_cache(maxsize=4096)
def _same_text(a: str, b: str) -> bool:
    if key(a) == key(b):
        return True
    if not a or not b or max(len(a), len(b)) > MAX_LENGTH:
        return False
    undecided = False
    for x in readings(a):
        for y in readings(b):
            try:
                if same(x, y, QUICK):
                    return True
            except Undecided:
                undecided = True
    return undecided and oracle.same(a, b)
