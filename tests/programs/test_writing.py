"""Where a program is in what the policy wrote, and where its steps end."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pfsolve.programs import writing
from pfsolve.programs.writing import OPENING, closed, parses, program, settled, step_end

CODE = "from sympy import *\n\nx = symbols('x')\nprint(solve(x))\n"


def steps(text: str) -> list[str]:
    """A program's text in its steps, the last one perhaps unfinished."""
    found, start = [], 0
    while (end := step_end(text, start)) is not None:
        found.append(text[start:end])
        start = end
    return [*found, text[start:]]


@pytest.mark.parametrize(
    "turn",
    [
        CODE,
        OPENING + CODE,
        f"{CODE}```",
        f"{CODE}```\nThis prints 3.\n\n```python\nx\n```",
        CODE.replace("\n", "\r\n"),
    ],
)
def test_a_program_is_what_stands_in_its_block(turn: str) -> None:
    assert program(turn) == CODE
    assert closed(turn) == ("```" in turn.removeprefix(OPENING))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = 1\n\ny = 2\n\n", ["x = 1\n\n", "y = 2\n\n", ""]),
        ("x = 1\n\n\ny", ["x = 1\n\n", "\ny"]),
        ("x = 1\n \t\ny", ["x = 1\n \t\n", "y"]),
        ("x = 1\ny = 2\n", ["x = 1\ny = 2\n"]),
        ("x = (1 +\n\n2)\n\ny", ["x = (1 +\n\n2)\n\n", "y"]),
        ("x = '''\n\na\n'''\n\ny", ["x = '''\n\na\n'''\n\n", "y"]),
        ("def f():\n\n    return 1\n\nf()", ["def f():\n\n    return 1\n\n", "f()"]),
        ("# a remark\n\nx = 1\n\n", ["# a remark\n\nx = 1\n\n", ""]),
        ("x = 1\n```\nwords", ["x = 1\n```\n", "words"]),
        ("x = 1\n\n```", ["x = 1\n\n", "```", ""]),
        ("this is no Python\n\nat all\n\n", ["this is no Python\n\nat all\n\n"]),
    ],
)
def test_a_step_ends_at_a_blank_line_at_which_the_code_is_python(
    text: str, expected: list[str]
) -> None:
    assert steps(text) == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("x = 1\ny = 2\n", "x = 1\ny = 2\n"),
        ("x = 1\nwhile x:\n    y = 2\n\n", "x = 1"),
        ("x = 1\ntry:\n    y\nexcept E:\n    pass\n", "x = 1"),
        ("def f():\n    while True: pass\n", "def f():\n    while True: pass\n"),
        ("for x in y: pass\nz = 1\n", "for x in y: pass\nz = 1\n"),
        ("if x:\n    y\n", ""),
        ("x = 1\n@decorator\nclass C:\n    y: int\n\n", "x = 1"),
        ("no Python\n", ""),
        ("x = 1\ny = 1 / 0", "x = 1\n"),
        ("x = 1\nprint(x", "x = 1\n"),
        ("x = f(\n    1,\n", ""),
        ("x = 1", ""),
    ],
)
def test_what_may_go_on_is_not_settled(code: str, expected: str) -> None:
    assert settled(code) == expected


HOSTILE = [
    *(5000 * piece for piece in ("(", "[", "{", "-", "not ", "lambda: ", "f(", "a**", "(-", "a,")),
    *(500 * piece for piece in ("lambda a=lambda ", "x if y else ", "with (", "f'{", "{0:", "yield (")),
    "if 1:\n x\n" + "elif 1:\n x\n" * 1000,
    "".join(" " * i + "if 1:\n" for i in range(99)),
    "9" * 5000,
    "x" * 10**6,
    "\0",
    "x = '\ud800'",
    "'\\d'",
]  # fmt: skip


@pytest.mark.parametrize("code", HOSTILE, ids=lambda code: repr(code[:12]))
def test_hostile_text_is_told_in_time(code: str, recwarn: pytest.WarningsRecorder) -> None:
    began = time.process_time()
    for text in (code, f"{code}\n\n", f"x = {code}1\n\n"):
        parses(text)
        settled(text)
        step_end(text)
        program(text)
    assert time.process_time() - began < 2
    assert not recwarn.list


@given(st.text(alphabet="ax=1()[]'\"#:`\n\t \\-"), st.integers(0, 20))
def test_steps_are_the_text_and_never_fail(text: str, start: int) -> None:
    assert "".join(steps(text)) == text
    end = step_end(text, start)
    assert end is None or start < end <= len(text)
    assert text.replace("\r\n", "\n").removeprefix(OPENING).startswith(program(text))
    assert len(text) > writing.MAX_LENGTH or text.startswith(settled(text))
