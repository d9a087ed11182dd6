"""The known answer, as the value of a field."""

from __future__ import annotations

import math
import re
from typing import Any

from pfsolve.answers import extract_answer
from pfsolve.problems.problem import Malformed, clean

# What stands where no answer is known: NaN, None, null, N/A, #N/A, <NA>, -, ?
_PLACEHOLDER = re.compile(r"[#<]?-?(?:n/?a|nan|none|null|nil)>?|[-–—―?]+", re.IGNORECASE)


def answer_text(value: Any) -> str | None:
    """An answer as text; None where the value says that none is known. A list's items are all of it.

    Raises:
        Malformed: it is no answer.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, str):
        text = clean("answer", value)
        return None if not text or _PLACEHOLDER.fullmatch(text) else text
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return str(value)
    if isinstance(value, list):
        parts = [answer_text(part) for part in value]
        return ", ".join(part for part in parts if part is not None) or None
    raise Malformed("the answer is neither a text, a number nor a list of such")


def stated_answer(value: Any, may_be_long: bool) -> str | None:
    r"""The answer that a solution is, being a single word, or else states in a box or behind "####"."""
    if not isinstance(value, str):
        return answer_text(value) if isinstance(value, int | float) else None
    text = clean("solution", value)
    if len(text.split()) == 1:
        return answer_text(text)
    stated = may_be_long and re.search(r"\\boxed|\\fbox|####", text)
    return extract_answer(text) if stated else None
