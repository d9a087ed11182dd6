"""From a name or a path to a file, with nothing loaded and nobody asked that need not be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pfsolve.environment import Environment
from pfsolve.errors import ModelMissing
from pfsolve.models.resolve import resolve
from tests.models.model_fakes import DATA, REPO, SHA256, FakeHub

MINE = f"""
[[models]]
name = "mine"
file = "model.gguf"
temperature = 0.5
[[models.places]]
repo = "{REPO}"
"""


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    config = tmp_path / "config"
    config.mkdir()
    (config / "models.toml").write_text(MINE)
    variables = {
        "PFSOLVE_CONFIG_DIR": str(config),
        "PFSOLVE_MODELS_DIR": str(tmp_path / "models"),
    }
    return Environment(variables=variables)


def test_a_name_is_fetched_by_the_users_own_entry(environment: Environment, hub: FakeHub) -> None:
    model = resolve("Mine", environment)
    assert model.path.read_bytes() == DATA
    assert model.name == "mine"
    assert model.entry is not None
    assert model.entry.temperature == 0.5
    record = model.path.with_name("model.gguf.sha256")
    assert record.read_text().startswith(SHA256)


def test_no_name_is_the_default_policy(environment: Environment, hub: FakeHub) -> None:
    own = environment.config_dir / "models.toml"
    own.write_text('default_policy = "mine"\n' + MINE)
    assert resolve(None, environment).name == "mine"


def test_a_path_is_the_users_own_file(environment: Environment, tmp_path: Path) -> None:
    file = tmp_path / "own.gguf"
    file.touch()
    model = resolve(str(file), environment)
    assert (model.name, model.path, model.entry) == ("own", file, None)


def test_a_file_without_the_ending_is_taken_if_no_model_has_that_name(
    environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hub: FakeHub
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("weights", "mine"):
        Path(name).touch()
    assert resolve("weights", environment).path == Path("weights")
    assert resolve("mine", environment).entry is not None


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("absent.gguf", r"absent\.gguf does not exist"),
        ("./absent", "absent does not exist"),
        ("./", "is a directory"),
        ("nobody", "no model named 'nobody'"),
    ],
)
def test_what_is_not_there_is_model_missing(
    environment: Environment, name: str, complaint: str
) -> None:
    with pytest.raises(ModelMissing, match=complaint) as caught:
        resolve(name, environment)
    assert "pfsolve models list" in str(caught.value.hint)


@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "PFSOLVE_OFFLINE"])
def test_offline_variables_hold(environment: Environment, hub: FakeHub, variable: str) -> None:
    away = Environment(variables={**environment.variables, variable: "1"})
    with pytest.raises(ModelMissing, match="offline"):
        resolve("mine", away)
    assert hub.requests == []


def test_a_model_on_disk_costs_no_library_of_the_network(
    environment: Environment, hub: FakeHub
) -> None:
    """A solve starts fast: no Hub, no HTTP, no pip, not even a lock."""
    resolve("mine", environment)
    script = (
        "import sys; from pfsolve.environment import Environment;"
        "from pfsolve.models.resolve import resolve;"
        "resolve('mine', Environment());"
        "print({'huggingface_hub', 'httpx2', 'filelock', 'zipfile', 'rich'} & set(sys.modules))"
    )
    output = subprocess.run(
        [sys.executable, "-c", script],
        env={**environment.variables, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert output == "set()\n"
