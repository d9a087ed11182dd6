"""Streams that nobody reads, that are full, or that are not there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import cli_environment


def ran(tmp_path: Path, stdout: int | None, *args: str) -> tuple[int, list[str]]:
    """The exit code and the lines on stderr; without a `stdout` there is none."""
    process = subprocess.run(
        [sys.executable, "-m", "pfsolve", *args],
        env=cli_environment(tmp_path),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=(lambda: os.close(1)) if stdout is None else None,
    )
    if stdout is not None:
        os.close(stdout)
    return process.returncode, process.stderr.splitlines()


@pytest.mark.parametrize("args", [("config", "show"), ("--help",)])
def test_a_reader_that_has_enough_is_no_error(tmp_path: Path, args: tuple[str, ...]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    assert ran(tmp_path, writer, *args) == (0, [])


def test_without_a_stdout_a_result_goes_nowhere(tmp_path: Path) -> None:
    assert ran(tmp_path, None, "config", "show") == (0, [])


def test_without_a_stdout_nothing_is_solved(tmp_path: Path) -> None:
    code, lines = ran(tmp_path, None, "1+1")
    assert (code, lines[0]) == (2, "Error: standard output is closed, and the answer would be lost")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is full")
@pytest.mark.parametrize("args", [("config", "show"), ("--help",)])
def test_a_full_disk_is_one_error(tmp_path: Path, args: tuple[str, ...]) -> None:
    code, (error, *hint) = ran(tmp_path, os.open("/dev/full", os.O_WRONLY), *args)
    assert code == 1
    assert error.startswith("Error: ")
    assert error.endswith("No space left on device")
    assert len(hint) <= 1
