"""Reports of made-up results whose accuracies, tokens and differences are known."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from pfsolve.lab.bench.plan import ROLLOUTS, make_plan
from pfsolve.lab.bench.report import Comparison, compare
from pfsolve.problems import Problem
from pfsolve.results.file import ResultsFile, read_solved
from pfsolve.results.line import Origin
from pfsolve.settings import merge
from tests.conftest import SCHEMA_1

AT = "2026-01-01T00:00:{:02d}+00:00"


def record(run: str, name: str, classes: list[int], correct: bool, **more: Any) -> dict[str, Any]:
    """A result whose particles took 100 tokens each and have scores in falling order."""
    n = len(classes)
    pool = {
        "classes": classes,
        "log_odds": [float(n - i) for i in range(n)],
        "weights": [1 / n] * n,
        "tokens": [100] * n,
    }
    return {
        "id": name,
        "settings_hash": run,
        "correct": correct,
        "answer": "1",
        "tokens": 100 * n,
        "reward_tokens": 10 * n,
        "pool": pool,
        "timings": {"solve_seconds": 2.0},
        "at": AT.format(2 * int(name)),
        **more,
    }


def compared(baseline: str | None = None) -> Comparison:
    """Two problems, two seeds.

    A filter of 2 is right on the first problem always, on the second with one seed; of 4 rollouts the
    first problem has 3 right, the best one wrong; the second has none. The file also holds another
    run, and a problem beyond those compared.
    """
    plan = make_plan(["pf", "sc", "bon"], [2], 2, [0, 1], baseline)
    runs = plan.runs(scored=True)
    hashes = [f"{run.label}{run.seed}" for run in runs]
    records = [
        record("pf0", "1", [0, 0], True),
        record("pf0", "2", [1, 0], False),
        record("pf1", "1", [0, 0], True),
        record("pf1", "2", [0, 0], True),
        record(f"{ROLLOUTS}0", "1", [1, 0], False),
        record(f"{ROLLOUTS}0", "2", [1, 2], False),
        record(f"{ROLLOUTS}1", "1", [0, 0], True),
        record(f"{ROLLOUTS}1", "2", [1, -1], False),
        record("another", "1", [1, 1], False),
        record("pf0", "3", [1, 1], False),
    ]
    return compare(plan, runs, hashes, ["1", "2"], records, {})


def line(comparison: Comparison, method: str, n: int) -> Any:
    (found,) = [one for one in comparison.lines if (one.method, one.n) == (method, n)]
    return found


def test_accuracy_is_the_mean_over_seeds_and_problems() -> None:
    pf = line(compared(), "pf", 2)
    assert pf.accuracy == pytest.approx(0.75)
    assert pf.vote == pytest.approx((1 + (0.5 + 1) / 2) / 2), "a tie is half right"
    assert pf.oracle == 1.0
    assert (pf.tokens, pf.reward_tokens) == (200.0, 20.0)
    assert (pf.problems, pf.seeds) == (2, 2)
    assert pf.seconds == pytest.approx(2.0), "two problems of two seconds, one after the other"
    assert pf.tokens_per_second == pytest.approx(100.0)


def test_rollouts_of_all_seeds_give_every_size() -> None:
    found = compared()
    assert [one.n for one in found.lines if one.method == "sc"] == [1, 2, 4]
    assert line(found, "sc", 1).accuracy == pytest.approx(3 / 8)
    assert line(found, "sc", 4).accuracy == pytest.approx(1 / 2)
    assert line(found, "bon", 4).accuracy == pytest.approx(
        # scores 2, 1, 2, 1: the tie of a wrong and a right one is even
        1 / 4
    )
    assert line(found, "sc", 4).tokens == 400
    assert line(found, "sc", 4).reward_tokens == 0
    assert line(found, "bon", 4).reward_tokens == 40


def test_rollouts_have_the_time_of_the_run_that_drew_them() -> None:
    found = compared()
    assert line(found, "bon", 2).seconds == pytest.approx(2.0)
    assert line(found, "bon", 2).tokens_per_second == pytest.approx(100.0)
    assert line(found, "bon", 4).seconds is None, "no run drew four of a problem"
    assert line(found, "sc", 2).seconds is None, "its votes need no score, the run had them scored"


def test_a_difference_is_taken_at_equal_tokens_and_at_equal_n() -> None:
    found = compared(baseline="sc")
    assert found.baseline == "sc"
    pf = line(found, "pf", 2)
    at_two = line(found, "sc", 2).accuracy
    assert pf.equal_n.gain == pytest.approx(0.75 - at_two)
    assert pf.equal_tokens.n == pytest.approx(2.0)
    assert not pf.equal_tokens.beyond
    assert pf.equal_tokens.interval[0] <= pf.equal_tokens.gain <= pf.equal_tokens.interval[1]
    assert line(found, "sc", 2).equal_tokens is None


def test_between_two_sizes_of_the_baseline_lies_a_mixture_and_beyond_is_said() -> None:
    plan = make_plan(["pf", "sc"], [2], 2, [0])
    runs = plan.runs(scored=False)
    hashes = [run.label for run in runs]
    rollouts = [record(ROLLOUTS, "1", [0, 1], False), record(ROLLOUTS, "2", [0, 0], True)]
    for tokens, n, gain in ((150, 1.5, 1 - 0.75), (300, 3.0, 1 - 0.75)):
        searched = [record("pf", name, [0, 0], True, tokens=tokens) for name in ("1", "2")]
        found = compare(plan, runs, hashes, ["1", "2"], [*rollouts, *searched], {})
        pf = line(found, "pf", 2)
        assert pf.equal_tokens.n == pytest.approx(n)
        assert pf.equal_tokens.gain == pytest.approx(gain)
        assert pf.equal_tokens.beyond is (n > 2)


def test_a_problem_that_failed_is_wrong() -> None:
    plan = make_plan(["pf"], [2], None, [0])
    failed = {
        "id": "2",
        "settings_hash": "pf",
        "correct": False,
        "answer": None,
        "at": AT.format(0),
        "error": {"kind": "NoAnswer", "message": ""},
    }
    records = [record("pf", "1", [0, 0], True), failed]
    (pf,) = compare(plan, plan.runs(True), ["pf"], ["1", "2"], records, {}).lines
    assert (pf.accuracy, pf.vote, pf.oracle, pf.tokens) == (0.5, 0.5, 0.5, 100.0)
    assert pf.equal_tokens is None


def mixed(run: str, name: str, classes: list[int], kinds: str, seconds: float) -> dict[str, Any]:
    """A result of texts (t) and programs (p)."""
    found = record(run, name, classes, True)
    found["pool"]["kinds"] = [{"t": "text", "p": "program"}[of] for of in kinds]
    found["timings"]["sandbox_seconds"] = seconds
    return found


def test_each_kind_is_counted_by_itself_and_a_problem_counts_once() -> None:
    """Two seeds, and searches that ended early: a problem of few particles counts like any other."""
    plan = make_plan(["pf"], [8], None, [0, 1])
    records = [
        mixed("0", "1", [0, 1], "tp", 1.0),
        mixed("1", "1", [0, -1, 0, 0], "tptp", 2.0),
        mixed("0", "2", [2, -1], "tt", 0.0),
        mixed("1", "2", [2, 0], "tt", 0.0),
    ]
    (pf,) = compare(plan, plan.runs(True), ["0", "1"], ["1", "2"], records, {}).lines
    texts, programs = pf.kinds
    assert (texts.kind, programs.kind) == ("text", "program")
    assert texts.particles == pytest.approx((1.5 + 2) / 2)
    assert programs.particles == pytest.approx((1.5 + 0) / 2)
    assert texts.answered == pytest.approx((1 + 3 / 4) / 2)
    assert texts.right == pytest.approx((1 + 1 / 4) / 2)
    assert programs.answered == pytest.approx(2 / 3), "the other problem has no program"
    assert programs.right == pytest.approx(1 / 3)
    assert pf.sandbox_seconds == pytest.approx((1.5 + 0) / 2)


def test_results_from_before_programs_are_of_texts() -> None:
    pf = line(compared(), "pf", 2)
    assert [(of.kind, of.particles, of.answered) for of in pf.kinds] == [("text", 2.0, 1.0)]
    assert pf.kinds[0].right == pytest.approx((1 + 3 / 4) / 2)
    assert pf.sandbox_seconds == 0.0
    assert line(compared(), "sc", 2).kinds == ()


def test_the_report_is_plain_json() -> None:
    found = json.loads(json.dumps(compared().to_json(), allow_nan=False))
    assert found["lines"][0]["kinds"][0]["kind"] == "text"
    assert found["baseline"] == "bon"
    assert found["lines"][0]["method"] == "pf"


def test_a_comparison_of_schema_1_is_resumed_and_reported(tmp_path: Path) -> None:
    path = Path(shutil.copy(SCHEMA_1 / "bench.jsonl", tmp_path))
    filters = "pf ess-threshold=1 softmax-temperature=1 final=weighted-vote"
    plan = make_plan([filters, "sc", "bon"], [2], 2, [0])
    runs = plan.runs(scored=True)
    base = {"policy": "smollm2-135m-instruct", "reward": "confidence", "context": 512}
    base |= {"temperature": 0.8, "max_steps": 3, "max_step_tokens": 40}
    base |= {
        "programs": 0.0,
        "early_stop": False,
        "top_p": 1.0,
        "top_k": 0,
        "min_p": 0.0,
    }  # as then
    with ResultsFile(path, resume=True) as file:
        old = file.records
        problems = [Problem(r["id"], r["line"], r["problem"], r["expected"]) for r in old[:3]]
        hashes = [
            Origin(merge(base, run.layer), old[0]["versions"], 3).settings_hash for run in runs
        ]
        assert [set(file.resume(of, problems)) for of in hashes] == [{"p1", "p2", "p3"}] * 2
    assert path.read_bytes() == (SCHEMA_1 / "bench.jsonl").read_bytes()
    found = compare(plan, runs, hashes, ["p1", "p2", "p3"], read_solved(path).records, {})
    assert line(found, filters, 2).accuracy == pytest.approx(1 / 3)
    assert line(found, "bon", 2).accuracy == pytest.approx(1 / 3)
    assert line(found, "bon", 2).oracle == pytest.approx(2 / 3)
