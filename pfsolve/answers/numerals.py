"""Numbers as they are written: exact values, what a rounded one may stand for, times of day."""

from __future__ import annotations

import re
from fractions import Fraction

_THOUSANDS = re.compile(r"\d{1,3}(?:[ ,]\d{3})+(?!\d)")
_DECIMAL = r"(?:\d+(?:\.\d*)?|\.\d+)"
_POWER_OF_TEN = re.compile(
    rf"({_DECIMAL})e([+-]?\d{{1,3}})|(?:({_DECIMAL})(?:\*|\\cdot))?10\^\{{?([+-]?\d{{1,3}})\}}?",
    re.IGNORECASE,
)
# 0.1\overline{6}, 0.1(6); 0.1666\ldots repeats what its digits end in at least twice.
_REPEATING = re.compile(r"(\d*)\.(\d*)(?:\\overline\{(\d+)\}|\((\d+)\))")
_CONTINUED = re.compile(r"(\d*)\.(\d*?)(\d+?)\3+\\ldots")
_FRACTION = re.compile(
    rf"(?:\\frac\{{(-?{_DECIMAL})\}}\{{(-?{_DECIMAL})\}}|({_DECIMAL})/({_DECIMAL}))"
)
_MIXED = re.compile(r"(\d[\d ]*?)(?: +(\d+)/(\d+)| *\\frac\{(\d+)\}\{(\d+)\})")
_NUMBER_LENGTH = 400


def number(text: str) -> Fraction | None:
    """Exact value of a plain number: 12, 1.5, 3/4, 1 1/2, 1,234, 3e-7, 0.\\overline{3}, 0.(3).

    Returns None for everything else, division by zero and numbers of absurd length included.
    """
    if not text or len(text) > _NUMBER_LENGTH or not re.search(r"\d", text):
        return None
    text = text.strip()
    sign = 1
    while text and text[0] in "+-":
        sign, text = (-sign if text[0] == "-" else sign), text[1:].strip()
    try:
        value = _unsigned(text)
    except (ValueError, ZeroDivisionError):
        return None
    return None if value is None else sign * value


def _unsigned(text: str) -> Fraction | None:
    text = _THOUSANDS.sub(lambda m: re.sub("[ ,]", "", m[0]), text)
    if re.fullmatch(_DECIMAL, text):
        return Fraction(text)
    if mixed := _MIXED.fullmatch(text):
        top, bottom = (mixed[2], mixed[3]) if mixed[2] else (mixed[4], mixed[5])
        return Fraction(mixed[1].replace(" ", "")) + Fraction(int(top), int(bottom))
    if re.search(r"\d \d", text):  # several numbers
        return None
    text = text.replace(" ", "")
    while text.startswith("{") and text.endswith("}") and "{" not in text[1:]:
        text = text[1:-1]
    if re.fullmatch(_DECIMAL, text):
        return Fraction(text)
    if fraction := _FRACTION.fullmatch(text):
        top, bottom = (fraction[1], fraction[2]) if fraction[1] else (fraction[3], fraction[4])
        return Fraction(top) / Fraction(bottom)
    if power := _POWER_OF_TEN.fullmatch(text):
        return Fraction(power[1] or power[3] or 1) * Fraction(10) ** int(power[2] or power[4])
    if repeating := _REPEATING.fullmatch(text) or _CONTINUED.fullmatch(text):
        whole, start, *periods = repeating.groups()
        period = next(filter(None, periods))
        head = Fraction(f"{whole or 0}.{start or 0}")
        return head + Fraction(int(period), (10 ** len(period) - 1) * 10 ** len(start))
    return None


def same_number(x: Fraction, y: Fraction, a: str, b: str) -> bool:
    """Whether numbers x and y, written a and b, are equal: exactly, or to a long decimal's digits.

    A percentage equals both its number and its hundredth: 62.5% is 62.5 and 0.625.
    """
    if a.endswith("%") != b.endswith("%"):
        percentage, plain = (x, y) if a.endswith("%") else (y, x)
        return plain in {percentage, percentage / 100}
    return x == y or abs(x - y) < max(resolution(a), resolution(b))


