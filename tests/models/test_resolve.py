"""From a name or a path to a file, with nothing loaded and nobody asked that need not be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pfsolve.environment import Environment
from pfsolve.errors import ModelMissing, UsageError
from pfsolve.models.entry import head_file
from pfsolve.models.resolve import resolve, resolve_prm
from tests.models.model_fakes import DATA, REPO, SHA256, FakeHub

MINE = f"""
[[models]]
name = "mine"
file = "model.gguf"
temperature = 0.5
[[models.places]]
repo = "{REPO}"
[[models]]
name = "judge"
kind = "prm"
file = "model.gguf"
[[models.places]]
repo = "{REPO}"
[models.prm]
opening = ["{{problem}}", "{{step}}"]
following = ["{{step}}"]
positive = 1
negative = 2
[[models]]
name = "converted"
kind = "prm"
file = "converted-Q8_0.gguf"
[models.source]
repo = "{REPO}"
[models.prm]
opening = ["{{problem}}", "{{step}}"]
following = ["{{step}}"]
head = ["score"]
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
        ("Qwen/Qwen2.5-1.5B-Instruct-GGUF", "is no file on this disk"),
        ("https://huggingface.co/x/y/resolve/main/m.gguf", "https://huggingface.co/x/y"),
        ("./", "is a directory"),
        ("nobody", "policy is 'nobody', which is no model"),
    ],
)
def test_what_is_not_there_is_model_missing(
    environment: Environment, name: str, complaint: str
) -> None:
    with pytest.raises(ModelMissing, match=complaint) as caught:
        resolve(name, environment)
    assert "pfsolve models list" in str(caught.value.hint)


def test_the_hubs_own_offline_variable_holds(environment: Environment, hub: FakeHub) -> None:
    away = Environment(variables={**environment.variables, "HF_HUB_OFFLINE": "1"})
    with pytest.raises(ModelMissing, match="offline"):
        resolve("mine", away)
    assert hub.requests == []


# -- process reward models --


def test_a_judge_is_fetched_by_name_with_what_says_how_it_reads(
    environment: Environment, hub: FakeHub
) -> None:
    found = resolve_prm("Judge", environment)
    assert found.model.path.read_bytes() == DATA
    assert found.spec.positive == 1
    assert found.head is None


def test_a_judge_is_no_policy_and_a_policy_no_judge(environment: Environment, hub: FakeHub) -> None:
    """And neither is fetched to find out."""
    with pytest.raises(UsageError, match="judge cannot be the policy") as caught:
        resolve("judge", environment)
    assert "reward=judge" in str(caught.value.hint)
    with pytest.raises(UsageError, match="mine cannot be the reward") as caught:
        resolve_prm("mine", environment)
    assert "policy=mine" in str(caught.value.hint)
    assert hub.requests == []


def converted(environment: Environment) -> Path:
    """What `pfsolve models convert converted` leaves in the store."""
    file = environment.models_dir / "converted" / "converted-Q8_0.gguf"
    file.parent.mkdir(parents=True)
    file.write_bytes(DATA)
    file.with_name(f"{file.name}.sha256").write_text(f"{SHA256}  {file.name}\n")
    head_file(file).write_bytes(b"a head")
    return file


def test_a_judge_that_must_be_converted_says_so_and_is_found_once_it_is(
    environment: Environment, hub: FakeHub
) -> None:
    with pytest.raises(ModelMissing, match="converted is not on this disk") as caught:
        resolve_prm("converted", environment)
    assert "`pfsolve models convert converted`" in str(caught.value.hint)
    assert hub.requests == []

    file = converted(environment)
    found = resolve_prm("converted", environment)
    assert found.model.path == file
    assert found.head == head_file(file) == file.with_name("converted-Q8_0.head.safetensors")

    head_file(file).unlink()
    with pytest.raises(ModelMissing, match="converted has lost its head") as caught:
        resolve_prm("converted", environment)
    assert "`pfsolve models convert converted`" in str(caught.value.hint)


def test_a_judge_of_the_users_own_has_its_spec_beside_it(
    environment: Environment, tmp_path: Path
) -> None:
    file = tmp_path / "own.f16.gguf"
    file.touch()
    with pytest.raises(ModelMissing, match=r"there is no own\.f16\.prm\.toml beside it"):
        resolve_prm(str(file), environment)

    spec = tmp_path / "own.f16.prm.toml"
    spec.write_text('opening = ["{problem}", "{step}"]\nfollowing = ["{step}"]\nhead = ["score"]\n')
    with pytest.raises(ModelMissing, match=r"own\.f16 has lost its head.*own\.f16\.head\.safe"):
        resolve_prm(str(file), environment)

    (tmp_path / "own.f16.head.safetensors").touch()
    found = resolve_prm(str(file), environment)
    assert (found.model.name, found.model.path, found.model.entry) == ("own.f16", file, None)
    assert found.spec.head == ("score",)
    assert found.head == tmp_path / "own.f16.head.safetensors"

    spec.write_text("opening = 3")
    with pytest.raises(UsageError, match=r"own\.f16\.prm\.toml: `opening` is 3"):
        resolve_prm(str(file), environment)
    spec.write_text("opening = [")
    with pytest.raises(UsageError, match=r"own\.f16\.prm\.toml is not valid TOML"):
        resolve_prm(str(file), environment)


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
