"""kill -9, two processes, and a full disk, in whole runs with the small model."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from pfsolve.lab.training.material import Folder
from pfsolve.results.file import ResultsFile
from tests.cli.conftest import Cli, cli_environment
from tests.conftest import SMALL

QUICK = ("-n", "2", "--max-steps", "2", "--max-step-tokens", "8", "--context", "256")
ENDLESS = ("-n", "8", "--max-step-tokens", "20", "--max-steps", "1000", "--no-early-stop")


@pytest.fixture
def problems(tmp_path: Path) -> Path:
    path = tmp_path / "sums.jsonl"
    rows = [{"problem": f"What is {n} + 1?", "answer": str(n + 1)} for n in range(4)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def start(tmp_path: Path, *args: str, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "pfsolve", *args],
        env=cli_environment(tmp_path / "config", **variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(12000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("waited in vain")


def test_a_second_solve_is_refused_the_file_and_a_killed_one_leaves_nothing_that_runs(
    cli: Cli, problems: Path, tmp_path: Path
) -> None:
    output = tmp_path / "results.jsonl"
    command = ("-f", str(problems), "-o", str(output), "--programs", "0.5", *ENDLESS)
    first = start(tmp_path, *command)
    assert first.stderr is not None
    assert any(line.startswith("policy ") for line in first.stderr), "it ended before"
    second = cli(*command, "--resume")
    assert second.returncode == 1
    assert f"Error: process {first.pid} is writing to {output}" in second.stderr
    wait_for(lambda: any(psutil.Process(first.pid).children()))  # in which programs run
    children = psutil.Process(first.pid).children(recursive=True)
    first.kill()
    first.communicate()
    _, alive = psutil.wait_procs(children, timeout=20)
    assert not alive
    with ResultsFile(output, resume=True) as file:
        assert file.moved == ()


def test_a_training_run_that_was_killed_goes_on_where_it_was(
    cli: Cli, problems: Path, tmp_path: Path, small_path: Path
) -> None:
    folder = tmp_path / "kept"
    quick = {"PFSOLVE_MAX_STEPS": "2", "PFSOLVE_MAX_STEP_TOKENS": "12", "PFSOLVE_CONTEXT": "256"}
    quick |= {"PFSOLVE_PROGRAMS": "0", "PFSOLVE_PARALLEL": "1"}
    command = ("reward", "train", "--problems", str(problems), "--rollouts", "2")
    command += ("--keep", str(folder))
    process = start(tmp_path, *command, **quick)
    wait_for(lambda: process.poll() is not None or any(folder.glob("*.npz")))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL, "it was over before it could be killed"
    there = {path: path.stat().st_mtime_ns for path in folder.glob("*.npz")}
    assert 0 < len(there) == len(list(Folder(folder).read(SMALL))) < 4
    again = cli(*command, **quick)
    assert again.returncode == 2, "four problems are too few to learn from"
    assert len(list(Folder(folder).read(SMALL))) == 4
    assert there.items() <= {p: p.stat().st_mtime_ns for p in folder.glob("*.npz")}.items()


FULL = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
from pfsolve.cli import main
main()
"""


@pytest.mark.skipif(os.name == "nt", reason="there is no ulimit")
def test_a_disk_that_has_no_room_for_a_record_does_not_cost_the_answer(
    tmp_path: Path, small_path: Path
) -> None:
    records = tmp_path / "records"
    command = ("What is 1 + 1?", *QUICK, "--programs", "0", "--record", str(records), "--json")
    result = subprocess.run(
        [sys.executable, "-c", FULL, *command],
        env=cli_environment(tmp_path / "config"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert json.loads(result.stdout)["problem"] == "What is 1 + 1?"
    assert result.returncode == 1
    error = result.stderr.splitlines()[-1]
    assert error.startswith(f"Error: {records}/What_is_1_1_-")
    assert error.endswith(".json: File too large")
    assert list(records.iterdir()) == []
