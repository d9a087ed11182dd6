"""What training a probe shows: how far it is, and what became of it."""

from __future__ import annotations

from pathlib import Path

from pfsolve.display.training import headline, probe_tables
from pfsolve.events import Collecting, Fitting


def test_time_left_follows_from_what_this_run_has_worked_on() -> None:
    """A hundred were there before, ten took 20 s, and ninety are left."""
    line = headline(Collecting("a.jsonl", True, 110, 200, 10, 760, 20.0))
    assert line == "a.jsonl: 110 of 200 problems solved · 38 tokens/s · 3 min 00 s left"
    assert (
        headline(Collecting("a.jsonl", False, 0, 1, 0, 0, 0.0)) == "a.jsonl: 0 of 1 solution read"
    )
    assert headline(Fitting(4, 160)) == "head 5 of 160"


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
