r"""Find the final answer of a solution: the last `\boxed{...}`, else what its words state."""

from __future__ import annotations

import re

from pfsolve.answers.boxes import boxed_answer, unbraced_box, without_vain_boxes
from pfsolve.answers.prose import FEW_WORDS, FORMULA, is_prose, leading_value, stated_value, words
from pfsolve.answers.thoughts import spoken

# What announces an answer. In each the last that leads to one counts.
_NOUN = r"(?:answers?|solutions?|(?:correct|right|best|only)\s+(?:option|choice)|(?:option|choice)(?=\s+is))"
_COPULA = (
    r"(?:(?:should|would|must|will|has to)\s+be\b|\bis\b|\bare\b|\bbe\b|:|=|→|[-–—](?=\s))"
    r"(?:\s*\b(?:thus|therefore|then|hence|just|(?!approx)[a-z]+ly)\b)?"
)
_OTHER_NOUN = (
    r"(?:antwort|lösung|ergebnis|réponse|résultat|respuesta|solución|resultado|resposta|solução"
    r"|risposta|soluzione|risultato|odpowiedź|antwoord|cevap|ответ|उत्तर|الجواب|الإجابة)"
)
_CJK = r"\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af"
_ANNOUNCEMENTS = [
    re.compile(r"####[ \t]*(\S[^\n]*\s*\Z|[-$]*\d(?!\d*[.)]\s)[^\n]*)"),  # a heading is none
    re.compile(r"<answer>\s*:?\s*([^<]+)", re.IGNORECASE),
    re.compile(
        rf"\b{_NOUN}(?!\w)[*_\s\"']*(?:\([^()\n]{{0,40}}\)\s*)?"
        r"(?:\bto (?:the|this) (?:problem|question|[a-z ]{1,40}?(?=\s(?:is|are)\b)))?\s*"
        rf"{_COPULA}[:,*_\s]*"
        r"(\S[^\n]*(?:\n[^\n]+)*)",
        re.IGNORECASE,
    ),
    re.compile(
        rf"\b{_OTHER_NOUN}\b(?:\s+\w+){{0,2}}?\s*(?:\b(?:ist|lautet|est|es|é|è|is|равен)\b|[:=—-])"
        r"[:*_\s]*(?:\w+\s+(?=[-\d$\\(]))?(\S[^\n]*)",
        re.IGNORECASE,
    ),
    re.compile(
        rf"(?:答案|答え|解答|[选選]|정답|답)\s*[是为為は은는이:：]*\s*([^\s。{_CJK}][^\n。{_CJK}]*)"
    ),
]
_SENTENCE_END = re.compile(
    r"(?<!\b[A-Z])[.!?](?=\s+(?:[\"'(\[]|\$\S|\\[(\[a-zA-Z]|[^\W\d_a-z])|\s*$)|。|\n\s*\n|<\|"
)
_REASON = re.compile(
    r"(?<=\S)(?:,?\s+(?:because|since|as)|,\s+(?:i|we))\b.*", re.IGNORECASE | re.DOTALL
)
_LABEL = re.compile(r"[A-Za-z][A-Za-z ]{2,60}:\s*(?=\S)")  # "Special matrix: ..."
_BOLD = re.compile(r"\*\*([^*\n]+)\*\*")
_SENTENCE = re.compile(r"[A-Z][a-z]*\s.*[.!]", re.DOTALL)
_EMPHASISED = re.compile(r"(\*\*|__|\*|`)([^*`]+)\1\.?")
_SENTENCE_WORDS = frozenset(
    [
        "is",
        "are",
        "be",
        "we",
        "so",
        "thus",
        "hence",
        "therefore",
        "answer",
        "to",
        "because",
        "since",
        "not",
    ]
)
_BARE_LENGTH = 500
_TAIL_LENGTH = 4000  # where to look for an answer in words
_MOST_ANNOUNCEMENTS = 5  # the last so many are looked at

# Letters of choices, in a list or with what the choice says: "B", "A and C", "(C) 12 cm".
_LETTER = r"\(?[A-H](?![A-Za-z])\)?"
_KIND = r"(?i:(?:option|choice|answer|letter)\s+)"
_CHOICE = re.compile(
    rf"{_KIND}?({_LETTER}(?:(?:,\s*(?:and\s+|or\s+)?|\s+(?:and|or|&)\s+){_LETTER})*)"
    r"([.:)]?)[\s*]*(.*)",
    re.DOTALL,
)
_NO_CONTENT = re.compile(r"[,;—–]|(?:because|since|as|for|which|where|so|due|and)\b")
_CHOSEN = re.compile(
    rf"(?:{_KIND}({_LETTER})|(\([A-H]\)))\s+"
    r"(?:is\s+(?:\w+\s+)??(?:correct|right|true|best|one)|works|holds)\b"
    rf"|\b([A-H])\s+is\s+(?:correct\b|the\s+(?:\w+\s+)?(?:answer|option|choice)\b)"
    rf"|\b(?i:choose|chose|pick|select|go with|is|be|so|thus|hence|therefore),?\s+"
    rf"{_KIND}?({_LETTER})\W*\Z"
)
_CONCLUSION = re.compile(r"\W*(?:so|thus|hence|therefore|finally|in conclusion)\b", re.IGNORECASE)
_NOTHING = re.compile(
    r"\b(?:(no)\s+(?:[a-z]+\s+){0,2}(?:solutions?|roots?)|does not exist|is undefined"
    r"|infinitely many(?: [a-z]+)? solutions|cannot be determined)\b",
    re.IGNORECASE,
)
# "Wait, no: it is 15", "Correction: 15", "it should have been 15".
_CORRECTION = re.compile(
    r"\b(?:wait|actually|correction|corrected|sorry|oops|mistake|i meant|or rather)\b"
    r"|\bshould (?:be|have been)\b",
    re.IGNORECASE,
)
_CORRECTED = re.compile(
    r"(?:\A[\s,:.—–-]*(?:no\b[\s,:.—–-]*)?"
    r"|\b(?:it|that|this|total|number|value|result)(?:'s|\s+is|\s+should be|\s+must be)\s+)(?=[-\d$\\(])",
    re.IGNORECASE,
)


