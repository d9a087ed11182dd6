"""Words that were hardly meant as a problem: a mistyped command, a file, a problem without quotes."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from pfsolve.errors import UsageError
from pfsolve.wording import listed

_ALIKE = 0.75  # of two words, as difflib measures it: "modles" and "models", not "more" and "score"
_ENDINGS = (".txt", ".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".gz")


def the_problem(words: Sequence[str], commands: Mapping[str, str], *, named: bool) -> str:
    """The problem that the command line gives.

    Args:
        words: its arguments, at least one.
        commands: what else may have been meant: each command's name, and how it is called.
        named: whether `solve` is named; then one word is a problem, whatever it looks like.

    Raises:
        UsageError: a command, a file, or several words.
    """
    first, text = words[0], " ".join(words)
    anyway = f"`pfsolve solve {shlex.quote(text)}` solves it as a problem"
    if not named:
        # "Solve x^2=4" begins with a word, and not with a command.
        word = first.lower() if len(words) == 1 else first
        near = difflib.get_close_matches(word, commands, n=1, cutoff=_ALIKE)
        if near and word.islower():
            raise UsageError(
                f"there is no command {first!r}", f"did you mean `{commands[near[0]]}`? {anyway}"
            )
        if _is_file(first):
            raise UsageError(
                f"{first!r} is the name of a file, not a problem",
                f"`pfsolve -f {shlex.quote(first)}` solves the problems in it; {anyway}",
            )
    if len(words) > 1:
        raise UsageError(
            f"the problem is {len(words)} arguments: {listed(words)}",
            f"put it in quotes: pfsolve {shlex.quote(text)}",
        )
    return first


def _is_file(word: str) -> bool:
    """Whether this is the name of a file, or looks like one."""
    if len(word.split()) > 1 or len(word) > 255:  # longer than a file's name may be
        return False
    return word.lower().endswith(_ENDINGS) or Path(word).is_file()
