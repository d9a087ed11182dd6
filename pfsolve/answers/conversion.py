"""How units convert, by pint. For the child process only: it takes a second to load."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache
from typing import Any

import pint

_registry: Any = pint.UnitRegistry(non_int_type=Fraction)
_registry.define("dollar = [money]")
_registry.define("cent = 1/100 dollar")


@lru_cache(maxsize=2048)
def conversion(a: str, b: str) -> Fraction | None:
    """How many of unit b one unit a is, 0 if they measure different things.

    Returns None if one of them is no measure: 5 apples are 5 fruits.
    """
    x, y = _unit(a), _unit(b)
    if x is None or y is None:
        return None
    if x.dimensionality != y.dimensionality:
        return Fraction(0)
    try:
        if _registry.Quantity(0, x).to(y).magnitude:  # degrees Celsius and Fahrenheit
            return Fraction(0)
        return Fraction(_registry.Quantity(Fraction(1), x).to(y).magnitude)
    except pint.PintError:
        return Fraction(0)


def _unit(text: str) -> Any:
    """The unit that a text names; None if it is none of pint's, or only by a stretch."""
    text = re.sub(r"\s*\^\s*", "**", re.sub(r"[{}]|\.$", "", text))
    for spelling in (text, text.lower(), text.lower().partition(" ")[0]):  # years old
        if all(map(_is_plain, re.findall(r"[A-Za-z]+", spelling))):
            try:
                return _registry.Unit(spelling)
            except Exception:  # pint raises anything on what is no unit
                continue
    return None


def _is_plain(word: str) -> bool:
    """Whether a word is no unit behind a prefix of one letter: cats are no centiatmospheres."""
    if len(word) < 4:
        return True
    names = _registry.parse_unit_name(word)
    return not names or any(not prefix or word.startswith(prefix) for prefix, _, _ in names)
