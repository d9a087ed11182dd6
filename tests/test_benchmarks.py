"""The scripts in tests/benchmarks still run: nothing else would notice that they no longer fit the engine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("small_path")

BENCHMARKS = Path(__file__).parent / "benchmarks"
SMALL = ("--policy", "smollm2-135m-instruct", "-n", "2", "--max-steps", "1")


def run(script: str, *args: str) -> str:
    command = [sys.executable, str(BENCHMARKS / script), *args, *SMALL]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_throughput_replays_what_a_solve_asked_of_the_cache() -> None:
    rewards = ("--reward", "none", "--against", "confidence")
    printed = run("throughput.py", *rewards, "--max-step-tokens", "8", "--rounds", "2")
    assert "2 particles, reward none: " in printed
    assert "tokens a second against reward confidence: median ratio" in printed
    assert "fork at 2000 tokens" in printed


@pytest.mark.parametrize(
    ("script", "args", "said"),
    [
        (
            "engine.py",
            ("--rows", "1,2", "--tokens", "2", "--turns", "1"),
            "  2 rows: llama_decode ",
        ),
        ("kv_type.py", ("--tokens", "3", "--problems", "1"), "q8_0: 3 tokens; logits differ by 0."),
    ],
)
def test_parts_of_the_engine_are_measured(script: str, args: tuple[str, ...], said: str) -> None:
    command = [sys.executable, str(BENCHMARKS / script), *SMALL[:2], *args]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert said in printed


def test_many_solves_leave_nothing_behind() -> None:
    printed = run("soak.py", "--problems", "8", "--first", "4", "--growth", "0.1")
    assert "8 Solution; memory grew by" in printed
    assert "the cache is empty" in printed


def test_filters_are_compared_with_votes() -> None:
    script = str(BENCHMARKS / "filters.py")
    command = [sys.executable, script, "--problems", "3", "--reward", "good", "--method", "pf"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "| pf | " in printed


def test_batch_solves_side_by_side_and_one_at_a_time(tmp_path: Path) -> None:
    rows = [json.dumps({"problem": f"What is 1+{n}?", "answer": str(n + 1)}) for n in range(2)]
    (tmp_path / "two.jsonl").write_text("\n".join(rows))
    printed = run("batch.py", str(tmp_path / "two.jsonl"), "--problems", "2", "--reward", "none")
    assert "2 at a time: 2 problems" in printed
    assert "1 at a time: 2 problems" in printed
    assert "ratio of problems an hour" in printed


def test_serving_is_simulated_and_a_start_is_measured_without_a_model() -> None:
    serving = ("serving.py", "--problems", "6", "--seeds", "1", "--machines", "cpu", "gpu")
    for (script, *args), expected in (
        (serving, "oldest, whole tiles        whole "),
        (("start.py", "--only-help", "--repeats", "1"), "completion  "),
    ):
        command = [sys.executable, str(BENCHMARKS / script), *args]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        assert expected in printed
