"""A solver made from Python shows a download, since that may take long, and is silent otherwise."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import pytest

import pfsolve
from pfsolve.environment import Environment
from pfsolve.errors import ModelFileError
from pfsolve.events import ignore
from pfsolve.events.work import BytesCame, Loading
from pfsolve.library import downloads_shown
from tests.display.terminal import MODEL, Terminal, pipes, written
from tests.models.model_fakes import REPO, FakeHub

SETTINGS = pfsolve.Settings(policy="mine", reward="none", programs=0.0)
MINE = f"""
[[models]]
name = "mine"
file = "model.gguf"
[[models.places]]
repo = "{REPO}"
"""


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    """A user's, whose own model can be fetched, but is no model."""
    (tmp_path / "models.toml").write_text(MINE)
    variables = {
        "PFSOLVE_CONFIG_DIR": str(tmp_path),
        "PFSOLVE_MODELS_DIR": str(tmp_path / "models"),
        "TERM": "xterm",
    }
    return dataclasses.replace(pipes(), variables=variables)


def test_a_download_is_shown_and_only_that(environment: Environment, hub: FakeHub) -> None:
    for shown in (True, False):  # it is there already the second time
        assert isinstance(environment.stderr, io.StringIO)
        environment.stderr.truncate(0)
        with pytest.raises(ModelFileError):
            pfsolve.Solver(SETTINGS, environment=environment)
        assert ("Fetching mine" in written(environment)) == shown
        assert ("mine is complete" in written(environment)) == shown
        assert bool(written(environment)) == shown


def test_on_request_a_download_is_silent(environment: Environment, hub: FakeHub) -> None:
    with pytest.raises(ModelFileError):
        pfsolve.Solver(SETTINGS, environment=environment, listen=ignore)
    assert written(environment) == ""


def test_on_a_terminal_it_is_a_bar_that_goes_away(environment: Environment) -> None:
    terminal = dataclasses.replace(environment, stderr=Terminal())
    with downloads_shown(terminal) as listen:
        listen(Loading("policy", "mine"))
        listen(MODEL)
        assert written(terminal) == "", "that is no download"
        listen(BytesCame("mine", 1, 10))
        assert "1 B of 10 B" in written(terminal)
    assert written(terminal).count("\x1b[?25l") == written(terminal).count("\x1b[?25h") == 1
