r"""Find the final answer of a solution: the last `\boxed{...}`, else words that announce one."""

from __future__ import annotations

import re

from pfsolve.answers.boxes import boxed_answer, unbraced_box, without_vain_boxes
from pfsolve.answers.thoughts import spoken

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
    if boxed := boxed_answer(text) or unbraced_box(text):
        return boxed
    text = without_vain_boxes(text)[-_TAIL_LENGTH:].strip()
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
