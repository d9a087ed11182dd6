"""`pfsolve reward train`, `show`, and `--reward probe` as a new user would use them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.conftest import SMALL


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """Sums, of which every second one goes wrong in its second step."""
    rows = []
    for n in range(24):
        wrong = n % 2
        steps = [
            f"We add {n} and {n + 1}.",
            f"The sum is {2 * n + 1 + wrong}.",
            f"The answer is \\boxed{{{2 * n + 1 + wrong}}}.",
        ]
        first_error = 1 if wrong else -1
        problem = f"What is {n} + {n + 1}?"
        rows.append({"problem": problem, "steps": steps, "first_error": first_error})
    path = tmp_path / "labelled.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def problems(tmp_path: Path) -> Path:
    path = tmp_path / "sums.jsonl"
    rows = [{"problem": f"What is {n} + 1?", "answer": str(n + 1)} for n in range(3)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_a_probe_is_trained_shown_and_used(
    cli: Cli, labelled: Path, problems: Path, tmp_path: Path
) -> None:
    fast = {"PFSOLVE_MAX_STEPS": "2", "PFSOLVE_CONTEXT": "256", "PFSOLVE_MAX_STEP_TOKENS": "32"}
    train = ["reward", "train", str(labelled), "--problems", str(problems)]
    train += ["--limit", "2", "--rollouts", "2", "--keep", str(tmp_path / "kept"), "--json"]
    none_yet = cli("What is 1 + 1?", "--reward", "probe", **fast)
    assert none_yet.returncode == 4
    assert f"there is no probe for {SMALL}" in none_yet.stderr
    assert "pfsolve reward train" in none_yet.stderr

    trained = cli(*train, **fast)
    assert trained.returncode == 0, trained.stderr
    about = json.loads(trained.stdout)
    assert about["path"] == str(tmp_path / "config" / "probes" / f"{SMALL}.npz")
    assert about["command"].startswith("pfsolve reward train labelled.jsonl --problems sums.jsonl")
    assert str(tmp_path) not in json.dumps({**about, "path": None}), "files by their names alone"
    assert [file["rows"] for file in about["files"]] == [24, 2]
    assert 0 <= about["measured"]["steps"]["labelled.jsonl"]["step_auc"] <= 1

    again = cli(*train, "-o", str(tmp_path / "again.npz"), **fast)
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "again.npz").read_bytes() == Path(about["path"]).read_bytes()
    assert len(list((tmp_path / "kept").iterdir())) == 26, "nothing was read twice"

    shown = cli("reward", "show")
    assert shown.returncode == 0
    assert "labelled.jsonl\tstep_auc" in shown.stdout

    for reward in ("probe", str(tmp_path / "again.npz")):
        solved = cli(
            "What is 1 + 1?", "-n", "2", "--reward", reward, "--json", "--seed", "1", **fast
        )
        assert solved.returncode in (0, 3), solved.stderr
        if solved.returncode == 0:
            run = json.loads(solved.stdout)
            assert run["settings"]["reward"] == "probe"
            assert len(run["versions"]["reward_sha256"]) == 64
    evaluated = cli("reward", "eval", str(labelled), "--reward", "probe", "--json", "-q")
    assert evaluated.returncode == 0, evaluated.stderr
    assert json.loads(evaluated.stdout)["labelled"] == 24


def test_what_cannot_work_is_said_before_anything_is_loaded(cli: Cli, labelled: Path) -> None:
    for arguments, message in (
        ([], "nothing to learn from"),
        ([str(labelled), "-o", "head.bin"], "does not end in .npz"),
        (["missing.jsonl"], "cannot read"),
    ):
        result = cli("reward", "train", *arguments)
        assert result.returncode == 2
        assert message in result.stderr
    missing = cli("1 + 1?", "--reward", "missing.npz")
    assert missing.returncode == 1
    assert "there is no probe missing.npz" in missing.stderr
