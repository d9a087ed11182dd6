r"""How numbers and SymPy's objects are written in an answer: as LaTeX, decimals as people do."""

from __future__ import annotations

import re
from typing import Any

import sympy

_MONEY = re.compile(r"(-?)\s*\$?\s*(-?)(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?")
_BASED = re.compile(r"(0[box])([0-9a-f]+)")
_BASES = {"0b": 2, "0o": 8, "0x": 16}


def numeral(text: str) -> str | None:
    """A number as people write it: "$1,234.50" is 1234.5, and "0b101" is 101 in base 2."""
    if based := _BASED.fullmatch(text):
        return f"{based[2]}_{{{_BASES[based[1]]}}}"
    money = _MONEY.fullmatch(text)
    if not money:
        return None
    digits = f"{money[1]}{money[2]}{money[3].replace(',', '')}{money[4] or ''}"
    if not money[4]:
        return digits
    # A float as Python shows it may end in noise; a longer text has its digits on purpose.
    noisy = 16 <= len(digits.lstrip("-0.").replace(".", "")) <= 17
    return _without_zeros(f"{float(digits):.12g}" if noisy else digits)


def latex(thing: Any) -> str:
    """LaTeX of an object of SymPy's, with decimals as people write them."""
    if isinstance(thing, sympy.Poly):
        thing = thing.as_expr()
    if isinstance(thing, sympy.Float) and thing.is_finite:
        mantissa, _, exponent = _digits(thing).partition("e")
        power = f"10^{{{int(exponent)}}}" if exponent else ""
        factors = [mantissa, power] if mantissa not in {"1", ""} else [power or mantissa]
        return r" \cdot ".join(filter(None, factors))
    if isinstance(thing, sympy.Basic) and thing.has(sympy.Float):
        if thing.is_number and thing.has(sympy.I):  # -1.0 + 1.2e-16*I is -1
            thing = thing.evalf(chop=1e-12)
        plain = {number: sympy.sympify(_digits(number)) for number in thing.atoms(sympy.Float)}
        thing = thing.xreplace(plain)
    return str(
        sympy.latex(thing, mat_str="pmatrix", mat_delim="", ln_notation=True, inv_trig_style="full")
    )


def _digits(number: Any) -> str:
    """12.0 as 12, 0.30000000000000004 as 0.3; a number with more digits than a float keeps them."""
    if number._prec > 53:
        return _without_zeros(str(number))
    value = float(number)
    whole = value.is_integer() and abs(value) < 1e15
    return str(int(value)) if whole else _without_zeros(f"{value:.12g}")


def _without_zeros(text: str) -> str:
    """A decimal without zeros at its end."""
    mantissa, e, exponent = text.partition("e")
    return (mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa) + e + exponent
