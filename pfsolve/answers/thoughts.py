"""What a model thought aloud, from <think> to </think>: no part of what it says."""

from __future__ import annotations

import re

_NAME = r"(?:think(?:ing)?|thoughts?)>"
_OPEN = re.compile(rf"<{_NAME}", re.IGNORECASE)
_CLOSE = re.compile(rf"</{_NAME}", re.IGNORECASE)
# Closed or not; one without its opening tag was opened in the prompt.
_THOUGHT = re.compile(
    rf"\A(?:(?!{_OPEN.pattern}).)*?{_CLOSE.pattern}"
    rf"|{_OPEN.pattern}.*?(?:{_CLOSE.pattern}|\Z)",
    re.DOTALL | re.IGNORECASE,
)


def spoken(text: str, blank: str = " ") -> str:
    """The text with blanks in the place of what was thought, from <think> to </think>.

    Args:
        blank: stands for one character; "" to leave thoughts out.
    """
    if not (_OPEN.search(text) or _CLOSE.search(text)):
        return text
    return _THOUGHT.sub(lambda thought: blank * len(thought[0]), text)


def ends_in_thought(text: str) -> bool:
    """Whether the text ends within a thought."""
    return _last(_OPEN, text) > _last(_CLOSE, text)


def ends_a_thought(text: str) -> bool:
    """Whether a thought comes to its end in the text."""
    return _CLOSE.search(text) is not None


def _last(tag: re.Pattern[str], text: str) -> int:
    """Where a tag stands last; -1 if nowhere."""
    return max((match.start() for match in tag.finditer(text)), default=-1)