_APPROXIMATELY = r"\approx"
_LONG_DECIMAL = re.compile(
    r"-?(\d*)\.(\d+)(?:e([+-]?\d{1,3})|\s*\\cdot\s*10\^\{?([+-]?\d{1,3})\}?)?", re.IGNORECASE
)
_ROUNDED = re.compile(r"-?(\d*)(?:\.(\d+))?")


def exactly(text: str) -> str:
    r"""A value without what says that it is rounded: `\approx 1.73` is 1.73."""
    return text.removeprefix(_APPROXIMATELY).strip().removesuffix(r"\ldots").strip()


def resolution(text: str) -> Fraction:
    r"""How far from the truth a decimal may lie: one unit of its last place if it is long, else 0.

    Six significant digits, or four among six decimals, are a rounded value; 5.1 is 5.1. So are
    eleven digits of a number without decimals, 1.2676506002 \cdot 10^{30}. A number of three digits, or
    two and a point, that says that it is rounded, `\approx 1.73`, is half a unit from the truth.
    """
    plain = exactly(text).replace(",", "").rstrip("% ")
    if plain != text.replace(",", "").rstrip("% ") and (match := _ROUNDED.fullmatch(plain)):
        decimals = len(match[2] or "")
        if len((match[1] + (match[2] or "")).lstrip("0")) < (2 if decimals else 3):
            return Fraction(0)
        # A little more than half, for what lies between; dots come after digits cut off.
        units = 1 if text.endswith("ldots") else Fraction(51, 100)
        return Fraction(10) ** -decimals * units
    if not (match := _LONG_DECIMAL.fullmatch(plain)):
        return Fraction(0)
    decimals = len(match[2]) - int(match[3] or match[4] or 0)
    significant = len((match[1] + match[2]).lstrip("0"))
    enough = 11 if decimals <= 0 else 4 if decimals >= 6 else 6
    return Fraction(10) ** -decimals if significant >= enough else Fraction(0)


_BASED = re.compile(
    r"\(?([\da-zA-Z]*\d[\da-zA-Z]*|[A-Fa-f]+)\)?\s*_\s*(?:(\d)|\{\s*\(?(\d{1,2})\)?\s*\})"
)


def based(text: str) -> tuple[str, int] | None:
    """Digits and base of a numeral with an index, `101_2`, `(2f)_{16}`; None for anything else."""
    match = _BASED.fullmatch(text)
    if not match or (match[1].isalpha() and not match[3]):  # A_1
        return None
    return match[1].lower().lstrip("0"), int(match[2] or match[3])


_CLOCK = re.compile(
    r"(\d{1,2})(?::(\d{2}))?(?:\s*([ap])\.?\s*m\.?)?|(?:12\s*)?(noon|midnight)", re.IGNORECASE
)


def same_time(a: str, b: str) -> bool | None:
    """Whether two times of day are the same: 8 P.M. is 20:00, noon 12:00; 3:30 may be 3:30 pm.

    Returns None if one of the texts is no time of day.
    """
    x, y = _CLOCK.fullmatch(a.strip()), _CLOCK.fullmatch(b.strip())
    if not x or not y or not any(x.groups()[1:]) or not any(y.groups()[1:]):
        return None
    apart = abs(_minutes(x) - _minutes(y))
    half_day_open = bool(x[3]) != bool(y[3]) and max(int(x[1] or 13), int(y[1] or 13)) <= 12
    return apart == 0 or (apart == 720 and half_day_open)


def _minutes(time: re.Match[str]) -> int:
    if time[4]:
        return 720 if time[4].lower() == "noon" else 0
    hour = int(time[1])
    if time[3]:
        hour = hour % 12 + (12 if time[3].lower() == "p" else 0)
    return 60 * hour + int(time[2] or 0)
