"""The answer that a program prints is voted together with those of texts, and graded by golds."""

from __future__ import annotations

import pytest

from pfsolve.answers import equivalent, group_equivalent
from pfsolve.programs.sandbox import WorkerSandbox

SYMPY = "from sympy import *\nx, y = symbols('x y')\n"

# A program, answers of texts that are the same, and some that are not.
CASES: list[tuple[str, list[str], list[str]]] = [
    (
        SYMPY + "print(solve(x**2 - 4))",
        [r"x = \pm 2", "x = 2 or x = -2", r"\{-2, 2\}", r"x = -2 \text{ and } x = 2"],
        ["2", r"\{2\}", "-2, 4", "[-2, 2]"],
    ),
    (
        SYMPY + "print(solve_univariate_inequality(x**2 >= 4, x))",
        [r"(-\infty,-2]\cup[2,\infty)", r"x \le -2 \text{ or } x \ge 2"],
        [r"(-\infty,-2)\cup(2,\infty)", "[-2,2]", r"\pm 2"],
    ),
    (SYMPY + "print(Interval.open(2, oo))", [r"(2,\infty)", "x > 2"], [r"[2,\infty)", "2"]),
    (
        SYMPY + "print(solveset(x**2 + 1, x, S.Reals))",
        [r"\emptyset", r"\text{No real solutions}"],
        ["0", r"\pm i"],
    ),
    ("print(any(n % 7 == 0 for n in range(8, 14)))", [r"\text{No}", "False"], ["yes", "0"]),
    ("print(24 / 2)", ["12", "12.00", r"\$12", "12 apples"], ["1.2", "120"]),
    ("print(f'{0.625:.1%}')", [r"62.5\%", "0.625", r"\frac58"], ["6.25", "0.0625"]),
    ("print(1 / 3)", [r"\dfrac13", "0.3333333333333333"], ["0.33", "0.333", r"\frac{333}{1000}"]),
    ("import math\nprint(math.pi * 4)", [r"4\pi"], ["12.57", r"\frac{88}{7}"]),
    ("import math\nprint(round(math.pi * 4, 2))", ["12.57"], [r"4\pi", "12.6"]),
    ("print(2.0**100)", ["2^{100}", str(2**100)], ["2^{101}", r"1.27 \times 10^{30}"]),
    ("print(6.72e-5)", [".0000672", r"6.72 \times 10^{-5}"], ["0.00007", "6.72"]),
    (SYMPY + "print(sqrt(8) / 3)", [r"\dfrac{2\sqrt2}{3}", r"\frac23\sqrt2"], [r"\frac{\sqrt2}{3}"]),
    (SYMPY + "print(log(8) / log(3))", [r"3\log_3 2", r"\frac{\ln 8}{\ln 3}"], [r"\log 8"]),
    (
        SYMPY + "print(solve([x + y - 3, x - y + 1], [x, y]))",
        ["(1, 2)", "x = 1, y = 2", "(x, y) = (1, 2)"],
        ["(2, 1)", "x = 2, y = 1", "x = 1"],
    ),
    (
        SYMPY + "print(solve([x + y - 3, x*y - 2], [x, y]))",
        ["(2, 1), (1, 2)", "x = 1, y = 2 or x = 2, y = 1"],
        ["(1, 2)", "(1, 1), (2, 2)"],
    ),
    (
        SYMPY + "print(Matrix([[1, 2], [3, 4]]))",
        [r"\begin{bmatrix}1&2\\3&4\end{bmatrix}"],
        [r"\begin{pmatrix}1&3\\2&4\end{pmatrix}", "1, 2, 3, 4"],
    ),
    ("print((1 + 2j) ** 2)", ["-3+4i", "4i - 3"], ["-3-4i", "1"]),
    (
        "import math\nprint(f'{math.degrees(math.atan(1))} degrees')",
        ["45", r"45^\circ"],
        [r"\frac{\pi}{4}", "46"],
    ),
    ("print(10**20)", ["10^{20}", "100,000,000,000,000,000,000"], [str(10**20 + 1), "10^{21}"]),
    ("print((3, 5))", ["(3,5)", r"\left(3, 5\right)"], ["(5,3)", "[3,5]"]),
    (SYMPY + "print(limit(1/x, x, 0))", [r"\infty", "infinity"], [r"-\infty", "0"]),
    (SYMPY + "print(Eq(2*x + y, 5))", ["2x+y=5", "y = 5-2x"], ["5", "2x+y=6"]),
]  # fmt: skip


@pytest.mark.parametrize(("program", "same", "different"), CASES, ids=lambda case: str(case)[-30:])
def test_answers_of_programs_beside_those_of_texts(
    sandbox: WorkerSandbox, program: str, same: list[str], different: list[str]
) -> None:
    answer = sandbox.run([program])[0].answer
    assert answer is not None
    assert group_equivalent([answer, *same]) == [0] * (1 + len(same))
    assert not [text for text in different if equivalent(answer, text)]
