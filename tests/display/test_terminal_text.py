"""Text for one line of a terminal: nothing hidden in it, and no wider than asked."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from pfsolve.display.text import keep_end, keep_start, last_line
from pfsolve.wording import one_line


@given(st.text())
def test_one_line_leaves_nothing_that_could_move_a_cursor(text: str) -> None:
    line = one_line(text)
    assert not {unicodedata.category(char) for char in line} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    line.encode("utf-8")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x9b2Jcleared", "cleared"),
        ("two\nlines\r\nand\tmore\x0bhere", "two lines and more here"),
        ("right\u202eleft \u200djoined \ud800lone", "rightleft joined lone"),
        ("  kept  inside ", "kept  inside"),
        ("结果是 4", "结果是 4"),
    ],
)
def test_one_line(text: str, line: str) -> None:
    assert one_line(text) == line


@given(st.text().map(one_line), st.integers(min_value=0, max_value=40))
def test_a_cut_line_fits_and_is_marked(text: str, width: int) -> None:
    for cut in (keep_start(text, width), keep_end(text, width)):
        assert cell_len(cut) <= width
        if cell_len(text) <= width:
            assert cut == text
        else:
            assert "…" in cut or width == 0


def test_what_is_kept_is_the_start_or_the_end() -> None:
    assert keep_start("the answer is 42", 8) == "the ans…"
    assert keep_end("the answer is 42", 8) == "…is 42"
    assert keep_end("答案是四十二", 8) == "…四十二"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("First.\nThen $x = \\frac{1}{2}$", "Then x = 1/2"),
        ("\\[\nx = 3\n\\]\n\n", "x = 3"),
        ("so\n\\begin{align*}\nx &= 3 \\\\\n\\end{align*}", "x = 3"),
        ("before\n\\left", "before"),
        ("## Step 1: **add** 2**3 and x**2", "Step 1: add 2**3 and x**2"),
        ("x = \\frac{1}{2} + \\frac{3}{", "x = 1/2 + \\frac{3}{"),
        ("roots $x = \\frac{1}{2} \\pm \\frac{3", "roots x = 1/2 ± \\frac{3"),
        ("it costs $5 and $x = 3$, so $y = 4", "it costs $5 and x = 3, so $y = 4"),
        ("half a character \ufffd", "half a character"),
        ("", ""),
        ("\\]\n$$", ""),
    ],
)
def test_the_last_line_that_says_something(text: str, line: str) -> None:
    assert last_line(text) == line


@pytest.mark.parametrize("piece", [".", "-", " . ", "\\[", "**a", "$x", "{", "`" * 3, "#"])
def test_the_last_line_of_a_long_text_takes_no_time(piece: str) -> None:
    start = time.perf_counter()
    last_line(piece * 20_000 + "x")
    last_line("\n".join([piece] * 20_000))
    assert time.perf_counter() - start < 5
