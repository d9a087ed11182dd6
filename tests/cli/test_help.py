"""Help is complete, quick, and loads nothing heavy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from pfsolve.settings import NAMES
from tests.cli.conftest import Cli

HEAVY = (
    "numpy",
    "llama_cpp",
    "huggingface_hub",
    "sympy",
    "math_verify",
    "jinja2",
    "rich",
    "pygments",
)

OPTIONS = [*(name.replace("_", "-") for name in NAMES), "json", "raw", "quiet", "verbose"]


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom pfsolve.cli import run\nfrom pfsolve.environment import Environment\n"
        "run(['--help'], Environment())\n"
        f"loaded = [m for m in {HEAVY!r} if m in sys.modules]\n"
        "sys.exit(f'loaded {loaded}' if loaded else 0)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


def test_help_names_every_option_with_its_variable_and_the_commands(cli: Cli) -> None:
    result = cli("--help", COLUMNS="200")
    assert result.returncode == 0
    for option in OPTIONS:
        assert f"--{option}" in result.stdout
        assert "PFSOLVE_" + option.upper().replace("-", "_") in result.stdout
    assert "models" in result.stdout
    assert "default: 8" in result.stdout


def test_options_stand_in_sections(cli: Cli) -> None:
    lines = cli("--help").stdout.splitlines()
    titles = [line.removesuffix(":") for line in lines if line and line[0] not in " U"]
    assert len(titles) == len(set(titles)), "each once"
    assert {"Arguments", "Sampling", "Models and machine", "Options", "Commands"} <= set(titles)
    sampling = lines.index("Sampling:")
    assert lines[sampling + 1].startswith("  --temperature")


def test_version(cli: Cli) -> None:
    assert cli("--version").stdout.startswith("pfsolve ")


def test_the_default_policy_in_the_help_is_that_of_the_catalogue(cli: Cli, tmp_path: Path) -> None:
    from pfsolve.models.catalogue import load_catalogue

    assert load_catalogue(tmp_path).default_policy in cli("--help", COLUMNS="300").stdout
