r"""What files and programs do to an answer on its way: HTML, a JSON escape, a Python repr.

Golds come as `x &lt; 3`, as `\frac` whose `\f` JSON has read as a form feed, as `['3', '5']`.
"""

from __future__ import annotations

import ast
import html
import re
import warnings

_ENTITY = re.compile(r"&#?\w+;")
_TAGS = re.compile(r"<([A-Za-z]\w*)(?:\s[^<>]*)?>(.*?)</\1\s*>", re.DOTALL)
_SCRIPTS = {"sup": "^", "sub": "_"}
_BREAK = re.compile(r"<[bh]r\s*/?>", re.IGNORECASE)

# Form feeds and backspaces are nothing else; a tab or a line end may be one, unless a macro follows.
_ESCAPES = {
    "\f": r"\f",
    "\b": r"\b",
    "\v": r"\v",
    "\a": r"\a",
    "\t": r"\t",
    "\r": r"\r",
    "\n": r"\n",
}
_LOST = re.compile(
    r"[\f\b\v\a](?=[A-Za-z])"
    r"|\t(?=(?:imes|ext\w*|heta|au|anh?|o|op|riangle\w*|frac|binom|herefore|ilde)(?![A-Za-z]))"
    r"|\r(?=(?:ight\w*|angle|ho|vert|ceil|floor|brace|brack|m)(?![A-Za-z]))"
    r"|\n(?=(?:eq|abla|mid|exists|otin)(?![A-Za-z]))"
)


def mended(text: str) -> str:
    """The text without the traces of HTML and JSON; the items of a Python list of texts."""
    if _ENTITY.search(text):
        text = _ENTITY.sub(lambda entity: html.unescape(entity[0]), text)
    return _LOST.sub(lambda lost: _ESCAPES[lost[0]], _items(text))


def without_tags(text: str) -> str:
    """The text without pairs of tags; <sup> is a power and <sub> an index."""
    if "<" not in text:
        return text
    text = _BREAK.sub(" ", text)
    for _ in range(5):  # <p><b>5</b></p>
        text, found = _TAGS.subn(_content, text)
        if not found:
            break
    return text


def _content(tags: re.Match[str]) -> str:
    script = _SCRIPTS.get(tags[1].lower())
    return f"{script}{{{tags[2]}}}" if script else f" {tags[2]} "


def _items(text: str) -> str:
    """`['3', '5']` as `3, 5`; anything but a list, tuple or set of texts as it is."""
    stripped = text.strip()
    if not (stripped[:1] in "[({" and stripped[-1:] in "])}" and re.match(r".\s*['\"]", stripped)):
        return text
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of "\s" in a text
            items = ast.literal_eval(stripped)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return text
    if not isinstance(items, list | tuple | set) or not all(isinstance(x, str) for x in items):
        return text
    return ", ".join(sorted(items) if isinstance(items, set) else items)
