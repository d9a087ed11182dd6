"""Programs that would do harm, or never end: each ends as a failed program, and nothing else happens."""

from __future__ import annotations

from pathlib import Path

import pytest

from pfsolve.programs.base import End, Limits, ProgramResult
from pfsolve.programs.sandbox import WorkerSandbox

LIMITS = Limits(fuel=2_000_000_000, seconds=60.0, memory=128 << 20, output=10_000)
SECRET = "a-secret-of-the-host"
GUEST = "import sys\nguest = sys.modules['pfsolve.programs.inside.guest']\n"
# Gets hold of the functions beneath the stand-ins, as a program that knows of them would.
UNDO = """
import sys, _imp, importlib.machinery
sys.addaudithook = print = None
spec = importlib.machinery.ModuleSpec('posix', importlib.machinery.BuiltinImporter)
posix = _imp.create_builtin(spec)
_imp.exec_builtin(posix)
"""

HOSTILE = {
    # loops
    "loop": "while True: pass",
    "stubborn loop": "while True:\n try:\n  while True: pass\n except BaseException: pass",
    "count": "import itertools\nfor i in itertools.count(): pass",
    "power": "x = 3 ** 10 ** 9",
    "tower": "print(10 ** 10 ** 8)",
    "regex": "import re\nre.match('(a+)+$', 'a' * 50 + 'b')",
    "destructor": "class A:\n def __del__(self):\n  while True: pass\nA()",
    "printed object": "class A:\n def __str__(self):\n  while True: pass\nprint(A())",
    "printed LaTeX": "import sympy\nclass A(sympy.Symbol):\n def _latex(s, p):\n  while 1: 0\nprint(A('a'))",
    "factors": "from sympy import factorint\nfactorint((10**30 + 57) * (10**30 + 319))",
    "prime": "from sympy import prime\nprime(10**9)",
    # memory
    "10 GB": "x = bytearray(10 << 30)",
    "doubling": "x = 'x'\nwhile True: x += x",
    "list": "x = []\nwhile True: x.append([0] * 1000)",
    "caught": "x = []\nwhile True:\n try: x.append('x' * 10**6)\n except MemoryError: pass",
    "expand": "from sympy import *\nexpand((symbols('x') + 1)**100000)",
    "width": "print('%1000000000d' % 1)",
    # stack
    "recursion": "def f(): f()\nf()",
    "deep recursion": "import sys\nsys.setrecursionlimit(10**9)\ndef f(): f()\nf()",
    "repr": "x = []\nfor _ in range(10**5): x = [x]\nrepr(x)",
    "getattr": "class A:\n def __getattr__(self, name): return getattr(self, name + 'x')\nA().x",
    "brackets": "(" * 50_000,
    "minus": "x = " + "-" * 10**5 + "1",
    "map": "x = []\nfor _ in range(10**5): x = map(abs, x)\nlist(x)",
    # output
    "endless output": "while True: print('x' * 1000)",
    "one long line": "print('x' * 10**7)",
    "limit moved": "import sys\nsys.stdout.limit = 10**9\nwhile True: print('x' * 10**6)",
    "escape codes": "print('\\x1b]0;title\\x07\\x1b[2J\\x00\\r\\x9b\\u202e')",
    "surrogates": "print('\\ud800\\udfff')",
    "long exception": "raise ValueError('x' * 10**7)",
    "exception of several lines": "raise ValueError('a\\nb\\x1b[0m')",
    "strange exception": "class E(BaseException):\n def __str__(self): raise self\nraise E",
    "result replaced": GUEST + "guest.Outcome = lambda **k: 'x' * (60 << 20)",
    "parts replaced": GUEST + "guest.answer_parts = lambda x: ['x' * 10**5] * 80\nprint(1)",
    # files, network, processes
    "read": "print(open({secret!r}).read())",
    "write": "open({new!r}, 'w').write('x')",
    "FileIO": "import _io\n_io.FileIO({new!r}, 'w')",
    "os.open": "import os\nos.open({new!r}, os.O_CREAT)",
    "posix": UNDO + "posix.open({new!r}, 64 | 1, 0o666)",
    "posix.listdir": UNDO + "raise ValueError(posix.listdir('/'))",
    "environment": "import os\nprint(dict(os.environ), os.environb)",
    "glob": "import glob\nprint(glob.glob('/*'))",
    "socket": "import socket\nsocket.socket().connect(('127.0.0.1', 80))",
    "subprocess": "import subprocess\nsubprocess.Popen(['touch', {new!r}])",
    "system": "import os\nos.system('touch ' + {new!r})",
    "fork": "import os\nwhile True: os.fork()",
    "thread": "import threading\nthreading.Thread(target=lambda: 0).start()",
    "ctypes": "import ctypes\nctypes.CDLL(None).system(b'true')",
    "signal": "import signal, os\nos.kill(1, signal.SIGKILL)",
    "sleep": "import select\nselect.select([], [], [], 1000)",
    "lock": "import _thread\nx = _thread.allocate_lock()\nx.acquire()\nx.acquire()",
    "input": "print(input('?'))",
    # the interpreter itself
    "abort": "import os\nos.abort()",
    "exit": "import os\nos._exit(0)",
    "bytecode": "f = lambda: 0\nf.__code__ = f.__code__.replace(co_code=bytes([100, 255]) * 100)\nf()",
    "marshal": "import marshal\nexec(marshal.loads(b'\\xe3' + b'\\xff' * 200))",
    "cleared": "import sys, builtins\nsys.modules.clear()\nbuiltins.__dict__.clear()",
    "runtime": "import componentize_py_runtime as r\nr.call_import(None, 0, 0)",
    # no program
    "no Python": "This is prose, not a program.",
    "unfinished": "print('a",
    "NUL": "print(1)\0",
    "lone surrogate": "print('\ud800')",
    "missing module": "import numpy",
    "bad indent": "x = 1\n  y = 2",
}  # fmt: skip
# What ends well, since it did nothing that is forbidden.
HARMLESS = {
    "escape codes",
    "surrogates",
    "environment",
    "glob",
    "destructor",
    "deep recursion",
    "parts replaced",
}


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A file to read, and one that must not come to be."""
    folder = tmp_path_factory.mktemp("host")
    secret, new = folder / "secret", folder / "new"
    secret.write_text(SECRET)
    return secret, new


@pytest.fixture(scope="module")
def results(sandbox: WorkerSandbox, paths: tuple[Path, Path]) -> dict[str, ProgramResult]:
    """All of them, run side by side in one sandbox."""
    secret, new = map(str, paths)
    programs = [
        code.replace("{secret!r}", repr(secret)).replace("{new!r}", repr(new))
        for code in HOSTILE.values()
    ]
    return dict(zip(HOSTILE, sandbox.run(programs, LIMITS), strict=True))


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_program_ends_as_a_failed_one(
    name: str, results: dict[str, ProgramResult]
) -> None:
    result = results[name]
    if name not in HARMLESS:
        assert result.error is not None
        assert result.end is not End.ENDED
        assert result.values == ()
    error = result.error or ""
    assert len(error) <= 400
    assert error.isprintable()
    assert len(result.output) <= LIMITS.output
    assert all(letter.isprintable() or letter in "\n\t" for letter in result.output)
    assert result.seconds < 60
    assert result.fuel <= LIMITS.fuel
    assert len(result.values) <= 60
    assert all(len(value) <= 4000 and value.isprintable() for value in result.values)
    assert SECRET not in result.output + error


@pytest.mark.usefixtures("results")
def test_afterwards_the_host_is_as_it_was(sandbox: WorkerSandbox, paths: tuple[Path, Path]) -> None:
    secret, new = paths
    assert secret.read_text() == SECRET
    assert not new.exists()
    [result] = sandbox.run(["print(6 * 7)"])
    assert result.answer == "42"
