r"""The unit behind a value: "10 hours" is 10 and hours, "36^\circ" is 36 and degrees.

A unit is any word behind a number. Which of them are measures, and how they convert, is for the
child process to tell (`conversion`).
"""

from __future__ import annotations

import re

from pfsolve.answers.numerals import number

_CURRENCY = re.compile(r"^(?:US|USD|Rs\.?)\s*(?=[-\d.])")
# Words of three letters and more count as units; "5xy" and "5 xy" are no number of xy.
_UNIT = (
    r"(?:\s*(?<![A-Za-z])(?:[cmk]m|k?g|mg|m[lL]|ft|in|mi|hrs?|lbs?|oz|yd|kW|Hz)"
    r"|\s+(?:m|g|L)(?=/[a-z])|\s+of\s+(?:an?|the)\s+[A-Za-z]+"
    r"|\s+(?!noon|midnight)[A-Za-z]{3,}|(?<![A-Za-z])[A-Za-z]{4,})(?![A-Za-z])\.?"
)
_PER = r"(?:\s*(?:/|\bper\b)\s*[A-Za-z]+(?![A-Za-z])|\s*\^\{?-?\d\}?|-[A-Za-z]+(?![A-Za-z]))*"
_UNIT_WORDS = re.compile(rf"(?:(?<=[\d)}}!%])|(?<=\\pi))(?:{_UNIT}{_PER})+\s*$")
_LETTER = re.compile(rf"(?<=[\d}}])\s+[mgshLVWNJKCF]{_PER}\s*$")  # of a plain number: 5 m
_TRIGONOMETRIC = re.compile(r"\\(?:sin|cos|tan|cot|sec|csc)(?![A-Za-z])")
_DEGREES = re.compile(r"\s*\^\\circ(?:\s*([CF])\b)?")


def split_unit(text: str) -> tuple[str, str]:
    """A value without unit, currency or degree sign, and its unit; "" if it has none."""
    text = _CURRENCY.sub("", text.strip()).strip()
    unit = ""
    if not _TRIGONOMETRIC.search(text) and (degrees := _DEGREES.search(text)):
        unit = f"deg{degrees[1]}" if degrees[1] else "degree"
        text = _DEGREES.sub("", text)
    words = _UNIT_WORDS.search(text)
    if not words and (letter := _LETTER.search(text)) and number(text[: letter.start()]):
        words = letter
    if words and (value := text[: words.start()].strip()):
        return value, words[0].strip()
    return text, unit


def same_spelling(a: str, b: str) -> bool:
    """Whether two units are the same but for spaces, dots, case and a plural."""
    return _plain(a) == _plain(b)


def _plain(unit: str) -> str:
    words = re.sub(r"[{}.\s]+", " ", unit).split()
    return "".join(word.lower().removesuffix("s") if len(word) > 2 else word for word in words)
