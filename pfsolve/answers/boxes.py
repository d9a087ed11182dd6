r"""Boxes: `\boxed{...}` and its other spellings, and those of a closing statement, one answer."""

from __future__ import annotations

import re
from typing import NamedTuple

from pfsolve.answers.thoughts import spoken


class Box(NamedTuple):
    r"""A complete `\boxed{...}`: where it starts and ends (just past its brace), what it holds."""

    start: int
    end: int
    content: str


# Backslashes get doubled or lost on their way through JSON, or turn \b and \f into control characters.
_MACRO = r"(?:\\{1,4}(?:boxed|fbox|framebox|bbox)|(?<![A-Za-z\\])boxed|\x08oxed|\x0c(?:rame)?box)"
_OPENING = rf"{_MACRO}\s*(?:\[[^\[\]{{}}]{{0,40}}\]\s*)?\{{"
# One alternative per thing that matters while counting braces; `\\.` swallows \{ and \}.
_TOKEN = re.compile(rf"(?P<box>{_OPENING})|\\.|[{{}}]", re.DOTALL)
_BOX_OPENING = re.compile(_OPENING)
_UNBRACED = re.compile(
    r"\\(?:boxed|fbox)(?:\s+([^\s{}$\\]+)|([0-9]+)|\s*(\\[A-Za-z]+(?:\{[^{}]*\})*))"
)
_BLANK = re.compile(r"(?:\s|\\[,;:! ]|~|\$|\{\})*")
# Where no box is complete and holds something: one that holds nothing, or all after one left open.
_VAIN = re.compile(rf"{_OPENING}(?:{_BLANK.pattern}\}}|.*)", re.DOTALL)


_DENIED = re.compile(r"\bnot\s+(?:\$|\\\()?\s*$")


def boxes(text: str) -> list[Box]:
    r"""All complete, non-empty outermost boxes, in order; linear in the length of the text.

    A box still open at the end of the text is not complete. Boxes nested in another are part of
    its content, except that `\boxed{\boxed{4}}` holds 4.
    """
    found: list[Box] = []
    open_braces: list[tuple[int, int] | None] = []  # (start, content start) of a box, else None
    for token in _TOKEN.finditer(text):
        if token["box"]:
            open_braces.append((token.start(), token.end()))
        elif token[0] == "{":
            open_braces.append(None)
        elif token[0] == "}":
            box = open_braces.pop() if open_braces else None
            if box:
                start, content_start = box
                while found and found[-1].start > start:  # inner boxes give way to this one
                    found.pop()
                content = _unwrap(text[content_start : token.start()])
                if content:
                    found.append(Box(start, token.end(), content))
    return found


def boxed_answer(text: str) -> str | None:
    """The boxes of the closing statement, as one answer; None if no box is complete, thoughts aside."""
    text = spoken(text)
    found = boxes(text)
    meant = [box for box in found if not _DENIED.search(text[max(0, box.start - 20) : box.start])]
    return _joined(text, meant or found) if found else None


def unbraced_box(text: str) -> str | None:
    r"""What `\boxed 5` holds, where it stands last in the text."""
    found = list(_UNBRACED.finditer(text))
    content = next(filter(None, found[-1].groups())) if found else ""
    return content.rstrip(".,;") or None


def without_vain_boxes(text: str) -> str:
    """A text without the boxes that hold nothing, and without all that follows one left open."""
    return _VAIN.sub("", text)


def _unwrap(content: str) -> str:
    """Content of a box without box macros inside it, stripped; empty if nothing is left to see."""
    content = _BOX_OPENING.sub("{", content).strip()
    while content.startswith("{") and content.endswith("}") and _closes_at_end(content):
        content = content[1:-1].strip()
    return "" if _BLANK.fullmatch(content) else content


def _closes_at_end(content: str) -> bool:
    """Whether the brace that opens the text is closed by its last character."""
    depth = 0
    for token in re.finditer(r"\\.|[{}]", content, re.DOTALL):
        depth += {"{": 1, "}": -1}.get(token[0], 0)
        if depth == 0:
            return token.end() == len(content)
    return False


# --- the end of a boxed statement ------------------------------------------------------------

# A full stop behind a digit may be a decimal point, as long as nothing follows it.
_STATEMENT_END = re.compile(r"\n|[.!?](?=\s)|(?<!\d)[.!?]\Z|。")
_PARTS_END = re.compile(r"\n\s*\n")
_DISPLAY = re.compile(r"(?<!\\)\\\[|\\begin\{")
_DISPLAY_END = re.compile(r"(?<!\\)\\\]|\\end\{[^{}]*\}")
_LONGEST_REST = 200  # characters of a statement behind its box


