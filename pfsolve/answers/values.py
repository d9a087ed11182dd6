"""Values that need no algebra, and who decides about the others."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

from pfsolve.answers.normalise import is_words, key
from pfsolve.answers.numerals import based, exactly, number, same_number, same_time


class Undecided(Exception):
    """The quick judge cannot tell."""


class Judge(NamedTuple):
    """Who decides what texts alone do not."""

    same_value: Callable[[str, str], bool]  # two values without units
    conversion: Callable[[str, str], Fraction | None]  # two units: see `conversion`


_WORDS = {"true": "yes", "false": "no"}
_CHOICE = re.compile(r"(?:option|choice)?\s*\(?([A-Z])\)?[.:)]?", re.IGNORECASE)


def quick_same_value(a: str, b: str) -> bool:
    """Whether two values are the same as texts, numbers, times of day or words.

    Raises:
        Undecided: at least one of them is a formula.
    """
    a, b = (_WORDS.get(text.lower(), text) for text in (a, b))
    if key(exactly(a)) == key(exactly(b)):
        return True
    if (numeral := based(a)) or based(b):
        return numeral == based(b)  # 101_2 is no other spelling of 101
    numbers = number(exactly(a).rstrip("% ")), number(exactly(b).rstrip("% "))
    if numbers[0] is not None and numbers[1] is not None:
        return same_number(numbers[0], numbers[1], a, b)
    if (verdict := same_time(a, b)) is not None:
        return verdict
    if (choice := _CHOICE.fullmatch(a)) and (other_choice := _CHOICE.fullmatch(b)):
        return choice[1].upper() == other_choice[1].upper()
    if "\\emptyset" in {a, b}:
        return False
    if all(
        is_words(text) or value is not None for text, value in zip((a, b), numbers, strict=True)
    ):
        return False
    raise Undecided


def _unknown(_a: str, _b: str) -> Fraction | None:
    raise Undecided


QUICK = Judge(quick_same_value, _unknown)
