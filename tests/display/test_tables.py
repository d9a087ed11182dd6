"""What an evaluation and a training show besides their progress."""

from __future__ import annotations

from pathlib import Path

from pfsolve.display.report.evaluation import COMPLAINTS, complaint_lines
from pfsolve.display.report.probe import probe_tables


def test_a_probe_is_shown_with_what_is_told_without_it() -> None:
    step = {"step": 2, "problems": 9, "auc": 0.613, "interval": (0.55, 0.678)}
    step["baselines"] = {"log_prob": 0.5, "mean_log_prob": 0.51, "entropy": 0.52, "length": 0.53}
    text = {"depths": (0.5, 1.0), "components": 8, "ridge": 0.1, "problems": 12, "solutions": 48}
    about = {
        "policy": "small",
        "files": [{"file": "a.jsonl", "rows": 2, "sha256": "f00"}],
        "settings": {"temperature": 0.5},
        "measured": {"text": text | {"steps": [step, step | {"step": None, "interval": None}]}},
    }
    made, measured = probe_tables(about, Path("head.npz"))
    assert made.header == ("probe", "head.npz")
    assert made.rows == [
        ("policy", "small"),
        ("from", "a.jsonl, 2 rows, sha256 f00"),
        ("temperature", "0.5"),
        (
            "texts",
            "48 of 12 problems with right and wrong ones; states 0.50, final; 8 components, ridge 0.1",
        ),
    ]
    baselines = ("0.50", "0.51", "0.52", "0.53")
    assert measured.rows == [
        ("texts, step 2", "9", "0.61", "0.55 to 0.68", *baselines),
        ("texts, end", "9", "0.61", "", *baselines),
    ]


def test_many_complaints_are_counted() -> None:
    complaints = [f"line {n}: no JSON" for n in range(COMPLAINTS + 3)]
    lines = complaint_lines(complaints)
    assert lines == [*complaints[:COMPLAINTS], "… and 3 more"]
    assert complaint_lines(complaints[:COMPLAINTS]) == complaints[:COMPLAINTS]
