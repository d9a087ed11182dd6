"""A new user's first runs: which policy they get, and that it is said once."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from pfsolve.models.catalogue import load_catalogue
from tests.cli.conftest import Cli
from tests.conftest import SMALL
from tests.models.fixtures import use_hub
from tests.models.model_fakes import FakeHub, write_wheel

PROBLEM = ("What is 2 + 3?", "-n", "1", "--max-steps", "1", "--max-step-tokens", "8")
LINE = "will write the solutions"


@pytest.fixture
def new_user(tmp_path: Path, small_path: Path, hub: FakeHub) -> dict[str, str]:
    """Variables of one who knows two models: "best" at the Hub, "other" there and in a wheel.

    Both are the small one.
    """
    data = small_path.read_bytes()
    members = {"other_model/m.gguf": data}
    write_wheel(tmp_path / "wheelhouse", "other_model", members, zipfile.ZIP_STORED)
    hub.files = {f"/me/{name}/resolve/main/m.gguf": data for name in ("best", "other")}
    rows = "".join(
        f'[[models]]\nname = "{name}"\nfile = "m.gguf"\n'
        f'bytes = {len(data)}\nsha256 = "{load_catalogue().get(SMALL).sha256}"\n'
        f'[[models.places]]\nrepo = "me/{name}"\n'
        for name in ("best", "other")
    )
    wheel = 'package = "other-model"\nversion = "1.0"\nmember = "other_model/m.gguf"\n'
    config = tmp_path / "config"
    config.mkdir()
    (config / "models.toml").write_text(
        f'default_policies = ["best", "other"]\n{rows}[[models.places]]\n{wheel}'
    )
    return {
        "PFSOLVE_POLICY": "",
        "PFSOLVE_REWARD": "none",
        "PFSOLVE_MODELS_DIR": str(tmp_path / "store"),
    }


def test_with_the_hub_the_best_is_fetched_and_it_is_said_once(
    cli: Cli, new_user: dict[str, str], hub: FakeHub
) -> None:
    first = cli(*PROBLEM, **new_user)
    line = f"best {LINE}: it is the best of those within reach; --policy NAME takes another"
    assert line in first.stderr
    assert first.stderr.count(LINE) == 1
    asked = len(hub.requests)
    again = cli(*PROBLEM, "--json", **new_user)
    assert LINE not in again.stderr
    assert json.loads(again.stdout)["settings"]["policy"] == "best"
    assert len(hub.requests) == asked


def test_without_the_hub_the_next_comes_from_wheels_and_stays_chosen(
    cli: Cli,
    new_user: dict[str, str],
    hub: FakeHub,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    offline = cli(*PROBLEM, "--offline", **new_user)
    assert offline.returncode == 4
    assert "`pfsolve models pull best`" in offline.stderr

    use_hub(monkeypatch, "http://127.0.0.1:9")
    problems = tmp_path / "sums.jsonl"
    problems.write_text('{"problem": "What is 2 + 3?", "answer": "5"}\n')
    bench = ("bench", str(problems), "--sizes", "1", "--method", "pf", "--method", "sc")
    first = cli(*bench, "--context", "256", "--json", **new_user)
    assert first.returncode == 0, first.stderr
    assert f"other {LINE}: best cannot be fetched: http://127.0.0.1:9 cannot be" in first.stderr
    assert first.stderr.count(LINE) == 1
    assert "from PyPI (other-model)" in first.stderr
    assert "the Hub (" not in first.stderr, "it is not asked again"
    lines = (tmp_path / "sums.bench.jsonl").read_text().splitlines()
    assert {json.loads(line)["settings"]["policy"] for line in lines} == {"other"}

    use_hub(monkeypatch, hub.url)
    again = cli("-q", *PROBLEM, "--json", **new_user)
    assert again.returncode in (0, 3)
    assert "policy" not in again.stderr, "quiet"
    assert json.loads(again.stdout)["settings"]["policy"] == "other"
    assert hub.requests == []
