"""Whether two answers are the same, and which of many are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from pfsolve.answers import oracle
from pfsolve.answers.extract import extract_answer
from pfsolve.answers.matching import Undecided, quick_same_value, same
from pfsolve.answers.normalise import key, normalise
from pfsolve.answers.structure import Node, parse

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
    return normalise(extract_answer(text) or text)


@lru_cache(maxsize=4096)
def _same_text(a: str, b: str) -> bool:
    if key(a) == key(b):
        return True
    if not a or not b or max(len(a), len(b)) > MAX_LENGTH:
        return False
    undecided = False
    for x in _readings(a):
        for y in _readings(b):
            try:
                if same(x, y, quick_same_value):
                    return True
            except Undecided:
                undecided = True
    return undecided and oracle.same(a, b)


@lru_cache(maxsize=4096)
def _readings(text: str) -> tuple[Node, ...]:
    """The trees of an answer, which may be read in several ways.

    "100,200" may be a number or a list, "1,5" a list or a decimal, "(B) 5" a choice or what it says.
    """
    trees = [parse(text)]
    if re.fullmatch(r"-?\d{1,3}(?:,\d{3})+", text):
        trees.append(parse(text.replace(",", ", ")))
    elif re.fullmatch(r"-?(?:\d+|\d{1,3}(?:\.\d{3})+),\d+|-?\d{1,3}(?:\.\d{3}){2,}", text):
        trees.append(parse(text.replace(".", "").replace(",", ".")))
    elif choice := re.fullmatch(r"\(?([A-H])[).:]\s*([-\d\\(\[].*|[A-Za-z]{2,}.*)", text):
        trees += [parse(choice[1]), parse(choice[2])]
    return tuple(trees)
