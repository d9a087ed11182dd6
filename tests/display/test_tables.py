"""What an evaluation and a training show besides their progress."""

from __future__ import annotations

from pathlib import Path

from pfsolve.display.report.evaluation import COMPLAINTS, complaint_lines
from pfsolve.display.report.probe import probe_tables


def test_a_probe_is_shown_with_what_length_alone_would_get() -> None:
    steps = {"step_auc": 0.81, "step_auc_by_length": 0.7, "intervals": {"step_auc": (0.75, 0.86)}}
    about = {
        "policy": "small",
        "files": [{"file": "a.jsonl", "rows": 2, "sha256": "f00"}],
        "measured": {"steps": {"a.jsonl": steps}, "outcome_auc": None, "outcome_auc_within": 0.6},
    }
    made, measured = probe_tables(about, Path("head.npz"))
    assert made.header == ("probe", "head.npz")
    assert made.rows == [("policy", "small"), ("from", "a.jsonl, 2 rows, sha256 f00")]
    assert ("a.jsonl", "step_auc", "0.810", "0.750 to 0.860", "0.700") in measured.rows
    assert measured.rows[-1] == ("rollouts", "outcome_auc_within", "0.600", "", "")


def test_many_complaints_are_counted() -> None:
    complaints = [f"line {n}: no JSON" for n in range(COMPLAINTS + 3)]
    lines = complaint_lines(complaints)
    assert lines == [*complaints[:COMPLAINTS], "… and 3 more"]
    assert complaint_lines(complaints[:COMPLAINTS]) == complaints[:COMPLAINTS]
