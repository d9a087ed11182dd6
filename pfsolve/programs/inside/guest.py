"""The inside of the sandbox: runs one program and returns what it printed.

componentize-py imports this module once and keeps the started interpreter; every program gets a
fresh copy of it. All that a program may import is therefore imported here.

Outside of the sandbox this module cannot be imported.
"""

from __future__ import annotations

import builtins
import copy
import gc
import importlib
import io
import pkgutil
import random
import re
import sys
import types
import warnings
from collections.abc import Sequence
from typing import Any

import wit_world  # made by componentize-py from sandbox.wit
from wit_world import Outcome

from pfsolve.programs.inside import stand_ins

stand_ins.replace_missing_modules()

import mpmath  # noqa: E402  # now that there is something that looks like ctypes
import sympy  # noqa: E402
from sympy.core.random import seed as seed_sympy  # noqa: E402

from pfsolve.programs.inside.printed import answer_parts  # noqa: E402

# --- what a program can import ----------------------------------------------------------------

_STANDARD_LIBRARY = """
abc argparse array ast base64 binascii bisect calendar cmath codecs collections collections.abc
colorsys contextlib contextvars copy copyreg csv dataclasses datetime decimal difflib dis enum errno
fractions functools gc getopt glob graphlib hashlib heapq hmac inspect io itertools json keyword
linecache locale logging math numbers operator os os.path pathlib pickle platform pprint queue
random re reprlib secrets shutil signal statistics string struct sys tempfile textwrap threading
time timeit token tokenize traceback types typing unicodedata uuid warnings weakref zlib __future__
concurrent.futures string.templatelib _strptime zoneinfo html
"""
_LEFT_OUT = re.compile(
    r"\.(?:tests|benchmarks)|sympy\.(?:testing|parsing\.autolev|parsing\.latex\._antlr|this|conftest"
    r"|plotting\.pygletplot|interactive\.session|physics|galgebra)"
)


def _load(name: str) -> None:
    try:
        importlib.import_module(name)
    except BaseException:  # it needs what is not here; a program that imports it is told so
        sys.modules.pop(name, None)


def _load_all() -> None:
    for name in _STANDARD_LIBRARY.split():
        _load(name)
    for package in (sympy, mpmath):
        for module in pkgutil.walk_packages(
            package.__path__, f"{package.__name__}.", onerror=lambda name: None
        ):
            if not _LEFT_OUT.search(module.name):
                _load(module.name)
    _load("sympy.physics.units")


# Fills the caches that every solve, factor and integrate fills.
_WARM_UP = """
from sympy import *
x, y = symbols('x y')
solve(Eq(x**2 - 4, 0), x); solve([x + y - 3, x - y - 1], [x, y]); solve(x**3 - x - 1, x)
solve([x**2 + y**2 - 25, x*y - 12], [x, y]); factor(x**4 - 1); expand((x + 1)**3)
simplify(sin(x)**2 + cos(x)**2); integrate(x*exp(x), x); diff(sin(x)*x, x); limit(sin(x)/x, x, 0)
N(pi, 20); sqrt(8); Rational(1, 3); factorint(360); Matrix([[1, 2], [3, 4]]).inv()
str(solveset(x**2 - 1, x)); latex(x**2); summation(x, (x, 1, 10)); binomial(5, 2); nsimplify(0.5)
S('x**2 + 1'); solve(x**2 < 4, x); divisors(12); totient(10)
"""

# --- what is printed --------------------------------------------------------------------------


class _Full(BaseException):
    """The program has printed all that it may."""


class _Output(io.StringIO):
    """Standard output up to a limit, and the objects on its last printed line."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit
        self.full = False
        self.line: list[object] = []
        self._complete = True
        self._end = 0

    def write(self, text: str) -> int:
        room = self.limit - self.tell()
        if len(text) > room:
            super().write(text[:room])
            self.full = True
            raise _Full
        return super().write(text)

    def printed(self, things: Sequence[object], ends_line: bool) -> None:
        if any(not isinstance(thing, str) or thing.strip() for thing in things):
            if self._complete:
                self.line = []
            # A copy, since the program may change a list after it has printed it.
            self.line += [copy.copy(t) if type(t) in (list, dict, set) else t for t in things]
            self._complete = False
        self._complete = self._complete or ends_line
        self._end = self.tell()

    def last_line(self) -> list[object]:
        """The objects printed last, or the text where something else than print wrote it."""
        text = self.getvalue()
        return [text] if text[self._end :].strip() else self.line


_plain_print = builtins.print


def _print(
    *things: object,
    sep: str | None = " ",
    end: str | None = "\n",
    file: Any = None,
    flush: bool = False,
) -> None:
    _plain_print(*things, sep=sep, end=end, file=file, flush=flush)
    stream = sys.stdout if file is None else file
    if isinstance(stream, _Output):
        stream.printed(things, end is None or "\n" in end)


def _print_one(thing: object, *_: object, **__: object) -> None:
    """Stands in for the two-dimensional printing of SymPy, and for pprint."""
    _print(thing)


def _replace_printing() -> None:
    builtins.print = _print
    for module in [
        module for name, module in sys.modules.items() if name.startswith(("sympy", "pprint"))
    ]:
        for name in ("pprint", "pp", "pretty_print"):
            if callable(getattr(module, name, None)):
                setattr(module, name, _print_one)


# --- running ----------------------------------------------------------------------------------


def _told(error: BaseException) -> str:
    """An exception with the line of the program that raised it."""
    try:
        said = str(error.msg if isinstance(error, SyntaxError) else error)
    except BaseException:  # an exception may have any __str__
        said = ""
    text = f"{type(error).__name__}: {said}" if said else type(error).__name__
    line = (error.lineno or 0) if isinstance(error, SyntaxError) else 0
    trace = error.__traceback__
    while trace:
        if trace.tb_frame.f_code.co_filename == "<program>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return text[:2000] + (f" (line {line})" if line else "")


def _clean(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _values(output: _Output) -> list[str]:
    try:
        return [_clean(part) for part in answer_parts(output.last_line())]
    except BaseException:  # the printed objects are the program's, and so is their code
        return []


class WitWorld(wit_world.WitWorld):  # type: ignore[misc]  # its types are made with it
    """What the sandbox exports."""

    def run(self, code: str, max_output: int) -> Outcome:
        """Run a program once; `componentize-py` gives it a fresh interpreter every time."""
        output = _Output(max_output)
        main = types.ModuleType("__main__")
        main.__dict__["__builtins__"] = builtins
        sys.modules["__main__"] = main
        sys.stdout, sys.stderr, sys.stdin = output, io.StringIO(), io.StringIO()
        sys.argv = [""]
        error = None
        sys.addaudithook(stand_ins.deny_open)
        try:
            exec(compile(code, "<program>", "exec", dont_inherit=True), main.__dict__)
        except _Full:
            pass
        except SystemExit as end:
            if end.code not in (None, 0):
                error = _told(end)
        except BaseException as raised:
            error = _told(raised)
        values = [] if error or output.full else _values(output)
        return Outcome(
            output=_clean(output.getvalue()),
            truncated=output.full,
            values=values,
            error=error and _clean(error),
        )


with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    _load_all()
stand_ins.deny_system()
stand_ins.replace_clock()
stand_ins.replace_entropy()
stand_ins.close_imports()
exec(_WARM_UP, {})
answer_parts(["x =", sympy.sqrt(8) / 3, sympy.Interval(0, 1), "y = [1/2, x**2]"])
_replace_printing()
random.seed()  # as if nothing had been drawn yet
seed_sympy(0)
gc.collect()
gc.freeze()