def extract_answer(text: str) -> str | None:
    r"""The final answer a solution gives, as it is written there; None if it gives none.

    In this order: the `\boxed{...}` of its closing statement (several there count as one answer,
    "2, -2"); what follows "the answer is", "Answer:", "####"; the whole text if it is an answer by
    itself; what its closing sentence states. An answer that is corrected gives way. What was thought
    between <think> and </think> gives none.
    """
    text = spoken(text)
    if boxed := boxed_answer(text) or unbraced_box(text):
        return boxed
    text = without_vain_boxes(text)[-_TAIL_LENGTH:].strip()
    for announcement in _ANNOUNCEMENTS:
        if answer := _announced(announcement, text):
            return answer
    bare = (_is_bare(text) and _without_emphasis(text)) or None
    is_sentence = _SENTENCE.fullmatch(text) or _CHOSEN.search(text)
    return _concluded(text) or bare if is_sentence else bare or _concluded(text)


def _announced(announcement: re.Pattern[str], text: str) -> str | None:
    """The answer behind the last announcement that has one, even inside another's answer."""
    starts = []
    start = 0
    while match := announcement.search(text, start):
        start = match.start(1)
        starts.append((start, match.end(1)))
    for start, end in reversed(starts[-_MOST_ANNOUNCEMENTS:]):
        if answer := _answer_in(text[start:end]):
            return _corrected(text[start:]) or answer
    return None


def _answer_in(tail: str) -> str | None:
    """Cut what follows an announcement down to the answer."""
    tail = tail.strip("*_\"'` ")
    if choice := _choice(tail):
        return choice
    sentence = _REASON.sub("", _first_sentence(tail))
    sentence = sentence.strip().strip("*_\"'`").rstrip(".,;:").strip()
    if _is_bare(sentence):
        return sentence or None
    return leading_value(sentence) or _stated(sentence)


def _corrected(text: str) -> str | None:
    """The answer that supersedes one given in words at the beginning of a text."""
    marks = list(_CORRECTION.finditer(text))
    if not marks:
        return None
    rest = text[marks[-1].end() :]
    found = list(_CORRECTED.finditer(rest))
    return leading_value(rest[found[-1].end() :]) if found else None


def _concluded(text: str) -> str | None:
    """What the last sentence states, or the conclusion before it if that one states nothing."""
    sentences = [piece.strip() for piece in _SENTENCE_END.split(text) if piece.strip()]
    for index, sentence in enumerate(reversed(sentences)):
        if index and not (_CONCLUSION.match(sentence) or _CHOSEN.search(sentence)):
            continue
        label = _LABEL.match(sentence)
        if label and _is_bare(sentence[label.end() :]):
            return str(sentence[label.end() :])
        if answer := _stated(sentence):
            return answer
    return None


def _stated(sentence: str) -> str | None:
    """What a sentence states: in bold, as the letter of a choice, as a value, or that there is none."""
    for bold in reversed(_BOLD.findall(sentence)):
        if answer := bold.strip() if _is_bare(bold) else stated_value(bold):
            return str(answer)
    if chosen := _CHOSEN.search(sentence):
        return str(next(filter(None, chosen.groups())))
    if value := stated_value(sentence):
        return value
    nothing = _NOTHING.search(sentence)
    return ("no solution" if nothing[1] else nothing[0]) if nothing else None


def _choice(tail: str) -> str | None:
    """The letter of a choice with which a text begins, with what the choice says if that follows."""
    match = _CHOICE.match(tail)
    if not match:
        return None
    letters, mark, rest = match.groups()
    rest = _first_sentence(rest).strip().rstrip("*.")
    if not rest:
        return str(letters)
    if (mark or letters.endswith(")")) and not rest[0].isupper() and _is_bare(rest):
        return f"{letters}{mark} {rest}"
    return str(letters) if mark == "." or _NO_CONTENT.match(rest) else None


def _first_sentence(text: str) -> str:
    end = _SENTENCE_END.search(text)
    return text[: end.start()] if end else text


def _is_bare(text: str) -> bool:
    """Whether a text is an answer by itself rather than prose around one."""
    if len(text) > _BARE_LENGTH or "\n\n" in text or _LABEL.match(text):
        return False
    said = words(FORMULA.sub(lambda match: match[0] if is_prose(match[0]) else " 0 ", text))
    return len(said) <= FEW_WORDS and not _SENTENCE_WORDS.intersection(said)


def _without_emphasis(text: str) -> str:
    emphasised = _EMPHASISED.fullmatch(text)
    return emphasised[2].strip() if emphasised else text
