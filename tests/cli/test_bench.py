"""`pfsolve bench` end to end on a small model: table, JSON, plot, and going on after an interruption."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pfsolve.lab.evaluation.labelled import Rollouts, read_labelled
from tests.cli.conftest import Cli

FAST = {"PFSOLVE_CONTEXT": "256"}


@pytest.fixture
def problems(tmp_path: Path) -> Path:
    path = tmp_path / "sums.jsonl"
    rows = [{"problem": f"What is {n} + 1?", "answer": str(n + 1)} for n in range(3)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def config(tmp_path: Path) -> None:
    folder = tmp_path / "config"
    folder.mkdir(exist_ok=True)
    (folder / "config.toml").write_text("max-steps = 2\nmax-step-tokens = 24\n")


def test_a_comparison_from_file_to_table(cli: Cli, problems: Path, tmp_path: Path) -> None:
    config(tmp_path)
    arguments = ["bench", str(problems), "--sizes", "2", "--limit", "2", "--seeds", "2"]
    arguments += ["--reward", "confidence"]
    for method in ("pf", "pf weights=ratio", "greedy", "sc", "wbon"):
        arguments += ["--method", method]
    first = cli(*arguments, "--parallel", "1", "--json", "--record", str(tmp_path / "runs"), **FAST)
    assert first.returncode == 0, first.stderr
    found = json.loads(first.stdout)
    methods = {(line["method"], line["n"]) for line in found["lines"]}
    assert {("pf", 2), ("pf weights=ratio", 2), ("greedy", 1), ("sc", 4), ("wbon", 1)} <= methods
    assert found["baseline"] == "wbon"
    results = tmp_path / "sums.bench.jsonl"
    lines = results.read_text().splitlines()
    assert len(lines) == 2 * (2 + 2 + 1 + 2)
    assert {json.loads(line)["settings"]["parallel"] for line in lines} == {1}
    runs = sorted((tmp_path / "runs").iterdir())
    assert [len(list(run.iterdir())) for run in runs] == [2] * 7
    rollouts = [run for run in runs if run.name.startswith("rollouts_n_2_seed_0")]
    rows = read_labelled(rollouts[0]).rows  # `reward eval` takes them as they are
    assert [len(row.attempts) for row in rows if isinstance(row, Rollouts)] == [2, 2]

    results.write_text("".join(line + "\n" for line in lines[:5]) + lines[5][:40])
    again = cli(*arguments, "--parallel", "1", "--json", **FAST)
    assert again.returncode == 0, again.stderr
    without_time = [
        {**line, "seconds": None, "tokens_per_second": None}
        for report in (first, again)
        for line in json.loads(report.stdout)["lines"]
    ]
    half = len(without_time) // 2
    assert without_time[:half] == without_time[half:]
    assert results.read_text().splitlines()[:5] == lines[:5]

    complete = results.read_text()
    table = cli(*arguments, **FAST)  # side by side or not decides no result: none is made anew
    assert table.returncode == 0
    assert results.read_text() == complete
    assert table.stdout.splitlines()[0].split("\t")[:3] == ["method", "n", "tokens"]
    assert "over wbon, same tokens" in table.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--method", "fp"], "unknown"),
        (["--sizes", "a"], "--sizes"),
        (["--sizes", "6", "--method", "beam"], "multiple"),
        (["--plot", "plot.doc"], "--plot"),
        (["--baseline", "pf"], "--baseline"),
        (["--method", "sc", "--method", "wbon"], "wbon goes by scores, and --reward is none"),
        (["--method", "beam", "--sizes", "4"], "--method beam goes by scores"),
    ],
)
def test_what_cannot_work_is_said_before_anything_is_run(
    cli: Cli, problems: Path, arguments: list[str], message: str
) -> None:
    result = cli("bench", str(problems), *arguments)
    assert result.returncode == 2
    assert message in result.stderr
    assert not problems.with_name("sums.bench.jsonl").exists()
