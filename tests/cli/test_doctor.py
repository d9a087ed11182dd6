"""`pfsolve doctor`: all checks in order, in lines and in JSON, and the exit code."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from pfsolve.cli import run
from pfsolve.environment import Environment
from pfsolve.errors import ExitCode
from pfsolve.lab.doctor.check import Check
from pfsolve.lab.doctor.examine import Examination
from pfsolve.lab.doctor.trial import measure
from tests.conftest import SMALL, THREADS

FIRST = ["python", "llama-cpp-python", "backend", "processor", "settings", "memory"]
DISKS = ["disk of models", "disk of programs", "disk of runs"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_real_world: None) -> Path:
    """A user of whom nothing is on this disk yet, without a network."""
    for name in [name for name in os.environ if name.startswith("PFSOLVE_")]:
        monkeypatch.delenv(name)
    for name in ("config", "models", "programs", "state"):
        monkeypatch.setenv(f"PFSOLVE_{name.upper()}_DIR", str(tmp_path / name))
    return tmp_path


def doctor(capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, list[Any], str]:
    code = run(["doctor", "--json", "-q", *options], Environment())
    out, err = capsys.readouterr()
    return code, json.loads(out), err


def test_all_is_looked_at_and_what_fails_is_named(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, found, err = doctor(capsys)
    by_name = {check["name"]: check for check in found}
    assert list(by_name) == [*FIRST, *DISKS, "hub", "pypi", "sandbox", "policy", "speed"]
    assert all(set(check) == {"name", "status", "value", "remedy"} for check in found)
    statuses = {name: by_name[name]["status"] for name in by_name}
    assert statuses["settings"] == "ok"
    assert statuses["sandbox"] == "warning"
    assert "not built" in by_name["sandbox"]["value"]
    assert statuses["hub"] == statuses["pypi"] == "warning"
    assert statuses["policy"] == "failed"
    assert statuses["speed"] == "skipped"
    assert code == ExitCode.ERROR
    assert "failed: policy" in err


def test_offline_asks_nobody_and_wrong_files_are_named(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "config").mkdir()
    (home / "config" / "config.toml").write_text("particels = 8\n")
    entry = Examination(Environment(), {}, hashing=False)._catalogue.get(SMALL)
    (home / "models" / SMALL).mkdir(parents=True)
    (home / "models" / SMALL / entry.file).write_bytes(b"GGUF, and then no more")
    code, found, _ = doctor(capsys, "--offline")
    by_name = {check["name"]: Check(**check) for check in found}
    assert not {"hub", "pypi"} & set(by_name)
    assert "config.toml" in by_name["settings"].value
    assert by_name["settings"].status == "failed"
    damaged = by_name[f"model {SMALL}"]
    assert damaged.status == "failed"
    assert "22 bytes, not" in damaged.value
    assert f"pfsolve models rm {SMALL}" in (damaged.remedy or "")
    assert "offline" in by_name["policy"].value
    assert code == ExitCode.ERROR


def test_lines_in_a_pipe_have_tabs_and_progress_is_on_stderr(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pfsolve.display.surface.LOADING_S", 0.0)
    run(["doctor", "--offline"], Environment())
    out, err = capsys.readouterr()
    rows = [line.split("\t") for line in out.splitlines()]
    assert [row[1] for row in rows] == [*FIRST, *DISKS, "sandbox", "policy", "speed"]
    assert {len(row) for row in rows} == {4}
    assert "Checking llama-cpp-python" in err


def test_the_pace_is_that_of_a_search(small_path: Path) -> None:
    found = measure({"policy": str(small_path), "threads": THREADS}, Environment(), 0.1)
    assert found["tokens"] > 0
    assert found["seconds"] > 0
    assert found["particles"] == 8


def test_a_policy_that_cannot_be_loaded_says_why(tmp_path: Path) -> None:
    (tmp_path / "no.gguf").write_bytes(b"a text")
    found = measure({"policy": str(tmp_path / "no.gguf")}, Environment(), 0.5)
    assert "no GGUF file" in found["error"]
    assert found["hint"]
