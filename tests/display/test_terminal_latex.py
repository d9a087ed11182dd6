"""LaTeX to terminal text: what people should read, and that nothing can break it."""

from __future__ import annotations

import re
import subprocess
import sys
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pfsolve.display.latex.formula import _WITH_ARGUMENTS, Unreadable
from pfsolve.display.latex.symbols import TAKE_ARGUMENTS
from pfsolve.display.latex.terminal import _converted, split_unfinished, to_terminal

READ_AS = {
    # fractions: brackets exactly where a slash would change the meaning
    r"\frac{1}{2}": "1/2",
    r"\tfrac{1}{2}": "1/2",
    r"\dfrac{x+1}{x-1}": "(x+1)/(x-1)",
    r"\frac12x": "(1/2)x",
    r"2\frac{1}{3}": "2 1/3",
    r"-\frac{\sqrt{3}}{2}": "-√3/2",
    r"\frac{2\pi}{3}": "2π/3",
    r"\frac{3 \pi}{4}": "3π/4",
    r"\frac{3}{2\pi}": "3/(2π)",
    r"\frac{\frac{1}{2}}{3}": "(1/2)/3",
    r"\frac{1}{2^{8}}": "1/2⁸",
    r"\frac{a}{b}\frac{c}{d}": "(a/b)(c/d)",
    r"\left(\frac{1}{2}\right)^2": "(1/2)²",
    r"\frac{-b \pm \sqrt{b^2-4ac}}{2a}": "(-b ± √(b²-4ac))/(2a)",
    # what pylatexenc's own conversion loses
    r"x \ne 2": "x ≠ 2",
    r"x\neq2": "x ≠ 2",
    r"\binom{n}{k}": "C(n, k)",
    r"\boxed{42}": "42",
    # roots
    r"3\sqrt{13}": "3√13",
    r"\sqrt{2}x": "√2 x",
    r"\sqrt{2}^2": "(√2)²",
    r"\sqrt[3]{x+1}": "∛(x+1)",
    r"\sqrt[n]{2}": "ⁿ√2",
    # scripts
    r"x^{10}y_{12}": "x¹⁰y₁₂",
    r"x^{n+1}": "xⁿ⁺¹",
    r"10^{-3}": "10⁻³",
    r"e^{i\pi}+1=0": "e^(iπ)+1=0",
    r"x_\text{max}": "xₘₐₓ",
    r"\text{proj}_b a": "proj_b a",
    r"x^\frac{1}{2}": "x^(1/2)",
    r"90^\circ": "90°",
    r"36^\circ and": "36° and",
    r"f''(x)": "f''(x)",
    r"12^{\text{th}}": "12ᵗʰ",
    r"7602_8": "7602₈",
    # operators, functions
    r"x = \pm 2": "x = ±2",
    r"1\pm\sqrt{19}": "1 ± √19",
    r"2\cdot3 \times 4": "2 · 3 × 4",
    r"(-\infty, 3] \cup [5, \infty)": "(-∞, 3] ∪ [5, ∞)",
    r"\mathbb{R} \setminus \{0\}": "ℝ ∖ {0}",
    r"x\le 3 \geq y": "x ≤ 3 ≥ y",
    r"f \circ g": "f ∘ g",
    r"\sin^2\theta + 2\cos x": "sin² θ + 2 cos x",
    r"\log_{10} 100": "log₁₀ 100",
    r"\lim_{x\to0}f(x)": "lim_(x→0) f(x)",
    r"\sum_{i=1}^ni": "∑ᵢ₌₁ⁿ i",
    r"7 \equiv 2 \pmod{5}": "7 ≡ 2 (mod 5)",
    r"17 \bmod 5": "17 mod 5",
    r"\operatorname{lcm}(4, 6)": "lcm(4, 6)",
    r"\angle ABC": "∠ABC",
    r"0.1\overline{23}": "0.12\u03053\u0305",
    r"\not\in": "∉",
    # grids
    r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}": "[1 2; 3 4]",
    r"\begin{pmatrix} \frac12 & \alpha \end{pmatrix}": "[1/2 α]",
    r"\left[\begin{array}{c|c} x + 1 & 2 \end{array}\right]": "[x + 1, 2]",
    r"\begin{cases} x, & x > 0 \\ -x & \text{else} \end{cases}": "{x, x > 0; -x, else}",
    r"\begin{aligned} x &= 2 \\ y &= 3 \end{aligned}": "x = 2; y = 3",
    # brackets, text, spaces
    r"\{1, 2\}": "{1, 2}",
    r"$\{1, 2\}$ is {1, 2}": "{1, 2} is {1, 2}",
    r"\left( x \right.": "(x",
    r"\text{(E)}": "(E)",
    r"5\,\text{ cm}": "5 cm",
    r"12{,}345": "12,345",
    r"34,\! 650": "34,650",
    r"50\%": "50%",
    # prose and delimiters, paired or not
    r"So $ x^2 = 3 $ and \( y = 4 \).": "So x² = 3 and y = 4.",
    r"It costs $5, and $x = \frac12$ of $6.": "It costs $5, and x = 1/2 of $6.",
    r"\[ x^2": "x²",
    r"50% of x^2": "50% of x²",
    r"&= 3^2 + 4^2 \\": "= 3² + 4²",
    r"R&D, x^2": "R&D, x²",
    r"2^10": "2^10",
    r"file_name": "file_name",
    # unknown macros stay
    r"\foo{x^2}{y} + \frac12": r"\foo{x^2}{y} + 1/2",
    r"\xrightarrow{a}": r"\xrightarrow{a}",
}


