"""Equality by SymPy and math-verify. For the child process only: it takes seconds to load."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import product
from typing import Any

import sympy
from math_verify import parse as parse_latex
from math_verify import verify

from pfsolve.answers.conversion import conversion
from pfsolve.answers.matching import same
from pfsolve.answers.numerals import exactly, resolution
from pfsolve.answers.structure import readings
from pfsolve.answers.values import Judge, Undecided, quick_same_value

_LOG = re.compile(r"\\log(?![A-Za-z]|\s*_)")  # to base 10, or natural beside an \ln
_ANGLE_IN_DEGREES = re.compile(r"(\d+(?:\.\d+)?)\s*\^\\circ")
_CONDITIONS = (sympy.Lt, sympy.Le, sympy.Gt, sympy.Ge, sympy.And, sympy.Or)


class OutOfTime(BaseException):
    """The time for a pair is over. No Exception: SymPy and math-verify must not swallow it."""


_DIGITS = 40
# Where formulas with variables are compared: nothing special, inside and outside the unit interval.
_POINTS = [sympy.Rational(n, 1009) for n in (374, 2791, 1303, 557, 2154, 1759, 831, 653)]
_ROUNDS = 3


def same_answer(a: str, b: str) -> bool:
    """Whether two normalised answers are the same."""
    judge = Judge(same_value, conversion)
    return any(same(x, y, judge) for x in readings(a) for y in readings(b))


@lru_cache(maxsize=2048)
def same_value(a: str, b: str) -> bool:
    """Whether two values are equal: quickly if possible, else numerically, else by math-verify."""
    try:
        return quick_same_value(a, b)
    except Undecided:
        pass
    verdict = _same_numerically(a, b)
    if verdict is None:
        x, y = sympy_value(a), sympy_value(b)
        verdict = _same_set(x, y)
        if verdict is None:
            verdict = _proportional(a, b) or _verify(x, y) or _verify(y, x)
    if not verdict and "\\ln" in a + b and _LOG.search(a + b):
        return same_value(_LOG.sub(r"\\ln", a), _LOG.sub(r"\\ln", b))
    return verdict


@lru_cache(maxsize=2048)
def sympy_value(text: str) -> list[Any]:
    """What math-verify reads in a text: a SymPy object and the text it used, or nothing."""
    text = _ANGLE_IN_DEGREES.sub(r"(\1\\cdot\\frac{\\pi}{180})", exactly(text))
    with _working_on(text):
        return list(parse_latex(f"${text}$", parsing_timeout=None))


def _verify(x: list[Any], y: list[Any]) -> bool:
    return bool(x and y) and bool(verify(x, y, timeout_seconds=None))


def _same_set(x: list[Any], y: list[Any]) -> bool | None:
    """Whether two inequalities in one variable, or one and a set, hold for the same numbers.

    Returns None for anything else.
    """
    values = [*x[:1], *y[:1]]
    conditions = [value for value in values if isinstance(value, _CONDITIONS)]
    if len(values) < 2 or len({s for value in conditions for s in value.free_symbols}) != 1:
        return None
    if not all(isinstance(value, (*_CONDITIONS, sympy.Set)) for value in values):
        return None
    try:
        first, second = (v.as_set() if isinstance(v, _CONDITIONS) else v for v in values)
    except Exception:  # not every condition is a set that SymPy can tell
        return None
    return bool(first == second)


def _proportional(a: str, b: str) -> bool:
    """Whether two equations are multiples of each other, by their values at a few points."""
    x, y = ((sympy_value(text) or [None])[0] for text in (a, b))
    if not (isinstance(x, sympy.Eq) and isinstance(y, sympy.Eq)):
        return False
    f, g = x.lhs - x.rhs, y.lhs - y.rhs
    symbols = sorted(f.free_symbols | g.free_symbols, key=str)
    ratios = []
    for first in range(_ROUNDS):
        point = {s: _POINTS[(first + i) % len(_POINTS)] for i, s in enumerate(symbols)}
        p, q = _evaluate(a, f, point), _evaluate(b, g, point)
        if not p or not q:
            return False
        ratios.append(p / q)
    tolerance = 10.0 ** (5 - _DIGITS) * abs(ratios[0])
    return bool(symbols) and all(abs(ratio - ratios[0]) <= tolerance for ratio in ratios)


def _same_numerically(a: str, b: str) -> bool | None:
    """Compare two expressions by their values, at a few points if they hold variables.

    Returns None for anything but two expressions that have a value at every point.
    """
    x, y = (_expression(text) for text in (a, b))
    if x is None or y is None:
        return None
    symbols = sorted(x.free_symbols | y.free_symbols, key=str)
    # Exact expressions agree to all digits; those with decimals in them to what decimals can tell.
    tolerance = 1e-9 if x.has(sympy.Float) or y.has(sympy.Float) else 10.0 ** (5 - _DIGITS)
    slack = max(resolution(a), resolution(b))
    # Variables are positive, so that \sqrt{xy} is \sqrt{x}\sqrt{y}, unless there is an |x|.
    signs = (1, -1) if x.has(sympy.Abs) or y.has(sympy.Abs) else (1,)
    for first, sign in product(range(_ROUNDS if symbols else 1), signs):
        point = {s: sign * _POINTS[(first + i) % len(_POINTS)] for i, s in enumerate(symbols)}
        p, q = _evaluate(a, x, point), _evaluate(b, y, point)
        if p is None or q is None:
            return None
        if p.is_Rational and q.is_Rational:
            tolerance = 0
        difference = abs(p - q)
        if difference > tolerance * max(1, abs(p), abs(q)) and difference >= slack:
            return False
    return True


def _expression(text: str) -> Any:
    """The SymPy expression in a text, i being the imaginary unit; None for sets, relations ..."""
    values = sympy_value(text)
    if not values or not isinstance(values[0], sympy.Expr):
        return None
    expression = values[0].subs({s: sympy.I for s in values[0].free_symbols if str(s) == "i"})
    counters = [s for s in expression.free_symbols if str(s) in {"k", "m", "n"}]
    if len(counters) == 1 and expression.has(sympy.pi):  # \pi/4 + n\pi, with any letter
        expression = expression.subs(counters[0], sympy.Symbol("k"))
    return expression


def _evaluate(text: str, expression: Any, point: dict[Any, Any]) -> Any:
    """The number an expression is at a point, exact if rational; None if it is none."""
    with _working_on(text):
        value = expression.subs(point).doit()
        value = value if value.is_Rational else value.evalf(_DIGITS)
        return value if value.is_number and value.is_finite else None


# Texts that took all the time there was; the next pair with one of them need not try again.
_hopeless: set[str] = set()


@contextlib.contextmanager
def _working_on(text: str) -> Iterator[None]:
    if text in _hopeless:
        raise OutOfTime
    try:
        yield
    except OutOfTime:
        _hopeless.add(text)
        raise