def is_boxed(said: str) -> bool:
    """Whether a text has boxed its answer: its last box is complete, and so is the line or sentence.

    A formula set apart may have more lines: it is closed first. Behind the box of a part, as in
    "(a) \\boxed{3}", others may follow up to a blank line. What goes on and on behind a box counts as over.

    Args:
        said: with blanks in the place of thoughts.
    """
    found = boxes(said)
    if not found:
        return False
    box = found[-1]
    if len(said) - box.end > _LONGEST_REST:
        return True
    end = _PARTS_END if _is_a_part(said, box) else _STATEMENT_END
    return end.search(said, box.end) is not None and not _is_in_display(said)


def _is_in_display(text: str) -> bool:
    """Whether the text ends within a formula that is set apart from its lines."""
    opened = sum(1 for _ in _DISPLAY.finditer(text))
    return opened > sum(1 for _ in _DISPLAY_END.finditer(text)) or text.count("$$") % 2 == 1


# --- several boxes that are one answer -------------------------------------------------------

_NAME_BEFORE = re.compile(r"([A-Za-z]\w*(?:\([^()]{1,20}\))?|\\[A-Za-z]+(?:_\w)?)\s*&?=\s*$")
_JOIN = r"\\q?quad(?![A-Za-z])|\\(?:text|mbox)\{\s*(?:and|or|,)\s*\}"
_CONNECTOR = rf"[,;]|\band\b|\bor\b|{_JOIN}"
_GLUE = re.compile(
    rf"(?P<kept>{_JOIN}|\\\\)|\\(?:left|right)(?![A-Za-z])|\\[()\[\],;:! ]|[^\S\n]|[$&~{{}}*_]"
)
_LINK = re.compile(rf"(?:\s|{_CONNECTOR}|\.|\\\\)*")
_LONGEST_LINK = 80
# What stands before the box of a part: its number, or a name for it.
_PART = re.compile(
    r"(?P<number>[-•]|(?:part |question )?\(?(?:\d{1,2}|[a-h]|[ivx]{1,4})(?:\)?[.:]|\)))\s*\Z"
    r"|(?P<name>[^\W\d][^\n.,;:=]{0,60}?)\s*(?:(?P<colon>:)|=|\bis\b|\bare\b)\s*\Z",
    re.IGNORECASE,
)
_SUPERSEDES = re.compile(
    r"\b(?:answer|solution|result|total|final\w*|correct\w*|step|so|thus|hence|therefore|then|but"
    r"|not|wait|actually|it|this|that|which|we)\b",
    re.IGNORECASE,
)


def _joined(text: str, found: list[Box]) -> str:
    """The last box, together with those before it that are parts of the same statement."""
    group = [found[-1]]
    for index in range(len(found) - 2, -1, -1):
        start = found[index - 1].end if index else 0
        if not _is_one_statement(text, start, found[index], group[0]):
            break
        group.insert(0, found[index])
    names = [_name_before(text, box) for box in group]
    if len(group) > 1 and None not in names and len(set(names)) == len(group):
        parts = [f"{name} = {box.content}" for name, box in zip(names, group, strict=True)]
    else:
        parts = [box.content for box in group]
    return ", ".join(dict.fromkeys(parts))


def _is_one_statement(text: str, start: int, first: Box, second: Box) -> bool:
    """Whether two neighbouring boxes are parts of one answer.

    They are where nothing but "and", "or" or a comma stands between them, or what says of which part the
    second is; then so it is before the first, from `start` on.
    """
    between = text[first.end : second.start]
    if len(between) > _LONGEST_LINK:
        return False
    between = _without_glue(between)
    link = _LINK.match(between)
    assert link
    joined = re.search(_CONNECTOR, link[0]) is not None
    rest = between[link.end() :]
    if not _NAME_BEFORE.sub("", rest).strip():
        names = _name_before(text, first), _name_before(text, second)
        return joined or not link[0].strip(" ") or (None not in names and names[0] != names[1])
    part = _PART.fullmatch(rest)
    before = _part(text, start, first)
    if not part or not before:
        return False
    if part["number"]:
        return before["number"] is not None
    if _SUPERSEDES.search(part["name"]):
        return False
    return before["colon"] is not None if part["colon"] else joined


def _part(text: str, start: int, box: Box) -> re.Match[str] | None:
    """What says in a text, from `start` on, of which part a box is."""
    return _PART.search(_without_glue(text[max(start, box.start - _LONGEST_LINK) : box.start]))


def _is_a_part(text: str, box: Box) -> bool:
    """Whether a box has a number or a title before it, and so others may have too."""
    part = _part(text, 0, box)
    if not part:
        return False
    return bool(part["number"] or (part["colon"] and not _SUPERSEDES.search(part["name"])))


def _without_glue(text: str) -> str:
    """The text with blanks in the place of what only sets formulas apart."""
    return _GLUE.sub(lambda glue: glue["kept"] or " ", text)


def _name_before(text: str, box: Box) -> str | None:
    match = _NAME_BEFORE.search(text[max(0, box.start - 40) : box.start])
    return match[1] if match else None