@pytest.mark.parametrize(("latex", "text"), READ_AS.items())
def test_reads_as(latex: str, text: str) -> None:
    assert to_terminal(latex) == text


@pytest.mark.parametrize(
    "latex",
    [
        r"\frac{1}{",
        r"\frac{1}",
        "}",
        "x^{2",
        r"\begin{pmatrix} 1^2",
        r"\end{cases}_1",
        r"\sqrt\frac12",
        "{" * 5000,
    ],
)
def test_malformed_latex_comes_back_unchanged(latex: str) -> None:
    assert to_terminal(latex) == latex


def test_text_without_latex_comes_back_unchanged() -> None:
    assert to_terminal("  two  spaces, 50% -- done") == "  two  spaces, 50% -- done"


PIECES = re.findall(
    r"\S+",
    r"""
    \frac \sqrt \left( \right) \right. { } [ ] ^ _ $ $$ \( \) \[ \] & % ~ # \\ \ \foo \verb | * x
    \begin{pmatrix} \end{pmatrix} \begin{cases} \end{cases} \begin{aligned} \end{aligned}
    \begin \end 12 1 数
    \pm \cdot \sin \binom \text \operatorname \not \overline \mathbb \circ \color \item , . - = α
    """,
)


@settings(max_examples=400)
@given(
    st.lists(st.one_of(st.sampled_from(PIECES), st.just(" "), st.characters()), max_size=30).map(
        "".join
    )
)
@example("\\")
@example(r"\left")
@example("\ufdd0\ufdd3^\\frac12")
def test_any_text_is_rendered_or_refused_by_the_parser(latex: str) -> None:
    """The renderer itself never fails: all that the parser lets through, it can render."""
    from pylatexenc.latexwalker import LatexWalkerError

    assert isinstance(to_terminal(latex), str)
    try:
        text = _converted(latex)
    except (LatexWalkerError, Unreadable, RecursionError):
        assert latex == to_terminal(latex)
    else:
        assert not any("\ufdd0" <= char <= "\ufdd4" for char in text)
        assert "\n" not in text


def test_every_macro_whose_arguments_are_read_becomes_something() -> None:
    assert _WITH_ARGUMENTS.keys() == TAKE_ARGUMENTS.keys()


@pytest.mark.parametrize(
    "piece",
    ["x^2 ", r"\frac{1}{2}", r"\left(", "$", "{", r"\\", r"\begin{array}", "  ", "$x$ ", "^"],
)
def test_long_text_takes_no_time(piece: str) -> None:
    start = time.perf_counter()
    for length in (9_999, 100_000):
        to_terminal((piece * length)[:length])
    assert time.perf_counter() - start < 10


@pytest.mark.parametrize(
    ("latex", "done"),
    [
        (r"x = 1 + \frac{1}{2", "x = 1 + "),
        (r"x + y^{2", "x + y"),
        (r"so \begin{pmatrix} 1 & 2", "so "),
        (r"\frac{1}{2} + 3", r"\frac{1}{2} + 3"),
        (r"a \boxed{\frac{1}{2}", "a "),
        (r"\{1, 2", r"\{1, 2"),
        ("x }", "x }"),
    ],
)
def test_unfinished_latex_is_split_off(latex: str, done: str) -> None:
    assert split_unfinished(latex) == (done, latex[len(done) :])


def test_the_parser_is_loaded_only_when_there_is_latex() -> None:
    script = (
        "import sys; from pfsolve.display.latex.terminal import to_terminal;"
        "to_terminal('42'); assert 'pylatexenc' not in sys.modules;"
        "to_terminal('x^2'); assert 'pylatexenc' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
