r"""Find the final answer of a solution: the last `\boxed{...}`, else words that announce one."""

from __future__ import annotations

import re
from typing import NamedTuple


class Box(NamedTuple):
    r"""A complete `\boxed{...}`: where it starts and ends (just past its brace), what it holds."""

    start: int
    end: int
    content: str


# One alternative per thing that matters while counting braces; `\\.` swallows \{ and \}.
_TOKEN = re.compile(r"\\(?:boxed|fbox)\s*\{|\\.|[{}]", re.DOTALL)
_BOX_MACRO = re.compile(r"\\(?:boxed|fbox)\s*\{")
_UNBRACED_BOX = re.compile(r"\\(?:boxed|fbox)\s+([^\s{}$\\]+)|\\(?:boxed|fbox)([0-9]+)")
_BLANK = re.compile(r"(?:\s|\\[,;:! ]|~|\$|\{\})*")
# Where no box is complete and holds something: one that holds nothing, or all after one left open.
_VAIN_BOX = re.compile(rf"{_BOX_MACRO.pattern}(?:{_BLANK.pattern}\}}|.*)", re.DOTALL)


# Closed or not; one without its opening tag was opened in the prompt.
_THOUGHT = re.compile(r"\A(?:(?!<think>).)*?</think>|<think>.*?(?:</think>|\Z)", re.DOTALL)


def spoken(text: str, blank: str = " ") -> str:
    """The text with blanks in the place of what was thought, from <think> to </think>.

    Args:
        blank: stands for one character; "" to leave thoughts out.
    """
    if "think>" not in text:
        return text
    return _THOUGHT.sub(lambda thought: blank * len(thought[0]), text)


def ends_in_thought(text: str) -> bool:
    """Whether the text ends within a thought."""
    return text.rfind("<think>") > text.rfind("</think>")


def boxes(text: str) -> list[Box]:
    r"""All complete, non-empty outermost boxes, in order; linear in the length of the text.

    A box still open at the end of the text is not complete. Boxes nested in another are part of
    its content, except that `\boxed{\boxed{4}}` holds 4.
    """
    found: list[Box] = []
    open_braces: list[tuple[int, int] | None] = []  # (start, content start) of a box, else None
    for token in _TOKEN.finditer(text):
        if token[0] == "{":
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
        elif _BOX_MACRO.match(token[0]):
            open_braces.append((token.start(), token.end()))
    return found


def last_boxed(text: str) -> str | None:
    """Content of the last complete, non-empty box; None if there is none, or only in thoughts."""
    found = boxes(spoken(text))
    return found[-1].content if found else None


def _unwrap(content: str) -> str:
    """Content of a box without box macros inside it, stripped; empty if nothing is left to see."""
    if "\\boxed" in content or "\\fbox" in content:
        content = _BOX_MACRO.sub("{", content)
    content = content.strip()
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


# --- several boxes that are one answer -------------------------------------------------------

_NAME_BEFORE = re.compile(r"([A-Za-z]\w*(?:\([^()]{1,20}\))?|\\[A-Za-z]+(?:_\w)?)\s*=\s*$")
_JOIN = r"\\q?quad(?![A-Za-z])|\\(?:text|mbox)\{\s*(?:and|or|,)\s*\}"
_CONNECTOR = re.compile(rf"[,;]|\band\b|\bor\b|{_JOIN}")
_GLUE = re.compile(rf"{_JOIN}|\\(?:left|right)(?![A-Za-z])|\\[()\[\],;:! ]|[\s$&~{{}}.]")


def _joined_boxes(text: str, found: list[Box]) -> str:
    """The last box, together with those before it that only "or", "and" or commas separate."""
    group = [found[-1]]
    for box in reversed(found[:-1]):
        if not _is_connector(text[box.end : group[0].start]):
            break
        group.insert(0, box)
    names = [_name_before(text, box) for box in group]
    if len(group) > 1 and None not in names and len(set(names)) == len(group):
        parts = [f"{name} = {box.content}" for name, box in zip(names, group, strict=True)]
    else:
        parts = [box.content for box in group]
    return ", ".join(dict.fromkeys(parts))


def _is_connector(between: str) -> bool:
    """Whether the text between two boxes does nothing but join them."""
    if len(between) > 80 or not _CONNECTOR.search(between):
        return False
    rest = _GLUE.sub(" ", between).strip()
    rest = _NAME_BEFORE.sub("", rest)
    return re.fullmatch(r"(?:and|or|[,;\s])*", rest) is not None


def _name_before(text: str, box: Box) -> str | None:
    match = _NAME_BEFORE.search(text[max(0, box.start - 40) : box.start])
    return match[1] if match else None


# --- answers announced in words --------------------------------------------------------------

