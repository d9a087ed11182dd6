"""The solution on a terminal, in a pipe and on request, and `pfsolve show` of runs that are over."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from pfsolve.results.history import KEPT, History
from pfsolve.results.line import alone
from tests.cli.conftest import Cli, cli_environment
from tests.results.conftest import PROBLEMS, solution

# The small model boxes something often enough, when it is told to.
SAY = "Only write \\boxed{5}. Nothing else, only \\boxed{5}."
QUICK = (
    *("-n", "8", "--seed", "1", "--no-early-stop", "--programs", "0"),
    *("--max-steps", "2", "--max-step-tokens", "16", "--reward", "none", "--context", "256"),
)


def history(tmp_path: Path) -> History:
    """Where a command that is run by `cli` keeps its runs."""
    return History(tmp_path / "state")


def on_a_terminal(config_dir: Path, *args: str, **variables: str) -> list[str]:
    """The lines that stdout gets if it is a terminal of 80 columns, and stderr is not."""
    screen, end = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "pfsolve", *args],
        env=cli_environment(config_dir, TERM="xterm", NO_COLOR="1", COLUMNS="80", **variables),
        stdin=subprocess.DEVNULL,
        stdout=end,
        stderr=subprocess.DEVNULL,
    )
    os.close(end)
    data = b""
    try:
        while chunk := os.read(screen, 4096):
            data += chunk
    except OSError:  # Linux says so when nobody holds the other end any more
        pass
    assert process.wait(timeout=300) == 0
    os.close(screen)
    plain = data.decode().replace("\x1b[1m", "").replace("\x1b[2m", "").replace("\x1b[0m", "")
    assert "\x1b" not in plain
    return plain.splitlines()


def test_a_pipe_gets_the_solution_on_request_and_the_answer_on_the_last_line(
    cli: Cli, tmp_path: Path
) -> None:
    result = cli(SAY, *QUICK, "--solution")
    assert result.returncode == 0, "the small model boxes something here"
    *written, blank, answer = result.stdout.splitlines()
    best = history(tmp_path).find("1")["best"]
    assert best is not None
    assert "\n".join(written) == "".join(best["steps"]).strip()
    assert (blank, answer) == ("", best["answer"])
    assert cli(SAY, *QUICK).stdout.splitlines() == [answer], "and else the answer alone"


def test_a_terminal_gets_the_solution_the_answer_and_a_line_about_them(
    tmp_path: Path, small_path: Path
) -> None:
    config = tmp_path / "config"
    lines = on_a_terminal(config, SAY, *QUICK)
    assert lines[-2].startswith("Answer  ")
    assert lines[-3] == ""
    about = lines[-1].split(" · ")
    assert about[0].endswith("of the vote")
    assert about[1:3] == ["8 particles", "seed 1"]
    assert about[-1] == "pfsolve show for more"
    shown = on_a_terminal(config, "show")
    assert shown[0] == "│ Only write 5. Nothing else, only 5."
    assert shown[2:-1] == lines[:-1], "the same once more"
    answer = lines[-2].removeprefix("Answer  ")
    assert on_a_terminal(config, SAY, *QUICK, "-q") == [answer]
    assert on_a_terminal(config, SAY, *QUICK, "--no-solution")[:-1] == [f"Answer  {answer}"]


def test_a_file_has_no_single_solution(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "p.txt"
    file.write_text("1 + 1?\n2 + 2?\n")
    result = cli("-f", str(file), "--solution", PFSOLVE_POLICY="nowhere.gguf")
    assert (result.returncode, result.stdout) == (2, "")
    assert "--solution is for one problem" in result.stderr


def test_json_and_rows_hold_the_particle_that_the_answer_is_taken_from(
    cli: Cli, tmp_path: Path
) -> None:
    full = json.loads(cli(SAY, *QUICK, "--json", "full").stdout)
    assert full["best"] == full["particles"][full["chosen"]]
    assert full["best"]["answer"] == full["answer"]
    file = tmp_path / "p.txt"
    file.write_text(f"{SAY}\n{SAY}\n")
    cli("-f", str(file), "-o", str(tmp_path / "r.jsonl"), *QUICK)
    rows = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()]
    assert len(rows) == 2
    assert any(row["answer"] for row in rows)
    for row in rows:
        assert (row["best"] or {}).get("answer") == row["answer"]
        assert "particles" not in row


def test_runs_are_kept_unless_that_is_unwanted_or_impossible(cli: Cli, tmp_path: Path) -> None:
    quick = ("What is 2 + 3?", "-n", "1", "--max-steps", "1", "--max-step-tokens", "2", "--json")
    cli(*quick, "--no-history")
    cli(*quick, PFSOLVE_HISTORY="0")
    assert history(tmp_path).runs() == []
    kept = cli(*quick)
    (run,) = history(tmp_path).runs()
    assert kept.returncode == 3
    assert run.read()["particles"], "also without an answer"
    assert json.loads(kept.stdout)["settings_hash"] == run.read()["settings_hash"]
    (tmp_path / "file").write_text("")
    result = cli(*quick, "-v", PFSOLVE_STATE_DIR=str(tmp_path / "file"))
    assert result.returncode == kept.returncode
    assert json.loads(result.stdout)["problem"] == quick[0]
    assert result.stderr.count("not kept for pfsolve show") == 1


# -- pfsolve show: no model is needed --


@pytest.fixture
def kept(tmp_path: Path) -> History:
    runs = history(tmp_path)
    for problem in PROBLEMS[:3]:
        runs.keep(alone(solution(problem, problem.answer), particles=True))
    return runs


def test_show_in_a_pipe(cli: Cli, kept: History, tmp_path: Path) -> None:
    assert cli("show").stdout == "> What is 3 + 3?\n\n\\boxed{6}\n\n6\n"
    assert cli("show", "3").stdout == "> What is 1 + 1?\n\n\\boxed{2}\n\n2\n"
    middle = kept.runs()[1]
    by_path = cli("show", str(middle.path), "--json")
    assert json.loads(by_path.stdout) == json.loads(cli("show", middle.id, "--json").stdout)
    assert json.loads(by_path.stdout)["particles"][0]["steps"] == ["\\boxed{4}"]
    everything = cli("show", "--all").stdout.splitlines()
    assert (
        everything[2]
        == "## text 0 · 100 % of the weight · answer $6$ · the answer is taken from it"
    )
    assert everything[4] == "\\boxed{6}"


def test_report_writes_a_page(cli: Cli, kept: History, tmp_path: Path) -> None:
    file = tmp_path / "run.html"
    written = cli("report", "2", "-o", str(file))
    assert (written.returncode, written.stdout) == (0, "")
    assert "What is 2 + 2?" in file.read_text()
    assert cli("report", "2").stdout == file.read_text()
    path = kept.runs()[0].path
    assert "is the record itself" in cli("report", str(path), "-o", str(path)).stderr


def test_the_list_of_runs(cli: Cli, kept: History) -> None:
    kept.runs()[1].path.write_text("damaged")
    header, *rows = (line.split("\t") for line in cli("show", "--list").stdout.splitlines())
    assert header == ["run", "id", "when", "answer", "problem"]
    assert [row[:2] for row in rows] == [[str(n), run.id] for n, run in enumerate(kept.runs(), 1)]
    assert [row[3:] for row in rows] == [["6", "What is 3 + 3?"], ["", ""], ["2", "What is 1 + 1?"]]
    listed = json.loads(cli("show", "--list", "--json").stdout)
    assert [each["answer"] for each in listed] == ["6", None, "2"]
    assert len(listed) <= KEPT


def test_show_without_a_run_says_what_to_do(cli: Cli, tmp_path: Path) -> None:
    nothing = cli("show")
    assert (nothing.returncode, nothing.stdout) == (1, "")
    assert nothing.stderr.splitlines() == [
        "Error: no run has been kept yet",
        'try: pfsolve "Solve x^2=4", and then: pfsolve show',
    ]
    assert cli("show", "--list").returncode == 0
    assert "do not go together" in cli("show", "--list", "--all").stderr
    wrong = cli("show", "abcd")
    assert wrong.returncode == 2
    assert "there is no run 'abcd'" in wrong.stderr
