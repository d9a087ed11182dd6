"""`pfsolve reward eval` from the arguments to the exit code, with a reward that goes by the text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pfsolve.cli import run
from pfsolve.environment import Environment
from pfsolve.settings import METHODS, Settings
from pfsolve.solution import ScoredSolution
from tests.conftest import SMALL


@dataclass
class Solver:
    """Reads a solution as the real one does, but gives each step the log-odds it ends in."""

    settings: Settings
    versions: dict[str, str] = field(default_factory=lambda: {"policy_sha256": "f00"})
    read: list[str] = field(default_factory=list)

    def read_solution(self, problem: str, steps: Sequence[str]) -> ScoredSolution:
        self.read.append(problem)
        scores = np.array([float(step.split()[-1]) for step in steps])
        return ScoredSolution(scores, 10 * len(steps), 0.5)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Solver]:
    """The solvers that the command opens."""
    solvers: list[Solver] = []

    @contextmanager
    def open_solver(settings: Settings, *_: Any, **__: Any) -> Iterator[tuple[Solver, Any]]:
        solvers.append(Solver(settings))
        yield solvers[-1], lambda: False

    monkeypatch.setattr("pfsolve.cli.session.open_solver", open_solver)
    monkeypatch.setenv("PFSOLVE_CONFIG_DIR", str(tmp_path / "config"))
    return solvers


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    lines = [
        {
            "problem": f"p{i}",
            "steps": ["so 2", f"then {-3 if i % 2 else 1}"],
            "first_error": 1 if i % 2 else -1,
        }
        for i in range(8)
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def reward_eval(*arguments: object) -> int:
    return run(["reward", "eval", *map(str, arguments)], Environment())


def test_json_on_stdout_and_what_was_read_on_stderr(
    rows: Path, opened: list[Solver], capsys: pytest.CaptureFixture[str]
) -> None:
    assert reward_eval(rows, "--reward", "confidence", "--policy", "small", "--json") == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert (found["step_auc"], found["f1"], found["rows"]) == (1.0, 1.0, 8)
    assert found["settings"]["reward"] == "confidence"
    assert found["settings"]["policy"] == "small"
    assert found["settings"]["policy_sha256"] == "f00"
    assert "8 labelled solutions" in err
    assert opened[0].settings.particles == 1, "one solution is read at a time"


def test_scores_are_kept_and_not_computed_again(
    rows: Path, opened: list[Solver], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    output = tmp_path / "scores.jsonl"
    assert reward_eval(rows, "--reward", "confidence", "-o", output, "--limit", 3) == 0
    assert reward_eval(rows, "--reward", "confidence", "-o", output, "--quiet") == 0
    assert [len(solver.read) for solver in opened] == [3, 5]
    assert reward_eval(rows, "--reward", "self-evaluation", "-o", output, "--quiet") == 0
    assert len(opened[2].read) == 8, "another reward has scores of its own"
    assert "step_auc\t1.000" in capsys.readouterr().out


def test_recorded_rollouts_of_several_folders_keep_the_scores_of_this_reward(
    tmp_path: Path, opened: list[Solver], capsys: pytest.CaptureFixture[str]
) -> None:
    for run_name in ("seed_0", "seed_1"):
        (tmp_path / run_name).mkdir()
        record = {
            "problem": "What is 2 + 2?",
            "expected": "4",
            "particles": [
                {
                    "steps": ["a 9", "b 9"],
                    "log_odds": [-1, 1],
                    "ancestors": [0, 0],
                    "answer": "4",
                },
                {"steps": ["c 9"], "log_odds": [0], "ancestors": [1], "answer": "5"},
            ],
            "settings": {"policy": "small", "reward": "confidence", "aggregate": "last"}
            | {"method": "bon", "seed": 3},
            "versions": {"policy_sha256": "f00", "python": "3"},
        }
        (tmp_path / run_name / "p.json").write_text(json.dumps(record))
    folders = (tmp_path / "seed_0", tmp_path / "seed_1")
    assert reward_eval(*folders, "--policy", "small", "--reward", "confidence", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert opened[0].read == []
    assert (found["rollouts"], found["tokens"]) == (2, 0)
    assert [(of["step"], of["auc"]) for of in found["early_auc"]] == [(1, 0.0), (None, 1.0)]

    assert reward_eval(*folders, "--policy", "small", "--reward", "self-evaluation", "--json") == 0
    assert len(opened[1].read) == 4, "another reward reads them all"
    assert [of["auc"] for of in json.loads(capsys.readouterr().out)["early_auc"]] == [0.5, 0.5]


@pytest.mark.parametrize("method", METHODS)
def test_a_method_of_the_config_file_has_no_say(
    rows: Path, opened: list[Solver], monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setenv("PFSOLVE_METHOD", method)
    assert reward_eval(rows) == 0
    assert (opened[0].settings.particles, opened[0].settings.reward) == (1, None)


def test_a_malformed_row_is_named_counted_and_makes_the_exit_code(
    rows: Path, opened: list[Solver], capsys: pytest.CaptureFixture[str]
) -> None:
    rows.write_text(rows.read_text() + '{"problem": "p", "steps": [], "first_error": 0}\n')
    assert reward_eval(rows, "--reward", "confidence", "--json") == 5
    out, err = capsys.readouterr()
    assert json.loads(out)["left_out"] == 1
    assert "line 9: there are no steps" in err
    assert "1 of 9 rows are left out" in err


@pytest.mark.parametrize("arguments", [("--reward", "none"), ()])
def test_a_reward_that_scores_nothing_is_not_measured(
    rows: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    arguments: tuple[str, ...],
) -> None:
    monkeypatch.setenv("PFSOLVE_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("PFSOLVE_MODELS_DIR", str(tmp_path / "no models"))
    assert reward_eval(rows, "--policy", SMALL, *arguments) == 2
    assert "--reward is none, which scores nothing" in (said := capsys.readouterr().err)
    assert "--reward confidence" in said
    assert "etching" not in said


@pytest.mark.parametrize("threshold", ["-0.1", "1.1", "high"])
def test_a_threshold_is_a_score(
    rows: Path, opened: list[Solver], threshold: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert reward_eval(rows, "--threshold", threshold) == 2
    assert opened == [], "nothing is loaded for it"
    assert "threshold" in capsys.readouterr().err


def test_a_given_threshold_is_used(
    rows: Path, opened: list[Solver], capsys: pytest.CaptureFixture[str]
) -> None:
    assert reward_eval(rows, "--threshold", "0.01", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["threshold"], found["chosen"]) == (0.01, "given")
    assert (found["accuracy_wrong"], found["accuracy_right"], found["f1"]) == (0.0, 1.0, 0.0)


def test_a_file_that_is_not_there_ends_before_a_model_is_loaded(
    opened: list[Solver], capsys: pytest.CaptureFixture[str]
) -> None:
    assert reward_eval("absent.jsonl") == 2
    assert opened == []
    assert "cannot read absent.jsonl" in capsys.readouterr().err
