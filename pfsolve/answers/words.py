"""Numbers in words: "forty-two", "two thirds", "3.5 million", "minus five", "2 and a half"."""

from __future__ import annotations

import re
from fractions import Fraction

_SMALL = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety
"""
_SCALES = {"dozen": 12, "hundred": 100, "thousand": 10**3} | {
    name: 10**power for name, power in (("million", 6), ("billion", 9), ("trillion", 12))
}
_PARTS = {"half": 2, "halve": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6}
_PARTS |= {"seventh": 7, "eighth": 8, "ninth": 9, "tenth": 10}

_BIG = "|".join(_SCALES)
_WORD = "|".join([*_SMALL.split(), *(name for name in _SCALES if name != "dozen")])
_PART = rf"(?P<part>{'|'.join(_PARTS)})s?(?![A-Za-z])"
_NUMBER = r"(?:\d+ )?\d+/[1-9]\d*|\d[\d,]*(?:\.\d+)?"
# 3.5 million, 2 1/2 million, a dozen; the words of a number, and of a part: two thirds; 2 and a half
_SCALED = re.compile(rf"(?<![\w./])({_NUMBER}|an?)[\s~]+({_BIG})s?(?![A-Za-z])", re.IGNORECASE)
_WORDS = re.compile(
    rf"(?<![\\A-Za-z-])(?P<number>(?:{_WORD})(?:(?:[\s-]+|(?<=dred) and |(?<=sand) and )(?:{_WORD}))*"
    rf"|an?(?=[\s-]+(?:{'|'.join(_PARTS)}|{_BIG}))|\A(?=half\s*\Z))(?:[\s-]*{_PART}|(?![A-Za-z-]))",
    re.IGNORECASE,
)
_HALF_OF = re.compile(rf"(?<![\w-])half\s+an?\s+(?={_BIG})", re.IGNORECASE)
_AND_PART = re.compile(r"(?<![\w.])(\d+)\s+and\s+(\d+/\d+)")
_NEGATIVE = re.compile(r"(?<![A-Za-z])(?:negative|minus)\s+(?=[\d\\.])", re.IGNORECASE)
_LONGEST = 100  # characters of a number that is multiplied; a much longer one is no float
_ANY = re.compile(rf"(?:{_WORD}|dozen|half|quarter|third|negative|minus)", re.IGNORECASE)


def digits_for_words(text: str) -> str:
    """The text with its number words as digits; words that make no number stay."""
    if not _ANY.search(text):
        return text
    text = _HALF_OF.sub("0.5 ", text)
    for _ in range(3):  # 2 hundred thousand
        text = _SCALED.sub(_scaled, text)
    text = _WORDS.sub(_spelt, text)
    text = _SCALED.sub(_scaled, text)
    return _NEGATIVE.sub("-", _AND_PART.sub(r"\1 \2", text))


def _scaled(match: re.Match[str]) -> str:
    if len(match[0]) > _LONGEST:
        return match[0]
    parts = ["1"] if match[1][0] in "aA" else match[1].replace(",", "").split()
    product = sum(map(Fraction, parts), Fraction(0)) * _SCALES[match[2].lower()]
    return str(product) if product.denominator == 1 else str(float(product))


def _spelt(match: re.Match[str]) -> str:
    from text_to_num import text2num  # not for answers without such words

    words = match["number"].lower()
    try:
        number = 1 if words in {"", "a", "an"} else text2num(words, "en")
    except ValueError:  # one two three
        return match[0]
    if not match["part"]:
        return match[0] if words in {"a", "an"} else str(number)
    if words.endswith("ty"):  # twenty-fifth
        return match[0]
    return f"{number}/{_PARTS[match['part'].lower()]}"