# Tried in this order; the last match in the text counts, and the answer runs to the sentence's end.
_ANNOUNCEMENTS = [
    re.compile(r"####[ \t]*(\S[^\n]*)"),
    re.compile(r"<answer>\s*:?\s*([^<]+)", re.IGNORECASE),
    re.compile(
        r"\b(?:answers?|solutions?)\b[*_\s\"']*(?:\([^()\n]{0,40}\)\s*)?"
        r"(?:\bto (?:the|this) [a-z ]{1,40}?)?\s*"
        r"(?:\bis\b|\bare\b|\bbe\b|:|=)(?:\s*\b(?:thus|therefore|simply|then)\b)?[:,*_\s]*"
        r"(\S[^\n]*(?:\n[^\n]+)*)",
        re.IGNORECASE,
    ),
]
_FORMULA = re.compile(
    r"\$\$(.+?)\$\$|(?<!\\)\$(.+?)(?<!\\)\$|\\\[(.+?)\\\]|\\\((.+?)\\\)", re.DOTALL
)
_SENTENCE_END = re.compile(r"(?<!\b[A-Z])[.!?](?=\s+[A-Z\"'(\[]|\s*$)|\n\s*\n|<\|")
_BOLD = re.compile(r"\*\*([^*\n]+)\*\*")
_BRACES = r"\s*\{(?:[^{}]|\{[^{}]*\})*\}"
_NUMBER = re.compile(
    rf"-?(?:\d+(?:\.\d+)? ?)?(?:\\[dt]?frac{_BRACES}{_BRACES}|\\sqrt(?:\[\d\])?{_BRACES}|\\pi\b)+"
    r"|\d{1,2}:\d{2}(?:\s?[AaPp]\.?[Mm]\b\.?)?"
    r"|-?\d+ \d+/\d+"
    r"|-?\$?\d[\d,]*(?:\.\d+)?(?:/\d+)?%?"
)
_WORD = re.compile(r"[A-Za-z]{2,}")
_COMMAND = re.compile(
    r"\\(?:begin|end)\{\w*\*?\}|\\(?:text\w*|mbox|mathrm|operatorname)\s*\{[^{}]*\}|\\[A-Za-z]+"
)
_LABEL = re.compile(r"[A-Za-z][A-Za-z ]{2,60}:\s*(?=\S)")  # "Special matrix: ..."
_SYMBOL = re.compile(r"\s*\\?[A-Za-z]+'?(?:_\w)?(?:\([a-z]\))?\s*")
_SENTENCE_WORDS = {"is", "are", "be", "we", "so", "thus", "hence", "therefore", "answer", "to"}
_BARE_WORDS = 4
_BARE_LENGTH = 500
_TAIL_LENGTH = 4000  # where to look for an answer in words


def extract_answer(text: str) -> str | None:
    r"""The final answer a solution gives, as it is written there; None if it gives none.

    In this order: the last complete `\boxed{...}` (several in a row joined by "or", "and" or commas
    count as one answer, "2, -2"); what follows "the answer is", "Answer:", "####"; the whole text
    if it is an answer by itself; the last formula or number of its last sentence. What was thought
    between <think> and </think> gives none.
    """
    text = spoken(text)
    if found := boxes(text):
        return _joined_boxes(text, found)
    if unbraced := list(_UNBRACED_BOX.finditer(text)):
        return (unbraced[-1][1] or unbraced[-1][2]).rstrip(".,;") or None
    text = _VAIN_BOX.sub("", text)[-_TAIL_LENGTH:].strip()
    for announcement in _ANNOUNCEMENTS:
        if answer := _last_announced(announcement, text):
            return answer
    if _is_bare(text):
        return text or None
    sentence = _last_sentence(text)
    if (label := _LABEL.match(sentence)) and _is_bare(sentence[label.end() :]):
        return sentence[label.end() :]
    return _last_value(sentence)


def _last_announced(announcement: re.Pattern[str], text: str) -> str | None:
    """The answer behind the last announcement, even one inside another's answer."""
    tail = None
    start = 0
    while match := announcement.search(text, start):
        tail, start = match[1], match.start(1)
    return _clean_tail(tail) if tail else None


def _clean_tail(tail: str) -> str | None:
    """Cut what follows an announcement down to the answer."""
    end = _SENTENCE_END.search(tail)
    sentence = tail[: end.start()] if end else tail
    sentence = sentence.strip().strip("*_\"'`").rstrip(".,;:").strip()
    if _is_bare(sentence):
        return sentence or None
    return _last_value(sentence)


def _is_bare(text: str) -> bool:
    """Whether a text is an answer by itself rather than prose around one."""
    if len(text) > _BARE_LENGTH or "\n\n" in text or _LABEL.match(text):
        return False
    words = _prose(_FORMULA.sub(lambda match: match[0] if _is_prose(match[0]) else " 0 ", text))
    return len(words) <= _BARE_WORDS and not _SENTENCE_WORDS.intersection(words)


def _prose(text: str) -> list[str]:
    """Words in a text that are neither macros nor connectors, in lower case."""
    words = [word.lower() for word in _WORD.findall(_COMMAND.sub(" ", text))]
    return [word for word in words if word not in {"and", "or", "in", "mod"}]


def _is_prose(formula: str) -> bool:
    """Whether the text between two dollar signs is prose: "$3 for this and $6" is money."""
    return len(_prose(formula)) > _BARE_WORDS


def _last_sentence(text: str) -> str:
    pieces = [piece for piece in _SENTENCE_END.split(text) if piece.strip()]
    return pieces[-1].strip() if pieces else ""


def _last_value(sentence: str) -> str | None:
    """What stands in bold in a sentence, else its last formula or number, the later of the two."""
    if bold := _BOLD.findall(sentence):
        return str(bold[-1]).strip() or None
    formulas = [
        (match.end(), content.strip())
        for match in _FORMULA.finditer(sentence)
        if (content := next(filter(None, match.groups()), "")).strip()
        and not _SYMBOL.fullmatch(content)  # "... for $n$" names, it does not answer
        and not _is_prose(content)
    ]
    numbers = list(_NUMBER.finditer(sentence))
    if formulas and (not numbers or numbers[-1].start() < formulas[-1][0]):
        return formulas[-1][1]
    return numbers[-1][0].rstrip(",") if numbers else None
