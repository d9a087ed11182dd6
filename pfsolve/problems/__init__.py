"""Files of problems: text with one a line, JSON or CSV, plain or packed with gzip.

`read_problems` accounts for every row of a file: it is a `Problem`, or a `BadRow` that says what is
wrong with it, or blank and counted. A bad row does not change how the others are read.
"""

from __future__ import annotations

from pfsolve.problems.fields import parse_fields
from pfsolve.problems.problem import BadRow, Problem, numbered
from pfsolve.problems.read import (
    INPUTS,
    ProblemFile,
    read_answered,
    read_objects,
    read_problems,
)
from pfsolve.problems.shard import Shard

__all__ = [
    "INPUTS",
    "BadRow",
    "Problem",
    "ProblemFile",
    "Shard",
    "numbered",
    "parse_fields",
    "read_answered",
    "read_objects",
    "read_problems",
]
