"""Whatever is wrong gives one clear line, a hint, the right exit code, and never an abort."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Cli

PROBLEM = "What is 2 + 3?"


def complaint(result: subprocess.CompletedProcess[str]) -> str:
    """The one error line; checks that stderr holds it, a hint at most, and no traceback."""
    lines = result.stderr.splitlines()
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    errors = [line for line in lines if line.startswith("Error: ")]
    assert len(errors) == 1, result.stderr
    assert lines.index(errors[0]) >= len(lines) - 2
    return errors[0]


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (("",), 2, "empty"),
        (("  \n ",), 2, "empty"),
        ((), 2, "empty"),
        ((PROBLEM, "-n", "0"), 2, "--particles is 0"),
        ((PROBLEM, "-n", "300"), 2, "--particles is 300"),
        ((PROBLEM, "-n", "many"), 2, "--particles is 'many'"),
        ((PROBLEM, "--resampling", "lottery"), 2, "'lottery'"),
        ((PROBLEM, "--reward", "money"), 2, "'money'"),
        ((PROBLEM, "--final", "coin"), 2, "'coin'"),
        ((PROBLEM, "--preset", "pencil"), 2, "'pencil'"),
        ((PROBLEM, "--profile", "heroic"), 2, "--profile is 'heroic'"),
        ((PROBLEM, "--method", "magic"), 2, "'magic'"),
        ((PROBLEM, "--method", "beam", "-n", "6"), 2, "--particles is 6"),
        ((PROBLEM, "--method", "tempering", "--ladder", "1,2"), 2, "--ladder is 1,2"),
        ((PROBLEM, "--ladder", "hot"), 2, "'hot'"),
        ((PROBLEM, "--temperature", "-1"), 2, "--temperature is -1"),
        ((PROBLEM, "--temperature", "nan"), 2, "nan"),
        ((PROBLEM, "--top-p", "0"), 2, "--top-p is 0"),
        ((PROBLEM, "--ess-threshold", "1.5"), 2, "--ess-threshold is 1.5"),
        ((PROBLEM, "--gpu-layers", "most"), 2, "most"),
        ((PROBLEM, "--context", "99999999"), 2, "--context is 99999999"),
        ((PROBLEM, "--no-such-option"), 2, "--no-such-option"),
        ((PROBLEM, "another"), 2, "another"),
        ((PROBLEM, "--policy", "no-such-model"), 4, "no-such-model"),
        ((PROBLEM, "--policy", "./no/such.gguf"), 4, "no/such.gguf"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_wrong_words_are_named(cli: Cli, args: tuple[str, ...], code: int, says: str) -> None:
    result = cli(*args)
    assert result.returncode == code
    assert says in complaint(result)


@pytest.mark.parametrize(
    ("args", "stdin", "says"),
    [
        (("-f", "no-such-file.txt"), None, "no-such-file.txt"),
        (("-f", "."), None, "cannot read"),
        ((PROBLEM, "-f", "file.txt"), None, "both"),
        ((PROBLEM, "-o", "out.jsonl"), None, "--output"),
        (("--resume",), "1\n2\n", "--resume"),
        (("--shard", "0/2"), "1\n2\n", "0/2"),
        (("--shard", "half"), "1\n2\n", "half"),
        (("--input", "pictures"), "1\n2\n", "pictures"),
        (("--field", "colour=red"), "1\n2\n", "colour"),
        (("--parallel", "0"), "1\n2\n", "--parallel is 0"),
        (("--parallel", "many"), "1\n2\n", "many"),
        (("--parallel", "200", "-n", "4"), "1\n2\n", "--parallel 200"),
        (("-o", "no/such/folder/out.jsonl"), "1\n2\n", "cannot write"),
        (("--input", "csv"), "riddle\n2+2\n", "riddle"),
        (("-",), "\n\n", "empty"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_wrong_words_about_files_are_named(
    cli: Cli, args: tuple[str, ...], stdin: str | None, says: str
) -> None:
    result = cli("-q", *args, stdin=stdin)
    assert result.returncode == 2, result.stderr
    assert says in complaint(result)


def test_a_problem_longer_than_the_context_says_both_lengths(cli: Cli) -> None:
    result = cli("seven " * 4000)
    assert result.returncode == 1
    assert "tokens" in complaint(result)


def test_without_network_and_file_it_says_so(cli: Cli, tmp_path: Path) -> None:
    result = cli(PROBLEM, "--offline", PFSOLVE_MODELS_DIR=str(tmp_path / "none"))
    assert result.returncode == 4
    assert "smollm2" in complaint(result)


def test_no_gguf(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "letter.gguf"
    path.write_bytes(b"PK\x03\x04" + bytes(5000))
    result = cli(PROBLEM, "--policy", str(path))
    assert result.returncode == 1
    assert "no GGUF" in complaint(result)


def test_a_directory_is_no_model(cli: Cli, tmp_path: Path) -> None:
    result = cli(PROBLEM, "--policy", f"{tmp_path}/")
    assert result.returncode == 4
    assert "directory" in complaint(result)


@pytest.mark.parametrize("kept", [1000, -1])
def test_a_truncated_gguf(cli: Cli, small_path: Path, tmp_path: Path, kept: int) -> None:
    path = tmp_path / "cut.gguf"
    path.write_bytes(small_path.read_bytes()[:kept])
    result = cli(PROBLEM, "--policy", str(path))
    assert result.returncode == 1
    assert "cannot load" in complaint(result)


def test_a_gguf_of_an_unknown_architecture(cli: Cli, small_path: Path, tmp_path: Path) -> None:
    data = small_path.read_bytes()
    at = data.index(b"general.architecture") + len(b"general.architecture") + 4 + 8
    assert data[at : at + 5] == b"llama"
    path = tmp_path / "new.gguf"
    path.write_bytes(data[:at] + b"xlama" + data[at + 5 :])
    result = cli(PROBLEM, "--policy", str(path))
    assert result.returncode == 1
    assert "xlama" in complaint(result)


def test_debug_shows_the_traceback(cli: Cli) -> None:
    assert "Traceback" in cli(PROBLEM, "-n", "0", "--debug").stderr
    assert "Traceback" in cli(PROBLEM, "-n", "0", PFSOLVE_DEBUG="1").stderr


def test_a_wrong_variable_is_named(cli: Cli) -> None:
    result = cli(PROBLEM, PFSOLVE_PARTICLES="300")
    assert result.returncode == 2
    assert complaint(result) == "Error: PFSOLVE_PARTICLES is 300, which is out of range"


def test_what_is_no_text_is_refused_and_what_is_can_be_written_whatever_the_encoding(
    cli: Cli,
) -> None:
    result = cli("caf\udce9 has 3 tables", "--policy", "no-such-model")
    assert result.returncode == 2
    assert complaint(result) == "Error: argument 1 is not UTF-8: 'caf? has 3 tables'"
    result = cli("2+2", "--policy", "a≠b", PYTHONIOENCODING="ascii")
    assert "'a≠b'" in complaint(result)


def test_a_broken_config_file_is_named(cli: Cli, tmp_path: Path) -> None:
    config = tmp_path / "config" / "config.toml"
    config.parent.mkdir()
    for content in ("particles = [", "particles = 'eight'", "partickles = 8"):
        config.write_text(content)
        result = cli(PROBLEM)
        assert result.returncode == 2
        assert str(config) in complaint(result)
