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


SOLUTION = {"problem": "1 + 1?", "steps": ["It is 3."], "first_error": 0}
PROBLEM = {"problem": "1 + 1?", "answer": "2"}


def test_rows_counts_and_hashes(tmp_path: Path) -> None:
    solutions = lines(tmp_path / "a.jsonl", SOLUTION, {**SOLUTION, "first_error": 7})
    problems = lines(tmp_path / "b.jsonl", PROBLEM, PROBLEM, {"problem": "1 + 2?"}, PROBLEM)
    files = read_files([solutions], [problems], limit=2)
    assert [row.first_error for row in files.labelled["a.jsonl"]] == [0]
    assert [row.answer for row in files.problems["b.jsonl"]] == ["2", "2"]
    assert files.problem_count == 2
    assert [(of["file"], of["rows"]) for of in files.facts] == [("a.jsonl", 1), ("b.jsonl", 2)]
    assert files.facts[1]["sha256"] == hashlib.sha256(problems.read_bytes()).hexdigest()
    assert "first_error" in files.complaints[0]
    assert files.complaints[1] == "b.jsonl: rows without an answer, 1"


def test_what_cannot_teach_anything_is_refused(tmp_path: Path) -> None:
    rollouts = lines(
        tmp_path / "r.jsonl", {**PROBLEM, "solutions": [{"steps": ["a"], "answer": "2"}]}
    )
    unanswered = lines(tmp_path / "u.jsonl", {"problem": "1 + 1?"})
    (tmp_path / "sub").mkdir()
    same = lines(tmp_path / "sub" / "r.jsonl", PROBLEM)
    for labelled, problems, match in (
        ([], [], "nothing to learn from"),
        ([rollouts], [], "no labelled solutions"),
        ([], [unanswered], "no problems with answers"),
        ([], [tmp_path / "none.jsonl"], "cannot read"),
        ([rollouts], [same], "same name"),
    ):
        with pytest.raises(UsageError, match=match):
            read_files(labelled, problems, None)
