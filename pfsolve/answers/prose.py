r"""The value that a sentence states, which is seldom the only one in it.

"So he fills 16 boxes with the 96 eggs" states 16. Where a value stands tells how likely it is meant:
what a preposition leads to, a number that is known ("the 96"), a reason or a remark in brackets are
less likely. Of the likeliest the last counts; values joined by "and" or commas count together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import zip_longest
from typing import NamedTuple


class Stated(NamedTuple):
    """One value or several in a row: where they start and end in a sentence, and what they are."""

    start: int
    end: int
    text: str


FORMULA = re.compile(
    r"\$\$(.+?)\$\$|(?<!\\)\$(.+?)(?<!\\)\$(?!\d)|\\\[(.+?)\\\]|\\\((.+?)\\\)", re.DOTALL
)
_LETTER = r"\s*\\?(?!pi\b|infty\b)[A-Za-z]+'?(?:_\w)?(?:\([a-z]\))?\s*"
_SYMBOL = re.compile(_LETTER)
_SYMBOLS = re.compile(rf"\s*\(?{_LETTER}(?:,{_LETTER})*\)?\s*")

_BRACES = r"\s*\{(?:[^{}]|\{[^{}]*\})*\}"
_LATEX = rf"(?:\\[dt]?frac{_BRACES}{_BRACES}|\\sqrt(?:\[\d\])?{_BRACES}|\\pi\b)"
_NUMBER = (
    rf"(?:-?(?:\d+(?:\.\d+)? ?)?{_LATEX}+"
    r"|\d+(?::\d+)+(?:\s?[AaPp]\.?[Mm]\b\.?)?"
    r"|-?\d+ \d+/\d+"
    r"|-?[$€£]?\d+(?:,\d+)*(?:\.\d+)?(?:/\d+|\^\{?-?\w+\}?|\s?\\?%|\s*(?:\\times|\\cdot|×|\*)\s*10\^\S+"
    r"| (?:hundred|thousand|million|billion|trillion|dozen|percent)\b)?)"
)
_TUPLE = r"(?:[(\[]|\\?\{)(?:\s*[^\s()\[\]{},]+\s*,)+\s*[^\s()\[\]{},]+\s*(?:[)\]]|\\?\})"
_NAME = r"[A-Za-z](?:_?\d)?(?:\([^()\s]{1,8}\))?(?:\s*\+\s*[A-Za-z])*"
_TERM = r"(?=-?[(\d\\]|-?[A-Za-z]\b)(?:[^\s,;:.$]|[.,](?=\d))+"
_RELATION = r"\s*(?:[<>]?=|[<>≤≥≠])\s*"
_EQUATION = (
    rf"(?:-?\d+(?:\.\d+)?{_RELATION})?{_NAME}{_RELATION}{_TERM}"
    rf"(?:(?:\s*[-+*/^]\s*|{_RELATION}){_TERM})*"
)
_VALUE = re.compile(rf"(?<![\w\\])(?:{_EQUATION}|{_TUPLE})|(?<![\w^])(?:{_NUMBER})(?!\w|-[a-z])")
# Between the values of a row; where a unit stands there, it follows the next value as well.
_SEPARATOR = re.compile(r"(?:\s*(?P<unit>[a-z]+))??\s*(?:,\s*(?:and|or)?|;|&|\band|\bor)\s*")

_DETERMINERS = (
    r"(?:(?:the|an?|this|that|these|those|his|her|its|their|our|my|your|all|each|every|both|only|just"
    r"|about|around|nearly|exactly|first|last|next|other|another|remaining|same|original|least|most)\s+)*"
)
_OTHER_WORD = r"(?:(?!total|all|sum|fact|the)[a-z]+\s+)?"
_LEADS_TO = rf"\s+{_DETERMINERS}{_OTHER_WORD}\Z"
# What makes the value behind it less likely to be meant, the worst first.
_UNLIKELY = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\bnot\s+\Z",
        r"\b(?:because|since|as|where|when|if|given that|assuming|while|although|who|for which|such that"
        r"|satisfying|ensure)\b[^,;]*\Z",
        r"\b(?:in|after|before|for|from|per|than|within|during|among|between|over|under|on|out of|every)"
        + _LEADS_TO,
        r"(?:\b(?:the|these|those|his|her|their|all|both|each)|'s)\s+\Z",  # known already
        r"\d%?(?:\s+[a-z]+){0,2}\s+of\s+" + _DETERMINERS + r"\Z",  # 26 of 40
        r"\b(?:by|with|at)" + _LEADS_TO,
        r"\bto\s+(?!be\b|get\b|have\b|give\b|equal\b)[a-z]+\s+" + _DETERMINERS + r"\Z",
        r"\bto\s+" + _DETERMINERS + r"\Z",
    )
]
_SUBJECT = re.compile(r"(?:\s+[a-z]+){0,2}?\s+(?:is|are)\s+(?:the|our|your)\b", re.IGNORECASE)
_FIRST_WORDS = re.compile(
    r"\s*(?:(?:so|thus|hence|therefore|then|finally|and)\b,?\s*)*", re.IGNORECASE
)


_MOST_VALUES = 40  # of a sentence, from its end, that are weighed
_REACH = 150  # characters before a value that are looked at


def stated_value(sentence: str) -> str | None:
    """The value that a sentence comes to; None if it holds none."""
    values = _joined(sentence, list(_values(sentence)))
    if not values:
        return None
    first = _FIRST_WORDS.match(sentence)
    if first and values[0].start == first.end() and _SUBJECT.match(sentence, values[0].end):
        return values[0].text  # "7 is the sum of 3 and 4"
    values = values[-_MOST_VALUES:]
    if sentence[: values[-1].start].rstrip().endswith(":"):
        return values[-1].text
    likelihood = [_likelihood(sentence[: value.start]) for value in values]
    best = max(likelihood)
    return [v for v, x in zip(values, likelihood, strict=True) if x == best][-1].text


def leading_value(text: str) -> str | None:
    """The value with which a text begins, with those joined to it."""
    values = _joined(text, list(_values(text)))
    return values[0].text if values and values[0].start == 0 else None


def _values(sentence: str) -> Iterator[Stated]:
    """Formulas, equations, tuples and numbers, in order."""
    position = 0
    for formula in FORMULA.finditer(sentence):
        if is_prose(formula[0]):
            continue
        yield from _plain_values(sentence, position, formula.start())
        content = next(filter(None, formula.groups()), "").strip()
        if content and not _SYMBOLS.fullmatch(content):  # "... for $n$" names, it does not answer
            yield Stated(formula.start(), formula.end(), _end_of_chain(content))
        position = formula.end()
    yield from _plain_values(sentence, position, len(sentence))


def _plain_values(sentence: str, start: int, end: int) -> Iterator[Stated]:
    for match in _VALUE.finditer(sentence, start, end):
        yield Stated(match.start(), match.end(), _end_of_chain(match[0]))


def _end_of_chain(formula: str) -> str:
    """What a chain of equations comes to: 9 of "3 + 6 = 3 · 3 = 9", x = 9 of "x = 3 · 3 = 9"."""
    sides = re.split(r"(?<![<>!:])=", formula)
    if len(sides) < 3 or any(side.count("{") != side.count("}") for side in sides):
        return formula
    return f"{sides[0]}={sides[-1]}" if _SYMBOL.fullmatch(sides[0]) else sides[-1].strip()


def _joined(sentence: str, values: list[Stated]) -> list[Stated]:
    """The values with those in a row as one: "3, 5 and 7", "$x = 3$ or $x = 5$".

    Without an "and" or "or" they are a row only where the sentence ends, since "in 2020, 45 came".
    """
    joined: list[Stated] = []
    row: list[Stated] = []
    unit = ""
    for value, following in zip_longest(values, values[1:]):
        row.append(value)
        between = sentence[value.end : following.start if following else None]
        link = _SEPARATOR.fullmatch(between) if following else None
        if following and link:
            unit = link["unit"] or ""
            if not unit or re.match(rf"\s*{unit}\b", sentence[following.end :]):
                continue
        end = value.end + (between.index(unit) + len(unit) if unit and unit in between else 0)
        whole = sentence[row[0].start : end]
        ends = not sentence[end : following.start if following else None].strip(" .;")
        if len(row) > 1 and (ends or re.search(r"\b(?:and|or)\b|&", whole)):
            joined.append(Stated(row[0].start, end, whole))
        else:
            joined += row
        row, unit = [], ""
    return joined


def _likelihood(before: str) -> int:
    """How likely a value is the one that is meant, given what stands before it in the sentence."""
    if before.count("(") > before.count(")") and re.search(r"\d", before):
        return -1  # a remark: 6 hours (360 minutes)
    tail = before[-_REACH:]
    for badness, pattern in enumerate(_UNLIKELY):
        if pattern.search(tail):
            return badness
    return len(_UNLIKELY)


# --- words -----------------------------------------------------------------------------------

_WORD = re.compile(r"[^\W\d_]{2,}")
_COMMAND = re.compile(
    r"\\(?:begin|end)\{\w*\*?\}|\\(?:text\w*|mbox|mathrm|operatorname)\s*\{[^{}]*\}|\\[A-Za-z]+"
)
FEW_WORDS = 4


def words(text: str) -> list[str]:
    """Words in a text that are neither macros nor connectors, in lower case."""
    found = [word.lower() for word in _WORD.findall(_COMMAND.sub(" ", text))]
    return [word for word in found if word not in {"and", "or", "in", "mod"}]


def is_prose(formula: str) -> bool:
    """Whether the text between two dollar signs is prose: "$3 for this and $6" is money."""
    return len(words(formula)) > FEW_WORDS
