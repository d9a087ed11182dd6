r"""LaTeX that was put into JSON by hand: in "\frac" JSON sees a form feed, in "\theta" a tab.

What a program has written has each backslash doubled, and a single one before f, b, n, r or t is a
control character. Which of the two a text is shows in what no program would write: an escape that
JSON does not know, as in "\sqrt", or a control character before what makes it a macro and no word.
"""

from __future__ import annotations

import re

_ESCAPE = re.compile(r"\\(?:u[0-9A-Fa-f]{4}|[A-Za-z]+|.)", re.DOTALL)
_DOUBLED = re.compile(r"\\\\[A-Za-z]")
# Macros that begin like a control character, what follows being no beginning of a word, and others.
_SURE = re.compile(
    r"backslash|bar|because|begin|beta|between|bf|big\w*|binom|bmod|bm|bold\w*|bot|bowtie|boxed|breve|"
    r"bullet|fbox|flat|forall|frac|frown|nabla|ncong|neq|nexists|n[gl]eq|nmid|notin|nparallel|"
    r"nsu[bp]seteq|rVert|rbrac[ek]|rceil|rfloor|rho|right\w*|rvert|tanh|tbinom|tfrac|theta|therefore|"
    r"thickapprox|thinspace|times|triangle\w*|twoheadrightarrow"
)
_UNSURE = re.compile(
    r"natural|nearrow|neg?|newline|ni|nolimits|not|nu|nwarrow|rangle|rm|root|tan|tau|"
    r"text(?:bf|it|rm|sf|tt|sc|style|normal)?|tilde|to|top"
)


def mended(text: str) -> str:
    """JSON with the backslashes doubled that belong to LaTeX; the same text if there are none such."""
    if "\\" not in text:
        return text
    escapes = list(_ESCAPE.finditer(text))
    by_hand = any(_no_escape(found[0]) for found in escapes)
    if not by_hand and _DOUBLED.search(text):
        return text
    pieces, end = [], 0
    for found in escapes:
        if _no_escape(found[0]) or _is_macro(text, found, by_hand):
            pieces += [text[end : found.start()], "\\"]
            end = found.start()
    return "".join([*pieces, text[end:]])


def _no_escape(escape: str) -> bool:
    """Whether no program writes this: no escape of JSON, or a control character that makes a macro."""
    letter, word = escape[1], escape[1:]
    if letter == "u":
        return re.fullmatch(r"u[0-9A-Fa-f]{4}", word) is None
    return letter not in '"\\/bfnrt' or _SURE.fullmatch(word) is not None


def _is_macro(text: str, escape: re.Match[str], by_hand: bool) -> bool:
    """Whether this is a macro rather than white space before a word: "x \\ne 3", and not "Let\\ne = 3"."""
    word = escape[0][1:]
    if not _UNSURE.fullmatch(word):
        return False
    before = text[: escape.start()][-2:]
    return (
        by_hand
        or len(word) > 2
        or before.endswith((" ", "(", "{"))
        or before[-1:] == "$" != before[:1]
    )
