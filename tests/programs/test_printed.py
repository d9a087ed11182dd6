"""What a program printed becomes an answer that can be compared with those of texts."""

from __future__ import annotations

import cmath
import math
from decimal import Decimal
from fractions import Fraction

import mpmath
import pytest
import sympy
from sympy import (
    Eq,
    FiniteSet,
    Interval,
    Matrix,
    Rational,
    S,
    Union,
    log,
    oo,
    pi,
    solve,
    sqrt,
    symbols,
)

from pfsolve.answers import equivalent
from pfsolve.programs.inside.printed import answer_parts

x, y = symbols("x y")

# The objects of one print call, the parts they are, and an answer of a text that is the same.
OBJECTS: list[tuple[list[object], list[str], str]] = [
    ([solve(x**2 - 4)], ["-2", "2"], r"x = \pm 2"),
    ([12.0], ["12"], "12"),
    ([0.1 + 0.2], ["0.3"], "0.3"),
    ([11.999999999999998], ["12"], "12"),
    ([Fraction(3, 4)], [r"\frac{3}{4}"], "0.75"),
    ([Decimal("12.50")], ["12.5"], r"\$12.50"),
    ([mpmath.mpf("0.5")], ["0.5"], r"\frac12"),
    ([1 + 2j], ["1 + 2 i"], "1+2i"),
    ([cmath.exp(1j * math.pi)], ["-1"], "-1"),
    ([solve(x**3 - 3 * x + 1)[0].evalf()], ["0.347296355334"], r"2\cos\frac{4\pi}{9}"),
    ([2**100], [str(2**100)], "2^{100}"),
    ([1e20], ["10^{20}"], r"10^{20}"),
    ([-1.5e-7], [r"-1.5 \cdot 10^{-7}"], "-0.00000015"),
    ([math.inf], [r"\infty"], r"\infty"),
    ([True], ["yes"], "Yes"),
    ([S.false], ["no"], r"\text{No}"),
    ([sqrt(8) / 3], [r"\frac{2 \sqrt{2}}{3}"], r"\frac{2\sqrt2}{3}"),
    ([-Rational(1, 2)], [r"- \frac{1}{2}"], "-0.5"),
    ([pi / 4], [r"\frac{\pi}{4}"], r"\frac{\pi}4"),
    ([log(2)], [r"\ln{\left(2 \right)}"], r"\ln 2"),
    ([log(x, 2)], [r"\frac{\ln{\left(x \right)}}{\ln{\left(2 \right)}}"], r"\log_2 x"),
    ([sympy.asin(Rational(1, 3))], [r"\arcsin{\left(\frac{1}{3} \right)}"], r"\sin^{-1}\frac13"),
    ([sympy.tan(pi / 2)], ["undefined"], r"\text{undefined}"),
    ([sympy.N(pi, 20)], ["3.1415926535897932385"], r"3.1415926535897932385"),
    ([2.0 * x + 1.5], ["2 x + 1.5"], r"2x + \frac32"),
    ([sympy.Poly(x**2 + 1)], ["x^{2} + 1"], "x^2+1"),
    ([Interval.Lopen(0, 1)], [r"\left(0, 1\right]"], "(0, 1]"),
    ([solve(x**2 < 4, x)], [r"\left(-2, 2\right)"], "-2 < x < 2"),
    (
        [Union(Interval(0, 1), Interval.open(2, oo))],
        [r"\left[0, 1\right] \cup \left(2, \infty\right)"],
        r"[0,1]\cup(2,\infty)",
    ),
    ([FiniteSet(1, 2)], ["1", "2"], r"\{1, 2\}"),
    ([{3, 1}], ["1", "3"], "1, 3"),
    ([[]], [r"\emptyset"], r"\emptyset"),
    ([S.EmptySet], [r"\emptyset"], r"\varnothing"),
    ([Matrix([[1, 2]])], [r"\begin{pmatrix}1 & 2\end{pmatrix}"], r"\begin{bmatrix} 1 & 2 \end{bmatrix}"),
    ([(3, 4)], ["(3, 4)"], "(3,4)"),
    ([sympy.Point(3, 4)], ["(3, 4)"], "(3,4)"),
    ([[(1, 2), (3, 4)]], ["(1, 2)", "(3, 4)"], "(1,2), (3,4)"),
    ([[7]], ["7"], "7"),
    ([{x: 1, y: 2}], ["x = 1", "y = 2"], "x=1, y=2"),
    ([[{x: 1}, {x: -1}]], ["1", "-1"], r"\pm 1"),
    ([[{x: 1, y: 2}, {x: 3, y: 4}]], ["(1, 2)", "(3, 4)"], "(1,2), (3,4)"),
    ([sympy.roots(x**2 - 4)], ["-2", "2"], r"\pm 2"),
    ([[[1, 2], [3, 4]]], ["(1, 2)", "(3, 4)"], r"\begin{pmatrix}1&2\\3&4\end{pmatrix}"),
    ([Eq(x, 3)], ["3"], "x = 3"),
    ([1, 2], ["1", "2"], "1, 2"),
    (["x =", 3], ["3"], "3"),
    (["x =", 1, ", y =", 2], ["x = 1", "y = 2"], "x=1, y=2"),
    (["The solutions are", [1, 2], "!"], ["1", "2"], "1, 2"),
    (["Area:", 5 * pi, "cm^2"], [r"5 \pi"], r"5\pi"),
    ([3, "+", 4, "=", 7], ["7"], "7"),
    ([50, "%"], ["50%"], r"50\%"),
    (["Answer:", "x = 1, y = 2"], ["x = 1", "y = 2"], "x=1, y=2"),
]  # fmt: skip
TEXTS: list[tuple[str, list[str], str]] = [
    ("3", ["3"], "3"),
    ("x = 3", ["3"], "3"),
    ("The answer is: 3", ["3"], "3"),
    ("The answer is 12.0.", ["12"], "12"),
    ("first\nlast = 4\n\n", ["4"], "4"),
    ("[-2, 2]", ["-2", "2"], r"\pm 2"),
    ("x = [-sqrt(2)/2, sqrt(2)/2]", [r"- \frac{\sqrt{2}}{2}", r"\frac{\sqrt{2}}{2}"], r"\pm\frac{1}{\sqrt2}"),
    ("x = 1, y = 2", ["x = 1", "y = 2"], "x=1, y=2"),
    ("x = 1 y = 2", ["x = 1", "y = 2"], "x=1, y=2"),
    ("10,20", ["10", "20"], "10, 20"),
    ("100,200", ["100200"], "100200"),
    ("(1,2),(3,4)", ["(1, 2)", "(3, 4)"], "(3,4), (1,2)"),
    ("1 2 3", ["1 2 3"], "1, 2, 3"),
    ("x = 1 or x = 2", ["1", "2"], "1, 2"),
    ("The roots are 2 and 3", ["2", "3"], "2, 3"),
    ("(x, y) = (3, 4)", ["(3, 4)"], "(3,4)"),
    ("{x: 1, y: 2}", ["x = 1", "y = 2"], "x=1, y=2"),
    ("f(2) = 5", ["5"], "5"),
    ("y = 2*x + 1", ["2 x + 1"], "y = 2x+1"),
    ("x**2 + y**2 = 25", ["x^{2} + y^{2} = 25"], "x^2+y^2=25"),
    ("2*x + y = 5", ["2 x + y = 5"], "4x+2y=10"),
    ("m + n = 17", ["m + n = 17"], "17"),
    ("3 + 4 = 7", ["7"], "7"),
    ("3/4", [r"\frac{3}{4}"], "0.75"),
    ("Fraction(3, 4)", [r"\frac{3}{4}"], "0.75"),
    ("0.30000000000000004", ["0.3"], "0.3"),
    ("$1,234.50", ["1234.5"], "1234.5"),
    ("50%", ["50%"], "50\\%"),
    ("5 apples", ["5 apples"], "5"),
    ("John has 5 apples", ["5"], "5"),
    ("Interval.open(2, oo)", [r"\left(2, \infty\right)"], r"(2,\infty)"),
    ("6.02e23", [r"6.02 \cdot 10^{23}"], r"6.02 \times 10^{23}"),
    ("(-2 < x) & (x < 2)", [r"\left(-2, 2\right)"], "(-2, 2)"),
    ("pi/4", [r"\frac{\pi}{4}"], r"\frac\pi4"),
    ("E", ["E"], r"\text{E}"),
    ("(E)", ["(E)"], r"\text{(E)}"),
    (bin(11), ["1011_{2}"], "1011_2"),
    ("1011_2", ["1011_2"], "1011_{2}"),
    ("set()", [r"\emptyset"], r"\emptyset"),
    (r"The answer is \frac{1}{2}", [r"\frac{1}{2}"], "0.5"),
    (r"\boxed{5}", ["5"], "5"),
    ("True", ["yes"], "yes"),
    ("Is it prime? False", ["no"], r"\text{No}"),
    ("3:45", ["3:45"], "3:45"),
    ("3 : 4", ["3 : 4"], "3:4"),
    ("The ratio is 3:4", ["3:4"], "3:4"),
    ("No solution", ["No solution"], "no solution"),
]  # fmt: skip
NO_VALUE: list[object] = [None, "", " \n", math.nan, S.NaN, "nan", "None", lambda: 1, iter([]), int]


@pytest.mark.parametrize(("line", "parts", "text"), OBJECTS, ids=lambda case: repr(case)[:40])
def test_objects_of_a_line_become_an_answer(
    line: list[object], parts: list[str], text: str
) -> None:
    assert answer_parts(line) == parts
    assert equivalent(", ".join(parts), text)


@pytest.mark.parametrize(("line", "parts", "text"), TEXTS, ids=lambda case: repr(case)[:40])
def test_texts_of_a_line_become_an_answer(line: str, parts: list[str], text: str) -> None:
    assert answer_parts([line]) == parts
    assert equivalent(", ".join(parts), text)


@pytest.mark.parametrize("thing", NO_VALUE, ids=lambda thing: repr(thing)[:20])
def test_what_is_no_value_gives_none(thing: object) -> None:
    assert answer_parts([thing]) == []


def test_an_answer_without_end_is_none() -> None:
    assert answer_parts([list(range(1000))]) == []
    assert answer_parts(["x" * 5000]) == []
