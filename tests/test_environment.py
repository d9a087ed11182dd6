"""Child processes: this interpreter, its packages, and nothing of the user's directory."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pfsolve.cli import run
from pfsolve.environment import WAITS, Environment, child_process
from pfsolve.errors import UsageError

PROBE = """
import json, os, sys
import fractions
print(json.dumps(1), file=sys.stderr)
print(sys.argv[1:], os.environ["EXTRA"], os.environ["OWN"], os.getsid(0) == os.getpid())
print(fractions.__file__ == os.path.join(os.path.dirname(os.__file__), "fractions.py"))
print(repr(sys.stdin.read()))
"""


@pytest.fixture
def probe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module on this process's path, and a directory with a file that is named like a module."""
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "probe_of_child.py").write_text(PROBE)
    (tmp_path / "fractions.py").write_text("raise SystemExit('the wrong module')")
    monkeypatch.syspath_prepend(tmp_path / "packages")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OWN", "mine")
    return "probe_of_child"


def test_a_child_has_arguments_variables_packages_and_a_session_of_its_own(probe: str) -> None:
    with child_process(probe, "a", "b c", read="stdout", variables={"EXTRA": "x"}) as child:
        said = child.communicate(timeout=30)[0].decode().splitlines()
    assert said == ["['a', 'b c'] x mine True", "True", "''"]
    assert child.returncode == 0


def test_only_the_stream_that_is_wanted_is_read(probe: str) -> None:
    with child_process(probe, read="stderr", variables={"EXTRA": ""}) as child:
        out, err = child.communicate(timeout=30)
    assert (out, err) == (None, b"1" + os.linesep.encode())


def test_a_closed_stream_is_empty_and_takes_all(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    environment = Environment()
    assert environment.read_stdin() == b""
    environment.out.print("a result")
    environment.complain("an error")


NOTES = """
from pfsolve.environment import Environment, never_fail_on_stderr
never_fail_on_stderr()
environment = Environment()
environment.write_unicode()
for _ in range(3):
    environment.err.print("a note")
    environment.stderr.write("another, without an end")
print("a result")
"""


@pytest.mark.parametrize("trouble", ["a full disk", "nobody reads"])
def test_notes_that_cannot_be_written_cost_no_result(trouble: str) -> None:
    if trouble == "nobody reads":
        reader, stderr = os.pipe()
        os.close(reader)
    elif Path("/dev/full").exists():
        stderr = os.open("/dev/full", os.O_WRONLY)
    else:
        pytest.skip("there is no device that is full")
    command = [sys.executable, "-c", NOTES]
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=stderr, text=True, check=False)
    os.close(stderr)
    assert (ran.returncode, ran.stdout) == (0, "a result\n")


def test_without_a_home_each_folder_needs_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    pwd = pytest.importorskip("pwd")

    def unknown(user: int) -> None:
        raise KeyError(user)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for name in [name for name in os.environ if name == "HOME" or name.startswith("XDG_")]:
        monkeypatch.delenv(name)
    for name in ("config", "models", "programs", "state"):
        variable = f"PFSOLVE_{name.upper()}_DIR"
        with pytest.raises(UsageError, match="no home directory") as caught:
            getattr(Environment(variables={}), f"{name}_dir")
        assert caught.value.hint == f"set HOME, or {variable}"
        assert getattr(Environment(variables={variable: "/x"}), f"{name}_dir") == Path("/x")
    monkeypatch.delenv("PFSOLVE_CONFIG_DIR", raising=False)
    code = run(["models", "list"], Environment(stderr=(said := io.StringIO()), variables={}))
    assert (code, said.getvalue().splitlines()[0]) == (2, "Error: this user has no home directory")


def test_a_pipe_that_holds_something_is_told_from_one_that_does_not(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading) as stdin, os.fdopen(writing, "wb") as pipe:
        environment = Environment(stdin=stdin)
        assert not environment.stdin_waits
        pipe.write(b"2+2\n")
        pipe.flush()
        assert environment.stdin_waits
        assert stdin.readline() == "2+2\n"
        pipe.close()
        assert not environment.stdin_waits, "its end is nothing"
    (tmp_path / "file").write_text("2+2\n")
    with (tmp_path / "file").open() as stdin:
        assert not Environment(stdin=stdin).stdin_waits, "a loop over its lines may own it"


@pytest.mark.parametrize(("own", "spins"), [({}, "1000"), ({"GOMP_SPINCOUNT": "7"}, "7")])
def test_threads_of_the_engine_sleep_soon_unless_the_user_says_otherwise(
    own: dict[str, str], spins: str
) -> None:
    told = subprocess.run(
        [sys.executable, "-c", "import pfsolve.engine.cache"],
        env={k: v for k, v in os.environ.items() if k not in WAITS}
        | {"OMP_DISPLAY_ENV": "verbose", **own},
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    if "GOMP_SPINCOUNT" not in told:
        pytest.skip("this build of llama.cpp has another OpenMP, or none")
    assert f"GOMP_SPINCOUNT = '{spins}'" in told


def test_what_is_written_to_a_pipe_is_utf8_and_a_terminal_gets_what_it_can_show() -> None:
    pipe, screen = io.BytesIO(), io.BytesIO()
    terminal = io.TextIOWrapper(screen, encoding="cp1252")
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    environment = Environment(stdout=io.TextIOWrapper(pipe, encoding="ascii"), stderr=terminal)
    environment.write_unicode()
    for stream in (environment.stdout, environment.stderr):
        stream.write("\N{MINUS SIGN}5 \N{NOT EQUAL TO} é\udce9")
        stream.flush()
    assert pipe.getvalue().decode() == "\N{MINUS SIGN}5 \N{NOT EQUAL TO} é?"
    assert screen.getvalue().decode("cp1252") == "-5 ? é?"
