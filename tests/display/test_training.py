"""What training a probe shows: how far it is, and what became of it."""

from __future__ import annotations

import io
from pathlib import Path

from pfsolve.display.training import headline, show_probe
from pfsolve.environment import Environment
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
    stream = io.StringIO()
    steps = {"step_auc": 0.81, "step_auc_by_length": 0.7, "intervals": {"step_auc": (0.75, 0.86)}}
    about = {
        "policy": "small",
        "files": [{"file": "a.jsonl", "rows": 2, "sha256": "f00"}],
        "measured": {"steps": {"a.jsonl": steps}, "outcome_auc": None, "outcome_auc_within": 0.6},
    }
    show_probe(about, Path("head.npz"), Environment(stdout=stream, variables={}))
    lines = stream.getvalue().splitlines()
    assert lines[:3] == ["probe\thead.npz", "policy\tsmall", "from\ta.jsonl, 2 rows, sha256 f00"]
    assert "a.jsonl\tstep_auc\t0.810\t0.750 to 0.860\t0.700" in lines
    assert lines[-1] == "rollouts\toutcome_auc_within\t0.600\t\t"
