"""Ctrl-C, `kill` and `--time`: a search ends where it is, says so, and shows what there was."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pfsolve.cli import interrupt
from pfsolve.engine.backend import signals_held
from tests.cli.conftest import Cli, cli_environment

# Particles that would write for minutes: to many steps, none of which holds an answer so early.
ENDLESS = (
    *("Tell me all about numbers.", "-n", "8", "--max-step-tokens", "20", "--max-steps", "1000"),
    *("--programs", "0", "--seed", "1", "--no-early-stop"),
)

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}  # of the first signal

READING = """
import sys
from pfsolve.cli import main
from pfsolve.environment import Environment

def read(self):
    print("reading", file=sys.stderr, flush=True)
    return self.stdin.buffer.read()

Environment.read_stdin = read
main()
"""


@dataclass
class Stopped:
    """How a run ended."""

    code: int
    stdout: str
    stderr: str
    seconds: float  # from the last signal on


def stopped(tmp_path: Path, *signals: signal.Signals, options: tuple[str, ...] = ()) -> Stopped:
    """Start an endless solve and send it signals, each once it has answered to the one before."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pfsolve", *ENDLESS, "-v", *options],
        env=cli_environment(tmp_path, PYTHONUNBUFFERED="1"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    said = ""
    for awaited, each in zip(("step", "stopping"), signals, strict=False):
        for line in process.stderr:
            said += line
            if line.startswith(awaited):
                break
        process.send_signal(each)
        began = time.monotonic()
    stdout, stderr = process.communicate(timeout=120)
    return Stopped(process.returncode, stdout, said + stderr, time.monotonic() - began)


@pytest.mark.parametrize(("how", "code"), CODES.items())
def test_the_first_signal_shows_what_each_particle_had(
    tmp_path: Path, small_path: Path, how: signal.Signals, code: int
) -> None:
    end = stopped(tmp_path, how)
    assert (end.code, end.stdout) == (code, "")
    lines = end.stderr.splitlines()
    assert lines[-1].startswith("Error: interrupted after ")
    assert lines[-1].endswith(": none of 8 particles had an answer")
    had = lines[-9:-1]
    assert [line.split()[:2] for line in had] == [[str(i), "text"] for i in range(8)]
    assert all(len(line.split()) > 2 for line in had), "the end of what it wrote"
    assert end.seconds < 10, "a step takes longer than a token"


def test_what_was_cut_is_marked_in_json(tmp_path: Path, small_path: Path) -> None:
    end = stopped(tmp_path, signal.SIGINT, options=("--json", "full"))
    assert end.code == 130
    assert "Traceback" not in end.stderr
    record = json.loads(end.stdout)
    assert (record["interrupted"], record["out_of_time"]) == (True, False)
    assert "interrupted" in {particle["finish"] for particle in record["particles"]}


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_the_second_signal_stops_at_once(
    tmp_path: Path, small_path: Path, second: signal.Signals
) -> None:
    end = stopped(tmp_path, signal.SIGINT, second)
    assert (end.code, end.stdout) == (130, "")
    assert "Traceback" not in end.stderr
    assert end.stderr.splitlines()[-1].startswith("Error: interrupted")


@pytest.mark.parametrize(("how", "code"), CODES.items())
def test_a_signal_before_the_search_ends_with_a_line(
    tmp_path: Path, small_path: Path, how: signal.Signals, code: int
) -> None:
    """Here while problems are read, from a pipe that nobody writes to."""
    process = subprocess.Popen(
        [sys.executable, "-c", READING],
        env=cli_environment(tmp_path),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert process.stderr.readline() == "reading\n"
    process.send_signal(how)
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout, stderr) == (code, "", "Error: interrupted\n")


IMPORTING = """
import signal, sys

def raised_as_extension_modules_do():
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        raise ImportError

def in_the_exec_of_a_text():  # as of a dataclass; Python would end itself by the signal in the end
    exec("signal.raise_signal(signal.SIGINT)")

def plainly():
    signal.raise_signal(signal.SIGINT)

class Interrupted:
    def find_spec(self, name, path=None, target=None):
        if name == where:
            globals()[how]()

class Late:
    def __del__(self, send=signal.raise_signal, number=signal.SIGINT):
        send(number)  # when Python has given up its own handlers

late = Late()
where, how = sys.argv.pop(), sys.argv.pop()
sys.meta_path.insert(0, Interrupted())
from pfsolve.cli import main
main()
"""


@pytest.mark.parametrize(
    ("how", "where"),
    [
        ("raised_as_extension_modules_do", "typer"),
        ("in_the_exec_of_a_text", "typer"),
        ("plainly", "typer"),
        ("plainly", "pfsolve.environment"),
        ("plainly", "importlib.metadata"),  # once the command line is read
    ],
)
def test_a_signal_during_imports_ends_with_a_line_and_so_do_late_ones(
    tmp_path: Path, how: str, where: str
) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", IMPORTING, "--version", how, where],
        env=cli_environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (130, "", "Error: interrupted\n")


@pytest.fixture
def taken_over(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The signals of this process are handled as those of the command are."""
    before = {each: signal.getsignal(each) for each in CODES}
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    interrupt.recovered()
    interrupt.take_over()
    yield
    for each, handler in before.items():
        signal.signal(each, handler)
    interrupt.recovered()


@pytest.mark.parametrize(("first", "code"), CODES.items())
def test_the_second_of_many_signals_stops_and_the_others_change_nothing(
    taken_over: None, first: signal.Signals, code: int
) -> None:
    told = []

    def work() -> None:
        with interrupt.TwoStageInterrupt(lambda: told.append(1)) as it:
            signal.raise_signal(first)
            assert it.stopping()
            try:
                signal.raise_signal(signal.SIGINT)
            finally:
                for each in CODES:
                    signal.raise_signal(each)

    with pytest.raises(KeyboardInterrupt):
        work()
    for each in CODES:
        signal.raise_signal(each)  # while the error is told
    assert (told, interrupt.over(130), interrupt.over(0)) == ([1], code, 0)


def test_a_display_that_is_gone_does_not_end_the_search(taken_over: None) -> None:
    def gone() -> None:
        raise OSError

    with interrupt.TwoStageInterrupt(gone) as it:
        signal.raise_signal(signal.SIGHUP)
        assert it.stopping()


def test_a_signal_that_a_callback_loses_comes_again(taken_over: None) -> None:
    class Watched:
        pass

    def work() -> None:
        watched = Watched()
        callback = weakref.ref(watched, lambda _: signal.raise_signal(signal.SIGTERM))
        del watched
        assert callback() is None
        time.sleep(5)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert interrupt.over(130) == 143


def test_a_signal_waits_while_llama_cpp_calls_back(taken_over: None) -> None:
    seen = []

    def work() -> None:
        with signals_held() as waiting:
            seen.append(waiting())
            signal.raise_signal(signal.SIGTERM)
            seen.append(waiting())

    with pytest.raises(KeyboardInterrupt):
        work()
    assert seen == [False, True]


def test_who_does_not_hear_of_the_terminals_end_goes_on_under_nohup() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interrupt.TwoStageInterrupt(lambda: None) as it:
            signal.raise_signal(signal.SIGHUP)
            assert not it.stopping()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_when_the_time_is_up_the_search_ends_where_it_is(cli: Cli) -> None:
    result = cli(*ENDLESS, "--time", "3s", "--json", "full")
    record = json.loads(result.stdout)
    assert (record["out_of_time"], record["interrupted"]) == (True, False)
    assert 3 <= record["timings"]["solve_seconds"] < 12
    assert record["settings"]["time"] == 3
    assert "out_of_time" in {particle["finish"] for particle in record["particles"]}
    assert result.returncode == (3 if record["answer"] is None else 0)
    if record["answer"] is None:
        *had, error, hint = result.stderr.splitlines()[-10:]
        assert [line.split()[1] for line in had] == ["text"] * 8
        assert error.startswith("Error: out of time after ")
        assert hint == "give it more --time"


def test_each_problem_of_a_file_has_its_own_time(cli: Cli, tmp_path: Path) -> None:
    """One after the other: the second is not out of time because of the first."""
    file = tmp_path / "problems.txt"
    file.write_text("Tell me all about numbers.\nTell me all about letters.\n")
    result = cli(*("-f", str(file), *ENDLESS[1:], "--parallel", "1", "--time", "2s", "--json"))
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert [record["out_of_time"] for record in records] == [True, True]
    assert all(2 <= record["timings"]["solve_seconds"] < 12 for record in records)
    assert "error" not in records[0]
