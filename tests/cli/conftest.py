"""The command as users run it: a process of its own, with pipes for streams."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import SMALL, THREADS

Cli = Callable[..., "subprocess.CompletedProcess[str]"]


def cli_environment(config_dir: Path, **variables: str) -> dict[str, str]:
    """This process's variables without any of pfsolve's own, but for the model and a fresh config."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PFSOLVE_") or name == "PFSOLVE_MODELS_DIR"
    }
    ours = {"PFSOLVE_POLICY": SMALL, "PFSOLVE_THREADS": str(THREADS)}
    folders = {
        "PFSOLVE_CONFIG_DIR": str(config_dir),
        "PFSOLVE_STATE_DIR": str(config_dir.parent / "state"),
    }
    return {**kept, **ours, **folders, **variables}


@pytest.fixture
def cli(tmp_path: Path, small_path: Path) -> Cli:
    """Run pfsolve with these arguments; the small model is on disk and is the default policy."""

    def run(
        *args: str, stdin: str | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "pfsolve", *args],
            env=cli_environment(tmp_path / "config", **variables),
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run
