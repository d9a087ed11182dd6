"""Marks in a formula's text, where a bracket or a space depends on both neighbours.

A terminal line has no fraction bars and no raised text to show what belongs together, so brackets
and spaces have to. While a formula is rendered, a mark (a character that Unicode reserves for such
internal use) stands where they are still open, and `settle` decides once the neighbours are known.
"""

from __future__ import annotations

import re

from pfsolve.display.latex.symbols import SUPERSCRIPT

OP = "\ufdd0"  # on both sides of an operator
WORD, WORD_END = "\ufdd1", "\ufdd2"  # around a word like sin; the end also after a root and a sum
FRAC, FRAC_END = "\ufdd3", "\ufdd4"  # around a fraction
MARKS = re.compile("[\ufdd0-\ufdd4]")

RAISED = "".join(SUPERSCRIPT.values())


def settle(text: str) -> str:
    """Replace the marks by the brackets and spaces that the neighbours call for."""
    if not MARKS.search(text):
        return text
    text = re.sub(f"{FRAC}([^{FRAC}{FRAC_END}]*){FRAC_END}", _settle_fraction, text)
    text = re.sub(rf"(\s*){OP}(.){OP}\s*", _settle_operator, text)
    text = re.sub(rf"(?<=[\w)\]}}|]){WORD}", " ", text)
    text = re.sub(rf"{WORD_END}(?=[^\W_]|[√∛∜∑∏∫∞|])", " ", text)
    return MARKS.sub("", text)


def _settle_fraction(match: re.Match[str]) -> str:
    fraction = match[1]
    before = match.string[: match.start()][-1:]
    after = match.string[match.end() :][:1]
    if before.isdigit() and before not in RAISED and re.fullmatch(r"\d+/\d+", fraction):
        return f" {fraction}"  # a mixed number
    touches_before = before.isalnum() or before in (")", WORD_END, FRAC_END)
    touches_after = after.isalnum() or after in ("(", "^", "√", "∞", WORD, FRAC)
    return f"({fraction})" if touches_before or touches_after else fraction


def _settle_operator(match: re.Match[str]) -> str:
    space, operator = match.groups()
    before = match.string[: match.start()].rstrip()[-1:]
    if operator in "±∓" and (not before or before in "([{,;:=<>≤≥≈≠∈→/^" or before == OP):
        return space + operator  # a sign, not a sum
    return f" {operator} "
