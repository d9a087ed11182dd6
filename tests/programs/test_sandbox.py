"""The sandbox as the rest of pfsolve uses it: laws, its process, its file."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
from filelock import FileLock

from pfsolve.environment import Environment
from pfsolve.errors import ProgramsUnavailable
from pfsolve.events import Event, Listener
from pfsolve.events.work import SandboxWaits
from pfsolve.programs import build
from pfsolve.programs.base import End, Limits, ProgramResult
from pfsolve.programs.sandbox import WorkerSandbox, open_sandbox
from tests.laws import check_sandbox

LOOP = "while True: pass"
LONG = Limits(fuel=2_000_000_000)
linux = pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")


@pytest.fixture(scope="module")
def machine_code(sandbox: WorkerSandbox) -> build.MachineCode:
    found = build.find(Environment().programs_dir)
    assert found is not None
    return found


@pytest.fixture
def copied(machine_code: build.MachineCode, tmp_path: Path) -> Path:
    """A directory with a copy of the sandbox that a test may damage."""
    shutil.copytree(machine_code.path.parent, tmp_path / machine_code.path.parent.name)
    return tmp_path


@pytest.fixture
def rebuilds(
    machine_code: build.MachineCode, monkeypatch: pytest.MonkeyPatch
) -> list[build.MachineCode]:
    """Building takes no time: the good file is copied once more. The builds so far."""
    made: list[build.MachineCode] = []

    def copy(folder: Path, versions: dict[str, str], listen: Listener) -> build.MachineCode:
        shutil.rmtree(folder)
        shutil.copytree(machine_code.path.parent, folder)
        made.append(replace(machine_code, path=folder / machine_code.path.name))
        return made[-1]

    monkeypatch.setattr(build, "_make", copy)
    return made


def test_it_keeps_the_laws(machine_code: build.MachineCode) -> None:
    check_sandbox(lambda: WorkerSandbox(machine_code))


# --- what comes back --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("program", "values"),
    [
        ("from sympy import *\nx = symbols('x')\nprint(solve(Eq(x**2, 4)))", ("-2", "2")),
        ("from sympy import *\nprint(f'The answer is: {sqrt(8)}')", (r"2 \sqrt{2}",)),
        ("from sympy import *\npprint(Rational(1, 2))", (r"\frac{1}{2}",)),
        ("print('x =', end=' ')\nprint(12.0)\nprint()", ("12",)),
        ("import sys\nprint(1)\nsys.stdout.write('y = 2')", ("2",)),
        ("x = [1]\nprint(x)\nx.append(2)", ("1",)),
        ("import io, sys\nprint(1)\nsys.stdout = io.StringIO()\nprint(2)", ("1",)),
        ("import sys\nprint(1)\nprint(2, file=sys.stderr)\nsys.exit()", ("1",)),
        ("print(None)", ()),
        ("x = 1", ()),
    ],
)  # fmt: skip
def test_printed_objects_become_values(
    sandbox: WorkerSandbox, program: str, values: tuple[str, ...]
) -> None:
    [result] = sandbox.run([program])
    assert result.error is None
    assert result.values == values
    assert result.answer == (", ".join(values) or None)


@pytest.mark.parametrize(
    ("program", "error"),
    [
        ("x = 1\nprint(y)", "NameError: name 'y' is not defined (line 2)"),
        ("def f():\n    return 1 / 0\n\nf()", "ZeroDivisionError: division by zero (line 2)"),
        ("x = (", "SyntaxError: '(' was never closed (line 1)"),
        ("import numpy", "ModuleNotFoundError: No module named 'numpy' (line 1)"),
        ("raise SystemExit('no')", "SystemExit: no (line 1)"),
        ("assert 0", "AssertionError (line 1)"),
        (LOOP, "stopped after 2 000 000 000 instructions"),
    ],
)
def test_an_error_is_one_line(sandbox: WorkerSandbox, program: str, error: str) -> None:
    [result] = sandbox.run([f"{program}\n"], LONG)
    assert result.error == error


# --- its process ------------------------------------------------------------------------------


def kill(sandbox: WorkerSandbox) -> None:
    """Kill the worker as a crash would, and wait until another one runs."""
    pid = sandbox.pid
    os.kill(pid, signal.SIGTERM)
    wait(lambda: sandbox.pid != pid)


def wait(until: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not until():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_programs_outlive_the_process(machine_code: build.MachineCode) -> None:
    with WorkerSandbox(machine_code, threads=2) as sandbox:
        before = sandbox.run(["print(1)", LOOP], LONG)
        futures = [
            sandbox.submit(program, LONG) for program in (LOOP, "print(1)", LOOP, "print(2)")
        ]
        wait(lambda: sandbox.running == 2)
        kill(sandbox)
        ended = [future.result() for future in futures]
        assert ended[:2] == before[::-1]
        assert [result.output for result in ended] == ["", "1\n", "", "2\n"]
        assert [result.end for result in ended] == [End.FUEL, End.ENDED, End.FUEL, End.ENDED]


def test_a_program_that_ends_the_process_twice_has_crashed(machine_code: build.MachineCode) -> None:
    with WorkerSandbox(machine_code, threads=1) as sandbox:
        killer = sandbox.submit(LOOP, Limits(fuel=10**15))
        other = sandbox.submit("print(1)")
        for _ in range(2):
            wait(lambda: sandbox.running == 1)
            kill(sandbox)
        assert killer.result().end is End.CRASHED
        assert other.result().output == "1\n"


def test_a_process_that_hangs_is_replaced(
    machine_code: build.MachineCode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pfsolve.programs.sandbox._GRACE", 0.0)
    with WorkerSandbox(machine_code, threads=1) as sandbox:
        os.kill(sandbox.pid, signal.SIGSTOP)
        assert sandbox.run(["print(1)"], Limits(seconds=2.0))[0].output == "1\n"


def test_a_process_that_does_not_start_again_ends_all(copied: Path) -> None:
    found = build.find(copied)
    assert found is not None
    with WorkerSandbox(found, threads=1) as sandbox:
        futures = [sandbox.submit(LOOP, Limits(fuel=10**15)) for _ in range(3)]
        wait(lambda: sandbox.running == 1)
        found.path.unlink()
        kill(sandbox)
        for future in futures:
            with pytest.raises(ProgramsUnavailable):
                future.result()
        with pytest.raises(ProgramsUnavailable):
            sandbox.run(["print(1)"])


@linux
def test_the_process_knows_no_secrets(
    machine_code: build.MachineCode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "a-token")
    with WorkerSandbox(machine_code) as sandbox:
        assert b"a-token" not in Path(f"/proc/{sandbox.pid}/environ").read_bytes()


@linux
def test_the_walls_stand_around_every_thread(sandbox: WorkerSandbox) -> None:
    for task in Path(f"/proc/{sandbox.pid}/task").iterdir():
        status = (task / "status").read_text()
        if "seccomp" in sandbox.walls:
            assert "Seccomp:\t2" in status
        if sandbox.walls:
            assert "NoNewPrivs:\t1" in status


# --- its file ---------------------------------------------------------------------------------


def only(directory: Path, pattern: str) -> Path:
    [path] = directory.glob(pattern)
    return path


def damage(directory: Path) -> None:
    with only(directory, "*/*.cwasm").open("rb+") as file:
        file.seek(40_000_000)
        there = file.read(64)
        file.seek(-64, os.SEEK_CUR)
        file.write(bytes(byte ^ 0xFF for byte in there))


def print_one(directory: Path) -> list[ProgramResult]:
    with open_sandbox(directory) as sandbox:
        return sandbox.run(["print(1)"])


def test_a_damaged_file_does_not_run(copied: Path) -> None:
    damage(copied)
    found = build.find(copied)
    assert found is not None
    with pytest.raises(ProgramsUnavailable, match="damaged"):
        WorkerSandbox(found)


def test_a_damaged_file_is_built_anew(copied: Path, rebuilds: list[build.MachineCode]) -> None:
    damage(copied)
    # The copy has the sha256 of the damaged file, which a real build never has.
    found = build.find(copied)
    assert found is not None
    manifest = only(copied, "*/manifest.json")
    manifest.write_text(manifest.read_text().replace(found.sha256, "0" * 64))
    assert print_one(copied)[0].output == "1\n"
    assert len(rebuilds) == 1


@pytest.mark.parametrize("text", ["", "{}", "[]", "no JSON", '{"path": "x"}', None])
def test_without_a_good_manifest_it_is_built(
    copied: Path, rebuilds: list[build.MachineCode], text: str | None
) -> None:
    manifest = only(copied, "*/manifest.json")
    manifest.unlink() if text is None else manifest.write_text(text)
    assert build.find(copied) is None
    assert print_one(copied)[0].output == "1\n"
    assert len(rebuilds) == 1


def test_another_version_is_another_sandbox(
    copied: Path, rebuilds: list[build.MachineCode], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "version", lambda name: "99.0")
    assert build.find(copied) is None
    build.build(copied)
    assert len(rebuilds) == 1
    assert build.find(copied) == replace(
        rebuilds[0], path=only(copied, f"{build._key(build._versions())}/*.cwasm")
    )


def test_a_build_of_another_process_is_waited_for(
    copied: Path, rebuilds: list[build.MachineCode]
) -> None:
    folder = only(copied, "*/manifest.json").parent
    hidden = copied / "hidden"
    folder.rename(hidden)
    heard: list[Event] = []
    opened: list[build.MachineCode] = []
    with FileLock(copied / f"{folder.name}.lock"):
        second = threading.Thread(
            target=lambda: opened.append(build.build(copied, listen=heard.append))
        )
        second.start()
        wait(lambda: bool(heard))
        shutil.rmtree(folder)
        hidden.rename(folder)
    second.join()
    assert heard == [SandboxWaits()]
    assert opened == [build.find(copied)]
    assert not rebuilds


def test_a_package_that_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(build, "version", missing)
    with pytest.raises(
        ProgramsUnavailable, match="componentize-py, which is not installed"
    ) as told:
        open_sandbox(tmp_path)
    assert "\n" not in told.value.message


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ProgramsUnavailable, match="cannot be written"):
        open_sandbox(tmp_path / "file")
