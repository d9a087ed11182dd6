"""`pfsolve reward train`, `show`, and `--reward probe` as a new user would use them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pfsolve.lab.training.material import Folder
from pfsolve.lab.training.recorder import DEPTHS
from pfsolve.models.catalogue import load_catalogue
from tests.cli.conftest import Cli
from tests.conftest import SMALL
from tests.lab.training.test_train import rollouts


@pytest.fixture
def problems(tmp_path: Path) -> Path:
    path = tmp_path / "sums.jsonl"
    rows = [{"problem": f"What is {n} + 1?", "answer": str(n + 1)} for n in range(3)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A folder of what the small policy could have written."""
    folder = Folder(tmp_path / "kept")
    sha256 = load_catalogue(tmp_path).get(SMALL).sha256
    assert sha256 is not None
    for item in rollouts(20, signal=4.0, n_embd=576, depths=DEPTHS):
        origin = replace(item.origin, policy=SMALL, policy_sha256=sha256)
        folder.write(replace(item, origin=origin))
    return folder.path


def test_a_probe_is_trained_shown_and_used(
    cli: Cli, kept: Path, problems: Path, tmp_path: Path
) -> None:
    fast = {"PFSOLVE_MAX_STEPS": "2", "PFSOLVE_CONTEXT": "256", "PFSOLVE_MAX_STEP_TOKENS": "32"}
    train = ["reward", "train", "--problems", str(problems)]
    train += ["--limit", "2", "--rollouts", "2", "--keep", str(kept), "--json"]
    none_yet = cli("What is 1 + 1?", "--reward", "probe", **fast)
    assert none_yet.returncode == 4
    assert f"there is no probe for {SMALL}" in none_yet.stderr
    assert "pfsolve reward train" in none_yet.stderr

    trained = cli(*train, **fast)
    assert trained.returncode == 0, trained.stderr
    about = json.loads(trained.stdout)
    assert about["path"] == str(tmp_path / "config" / "probes" / f"{SMALL}.npz")
    assert str(tmp_path) not in json.dumps({**about, "path": None}), "files by their names alone"
    assert [(file["file"], file["rows"]) for file in about["files"]] == [
        ("a.jsonl", 20),
        ("sums.jsonl", 2),
    ]
    assert len(list(kept.glob("*.npz"))) == 22

    again = cli("reward", "train", "--keep", str(kept), "-o", str(tmp_path / "again.npz"))
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "again.npz").read_bytes() == Path(about["path"]).read_bytes()

    shown = cli("reward", "show")
    assert shown.returncode == 0
    assert "a.jsonl" in shown.stdout

    for reward in ("probe", str(tmp_path / "again.npz")):
        solved = cli(
            "What is 1 + 1?", "-n", "2", "--reward", reward, "--json", "--seed", "1", **fast
        )
        assert solved.returncode in (0, 3), solved.stderr
        if solved.returncode == 0:
            run = json.loads(solved.stdout)
            assert run["settings"]["reward"] == "probe"
            assert len(run["versions"]["reward_sha256"]) == 64


def test_what_cannot_work_is_said_before_anything_is_loaded(cli: Cli, tmp_path: Path) -> None:
    for arguments, code, message in (
        (["reward", "train", "--keep", str(tmp_path / "new")], 2, "holds nothing that smollm2"),
        (["reward", "train", "-o", "head.bin"], 2, "does not end in .npz"),
        (["reward", "train", "--problems", "missing.jsonl"], 2, "cannot read"),
        (["1 + 1?", "--reward", "missing.npz"], 1, "there is no probe missing.npz"),
    ):
        result = cli(*arguments)
        assert result.returncode == code
        assert message in result.stderr
