"""Damaged files are read or refused in one line: a few that `tests/benchmarks/fuzz.py` makes of each kind."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.benchmarks.fuzz import breach, make
from tests.benchmarks.readers import READERS

CASES = int(os.environ.get("FUZZ_CASES", "25"))  # of each kind


@pytest.mark.parametrize("kind", READERS)
def test_a_damaged_file_is_read_or_refused_in_one_line(kind: str, tmp_path: Path) -> None:
    reader = READERS[kind]
    path = tmp_path / reader.name
    path.write_bytes(reader.seeds()[0])
    reader.read(path)
    for number in range(CASES):
        seed = f"gate {number} {kind}"
        assert breach(reader, make(reader, seed), tmp_path) is None, seed
