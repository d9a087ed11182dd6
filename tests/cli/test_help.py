"""Help is complete, quick, and loads nothing heavy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from pfsolve.errors import as_option
from pfsolve.problems import INPUTS
from pfsolve.settings import SETTINGS
from tests.cli.conftest import Cli

HEAVY = (
    "pfsolve.problems",
    "numpy",
    "llama_cpp",
    "huggingface_hub",
    "sympy",
    "math_verify",
    "jinja2",
    "rich",
    "pygments",
)


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


def test_help_names_every_setting_and_the_commands(cli: Cli) -> None:
    result = cli("--help", COLUMNS="200")
    assert result.returncode == 0
    assert f"--input {'|'.join(INPUTS)}" in result.stdout
    words = result.stdout.split()
    for setting in SETTINGS.values():
        assert as_option(setting.name) in words
        if setting.kind is bool:
            assert as_option(f"no_{setting.name}") in words
    assert {"--json", "--raw", "--quiet", "--verbose", "models"} <= set(words)
    assert "Number of solutions written at a time. (default: 8)" in result.stdout
    assert "PFSOLVE_PARTICLES" in result.stdout
    assert "pf|entropic|pg|islands|beam|" in result.stdout, "experimental methods are not offered"


def test_options_stand_in_sections(cli: Cli) -> None:
    lines = cli("--help").stdout.splitlines()
    titles = [line.removesuffix(":") for line in lines if line and line[0] not in " U"]
    assert len(titles) == len(set(titles)), "each once"
    assert {"Arguments", "Sampling", "Models and machine", "Options", "Commands"} <= set(titles)
    sampling = lines.index("Sampling:")
    assert lines[sampling + 1].startswith("  --temperature")


def test_other_commands_take_their_settings_from_the_same_declarations(cli: Cli) -> None:
    for command in (("bench",), ("score",), ("reward", "eval"), ("reward", "train")):
        shown = " ".join(cli(*command, "--help").stdout.split())
        for name in ("policy", "context", "threads", "gpu_layers", "offline"):
            assert as_option(name) in shown
            assert SETTINGS[name].help in shown
        assert "--particles" not in shown


def test_version(cli: Cli) -> None:
    assert cli("--version").stdout.startswith("pfsolve ")


def test_the_default_policy_in_the_help_is_that_of_the_catalogue(cli: Cli, tmp_path: Path) -> None:
    from pfsolve.models.catalogue import load_catalogue

    assert load_catalogue(tmp_path).default_policy in cli("--help", COLUMNS="300").stdout


def test_json_takes_a_value_or_none() -> None:
    from pfsolve.cli.help import with_json_value

    for given, meant in (
        (["--json", "2+2"], ["--json=brief", "2+2"]),
        (["--json", "full", "2+2"], ["--json=full", "2+2"]),
        (["2+2", "--json"], ["2+2", "--json=brief"]),
        (["--json=full"], ["--json=full"]),
        (["full", "--", "--json", "full"], ["full", "--", "--json", "full"]),
    ):
        assert with_json_value(given) == meant
