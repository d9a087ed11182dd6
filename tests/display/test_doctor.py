"""A check on a terminal: status, name, what was found as wide as there is room, a command whole."""

from __future__ import annotations

from pfsolve.display.output import Output
from pfsolve.display.report.doctor import check_line
from pfsolve.lab.doctor.check import Check
from tests.display.terminal import pipes, screen, seen

COMMAND = "`pip install llama-cpp-python --force-reinstall --no-binary llama-cpp-python`"
FOUND = Check("model with-a-long-name", "failed", "a value of many words " * 5, COMMAND)


def test_a_check_fits_the_terminal_but_for_its_command() -> None:
    terminal = screen(width=60)
    Output(terminal).give(
        None, lambda: [check_line(Check("python", "ok", "3.12")), check_line(FOUND)]
    )
    lines = seen(terminal)
    assert lines[0].split() == ["ok", "python", "3.12"]
    assert lines[1].split() == ["failed", "model", "with-a-long-name"]
    assert lines[-1].strip() == COMMAND
    assert all(len(line) <= 60 for line in lines[:-1])
    assert " ".join(line.strip() for line in lines[2:-1]) == FOUND.value.strip()


def test_a_pipe_gets_a_line_a_check() -> None:
    pipe = pipes()
    Output(pipe).give(None, lambda: [check_line(FOUND)])
    line = pipe.stdout.getvalue()  # type: ignore[attr-defined]
    assert line == f"failed\tmodel with-a-long-name\t{FOUND.value.strip()}\t{COMMAND}\n"
