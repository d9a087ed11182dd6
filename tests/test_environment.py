"""Child processes: this interpreter, its packages, and nothing of the user's directory."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pfsolve.environment import WAITS, Environment, child_process

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
