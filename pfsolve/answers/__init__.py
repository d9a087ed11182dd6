"""Final answers: finding one in a text, and deciding whether two of them are the same.

`extract_answer` and `boxed_answer` read a solution. `equivalent` compares two answers and
`group_equivalent` sorts many into classes for a vote. Most pairs are settled by their normalised
text and structure alone, in well under a millisecond; the rest go to math-verify, SymPy and, for
units, pint in a child process (`oracle`) that is killed when it takes too long. Importing this
package loads none of them.

An answer is `mended` (damage), extracted, normalised (characters, words, normalise), read as a tree
(structure, relations, units) and compared (matching, quantities, values).
"""

from __future__ import annotations

from pfsolve.answers.boxes import boxed_answer, is_boxed
from pfsolve.answers.equivalence import equivalent, group_equivalent
from pfsolve.answers.extract import extract_answer
from pfsolve.answers.oracle import warm_up
from pfsolve.answers.thoughts import ends_a_thought, ends_in_thought, spoken

__all__ = [
    "boxed_answer",
    "ends_a_thought",
    "ends_in_thought",
    "equivalent",
    "extract_answer",
    "group_equivalent",
    "is_boxed",
    "spoken",
    "warm_up",
]
