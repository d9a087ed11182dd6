"""Files to learn from: read, counted, named by hash; what holds nothing of the kind is refused."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from pfsolve.errors import UsageError
from pfsolve.lab.training.files import read_files


def lines(path: Path, *rows: dict[str, object]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


PROBLEM = {"problem": "1 + 1?", "answer": "2"}


def test_rows_counts_and_hashes(tmp_path: Path) -> None:
    path = lines(tmp_path / "b.jsonl", PROBLEM, PROBLEM, {"problem": "1 + 2?"}, PROBLEM)
    (file,) = read_files([path], limit=2)
    assert [row.answer for row in file.problems] == ["2", "2"]
    assert (file.name, file.unusable) == ("b.jsonl", 1)
    assert file.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_what_cannot_teach_anything_is_refused(tmp_path: Path) -> None:
    unanswered = lines(tmp_path / "u.jsonl", {"problem": "1 + 1?"})
    (tmp_path / "sub").mkdir()
    same = [lines(tmp_path / "r.jsonl", PROBLEM), lines(tmp_path / "sub" / "r.jsonl", PROBLEM)]
    for paths, match in (
        ([unanswered], "no problems with answers"),
        ([tmp_path / "none.jsonl"], "cannot read"),
        (same, "same name"),
    ):
        with pytest.raises(UsageError, match=match):
            read_files(paths, None)
