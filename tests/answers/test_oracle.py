"""The child process: killed when it hangs, gone with its parent, silent, out of the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from pfsolve.answers.oracle import Oracle

ROOT = Path(__file__).resolve().parents[2]
ASK = """
import sys
from pfsolve.answers import oracle
assert oracle.same("x+x", "2x")
print(oracle._oracle.pid, flush=True)
"""


def gone(pid: int, seconds: float = 10.0) -> bool:
    """Whether a process ends within some seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


def script(code: str, **options: object) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        **options,  # type: ignore[call-overload]
    )


def test_a_child_that_does_not_come_back_is_killed_at_the_limit_and_replaced() -> None:
    oracle = Oracle(limit=0.5)
    try:
        assert oracle.same("x+x", "2x")
        first = oracle.pid
        assert first is not None
        os.kill(first, signal.SIGSTOP)  # stuck, and deaf to every signal but KILL
        start = time.perf_counter()
        assert not oracle.same("x+x+x", "3x")
        assert time.perf_counter() - start < 1.5
        assert gone(first)
        assert oracle.same("y+y", "2y")
        assert oracle.pid != first
    finally:
        oracle.close()


def test_a_child_that_died_is_replaced() -> None:
    oracle = Oracle()
    try:
        assert oracle.same("x+x", "2x")
        assert oracle.pid is not None
        os.kill(oracle.pid, signal.SIGKILL)
        oracle.same("y+y", "2y")  # may be the one that notices
        assert oracle.same("z+z", "2z")
    finally:
        oracle.close()


def test_close_ends_the_child() -> None:
    oracle = Oracle()
    assert oracle.same("x+x", "2x")
    pid = oracle.pid
    oracle.close()
    assert pid is not None
    assert gone(pid)
    assert oracle.pid is None


def test_the_child_is_gone_after_a_normal_exit_and_was_silent() -> None:
    process = script(ASK)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert err == ""
    assert gone(int(out))
    assert out.strip().isdigit()  # the pid and nothing else


def test_the_child_is_gone_after_its_parent_was_killed() -> None:
    process = script(ASK + "sys.stdin.read()", stdin=subprocess.PIPE)
    assert process.stdout
    pid = int(process.stdout.readline())
    process.kill()
    process.communicate()
    assert gone(pid)


@pytest.mark.parametrize("target", ["child", "group"])
def test_ctrl_c_does_not_break_the_child(target: str) -> None:
    code = (
        ASK
        + """
try:
    sys.stdin.read()
except KeyboardInterrupt:
    pass
assert oracle.same("x+x+x", "3x")
print(oracle._oracle.pid, flush=True)
"""
    )
    process = script(code, stdin=subprocess.PIPE, start_new_session=True)
    assert process.stdout
    pid = int(process.stdout.readline())
    if target == "child":
        os.kill(pid, signal.SIGINT)
        out, err = process.communicate("", timeout=120)
    else:
        time.sleep(0.3)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert int(out) == pid


def test_a_module_in_the_working_directory_does_not_replace_sympy(tmp_path: Path) -> None:
    (tmp_path / "sympy.py").write_text("raise SystemExit('the wrong sympy')\n")
    process = script(ASK, cwd=tmp_path)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert gone(int(out))


def test_several_threads_get_their_own_answers() -> None:
    oracle = Oracle()
    verdicts: dict[int, bool] = {}

    def ask(n: int) -> None:
        verdicts[n] = oracle.same(f"x+{n}x", f"{n + 1 + n % 2}x")

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(1, 9)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        oracle.close()
    assert verdicts == {n: n % 2 == 0 for n in range(1, 9)}


def test_importing_and_quick_pairs_load_no_algebra_and_start_no_child() -> None:
    process = script(
        "import sys\n"
        "from pfsolve.answers import equivalent, extract_answer, oracle\n"
        "assert equivalent('1/2', '0.5')\n"
        "assert not {'sympy', 'math_verify', 'numpy'} & set(sys.modules)\n"
        "assert oracle._oracle.pid is None\n"
    )
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
