"""The building of a sandbox, but for the building itself."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import psutil
import pytest

from pfsolve.errors import ProgramsUnavailable
from pfsolve.programs import build
from tests.faults import files_of_at_most

T = TypeVar("T")

# A build in a thread, as beside a download, when the rest of the process has come to its end. What it
# starts has the same standard output, which stays open until both have ended.
ENDS_WHILE_IT_BUILDS = """
import subprocess, sys, threading, time
from pfsolve.programs import build

def sleeper(*_, **__):
    started.set()
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    return subprocess.Popen(sleep, stderr=subprocess.PIPE, start_new_session=True)

started = threading.Event()
build.child_process = sleeper
threading.Thread(target=build._child, args=("compile",), daemon=True).start()
started.wait()
time.sleep(0.2)
"""


def test_a_build_ends_with_the_process_that_began_it() -> None:
    command = [sys.executable, "-c", ENDS_WHILE_IT_BUILDS]
    subprocess.run(command, check=True, capture_output=True, timeout=20)


BUILDS = """
import sys
from pfsolve.programs import build
build._child("compile", sys.argv[1], sys.argv[2])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it comes to its own end")
@pytest.mark.parametrize("starts", [0.0, 0.5])
def test_a_build_ends_with_a_process_that_is_killed(tmp_path: Path, starts: float) -> None:
    """However far it is: it begins with imports."""
    os.mkfifo(tmp_path / "wasm")  # whose reader waits for a writer
    command = [sys.executable, "-c", BUILDS, str(tmp_path / "wasm"), str(tmp_path / "out")]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as builder:
        children = wait(lambda: psutil.Process(builder.pid).children())
        time.sleep(starts)
        builder.kill()
    _, alive = psutil.wait_procs(children, timeout=10)
    for child in alive:
        child.kill()
    assert not alive


# One that makes its files at once, with the marks of a build that is under way while it waits for input.
MAKES = """
import sys
from pathlib import Path
from pfsolve.programs import build

def child(verb, *arguments):
    if verb == "compile":
        if "stop" in sys.argv:
            print("compiling", flush=True)
            sys.stdin.read()
        Path(arguments[1]).write_bytes(b"machine code")

build._child = child
build._copy_sources = lambda scratch: None
print(build.build(Path(sys.argv[1]), listen=lambda event: print(type(event).__name__, flush=True)).path)
"""


def start(folder: Path, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", MAKES, str(folder), *more],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def until(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdout
    assert any(said == f"{line}\n" for said in process.stdout), "it ended before"


def test_what_a_killed_build_left_is_swept_and_who_waited_builds(tmp_path: Path) -> None:
    first = start(tmp_path, "stop")
    until(first, "compiling")
    second = start(tmp_path)
    until(second, "SandboxWaits")
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    (folder / ".1234.cwasm.abc.part").touch()
    first.kill()
    first.communicate()
    built = Path(second.communicate(timeout=20)[0].splitlines()[-1])
    assert built.read_bytes() == b"machine code"
    assert {path.name for path in folder.iterdir()} == {built.name, "manifest.json"}
    assert start(tmp_path).communicate(timeout=20)[0] == f"{built}\n", "and it is built once"


def test_a_full_disk_leaves_no_sandbox_and_the_next_build_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def child(verb: str, *arguments: str) -> None:
        if verb == "compile":
            Path(arguments[1]).write_bytes(bytes(100_000))

    monkeypatch.setattr(build, "_child", child)
    monkeypatch.setattr(build, "_copy_sources", lambda scratch: None)
    with files_of_at_most(50_000), pytest.raises(ProgramsUnavailable, match="cannot be written to"):
        build.build(tmp_path)
    assert build.find(tmp_path) is None
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    assert not list(folder.iterdir())
    assert build.build(tmp_path) == build.find(tmp_path)


def wait(condition: Callable[[], T]) -> T:
    for _ in range(400):
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError("waited in vain")
