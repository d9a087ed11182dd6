"""Fixtures of fake places, for the tests of models and of convert."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pfsolve.models.store import Store
from tests.models.model_fakes import FakeHub, serve_hub, write_parts


@pytest.fixture
def no_real_world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing reaches the real Hub, its cache on this machine, or a real index of packages."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub-cache"))
    monkeypatch.setattr("pfsolve.models.hub.WAIT_S", 0.01)
    for name in [name for name in os.environ if name.startswith(("PIP_", "HF_"))]:
        monkeypatch.delenv(name)
    for name, value in {
        "HF_HOME": str(tmp_path / "hf-home"),
        "NO_PROXY": "127.0.0.1,localhost",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(tmp_path / "wheelhouse"),
    }.items():
        monkeypatch.setenv(name, value)
    use_hub(monkeypatch, "http://127.0.0.1:9")  # nobody listens there


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, no_real_world: None) -> Iterator[FakeHub]:
    """A fake Hub that this process and its children use."""
    with serve_hub() as fake:
        use_hub(monkeypatch, fake.url)
        yield fake


@pytest.fixture
def wheelhouse(tmp_path: Path) -> Path:
    """Where pip finds wheels; the fakes' DATA lies there in four parts."""
    house = tmp_path / "wheelhouse"
    write_parts(house)
    return house


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "models")


def use_hub(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("HF_ENDPOINT", url)  # children read this when they start
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", url)
    template = url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
