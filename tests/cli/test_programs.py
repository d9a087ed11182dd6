"""`pfsolve programs`: the sandbox by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pfsolve.cli.programs import app
from pfsolve.errors import PfsolveError, ProgramsUnavailable, UsageError


def run(*args: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, args, input=stdin)


@pytest.fixture(autouse=True)
def built() -> str:
    """The path of the sandbox, which is built now if it never was."""
    return run("build", "--quiet").stdout.strip()


def test_build_prints_the_path_and_verify_says_that_it_is_good(built: str) -> None:
    assert Path(built).is_file()
    assert json.loads(run("build", "--json").stdout)["path"] == built
    assert run("verify").stdout.startswith(f"good  {built}")
    assert json.loads(run("verify", "--json").stdout)["good"] is True


def test_run_prints_what_the_program_prints(tmp_path: Path) -> None:
    (tmp_path / "two.py").write_text("print('x is')\nprint([1, 2.0])\n")
    result = run("run", str(tmp_path / "two.py"))
    assert result.stdout == "x is\n[1, 2.0]\n"
    assert result.stderr == "Answer: 1, 2\n"
    facts = json.loads(run("run", "--json", "-q", "-", stdin="print(1/2)").stdout)
    assert facts["values"] == ["0.5"]
    assert facts["end"] == "ended"


def test_a_program_that_fails_says_why() -> None:
    result = run("run", "-", stdin="print(1)\nprint(y)\n")
    assert result.stdout == "1\n"
    assert isinstance(result.exception, PfsolveError)
    assert result.exception.message == "NameError: name 'y' is not defined (line 2)"


def test_what_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = run("run", str(tmp_path / "none.py")).exception
    assert isinstance(nowhere, UsageError)
    assert "No such file" in nowhere.message
    monkeypatch.setenv("PFSOLVE_PROGRAMS_DIR", str(tmp_path))
    assert isinstance(run("verify").exception, ProgramsUnavailable)
