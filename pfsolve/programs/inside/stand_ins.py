"""Stand-ins for what is missing inside the sandbox.

There is no file system, no clock and no random source: a program that asks for one is ended by a
trap. These stand-ins turn the trap into an exception that a person can read, or into an answer that
is always the same. A program can undo them, and then meets the trap: safety never rests on them.
"""

from __future__ import annotations

import os
import posix
import random
import sys
import time
import types
from collections.abc import Callable
from typing import Any


def replace_missing_modules() -> None:
    """To be called before SymPy is imported."""
    # SymPy asks ctypes for the size of a long, and WebAssembly has no ctypes.
    ctypes: Any = types.ModuleType("ctypes")
    ctypes.c_long = type("c_long", (), {})
    ctypes.sizeof = lambda kind: 8
    sys.modules["ctypes"] = ctypes
    sys.modules["_datetime"] = None  # type: ignore[assignment]  # Python's own asks time.time()


_KEPT = """
unsetenv putenv fspath strerror _exit abort fsencode fsdecode WIFEXITED cpu_count get_terminal_size
"""


def _denied(name: str) -> Callable[..., Any]:
    def denied(*_: Any, **__: Any) -> Any:
        raise PermissionError(f"{name}() is not available here")

    return denied


def deny_system() -> None:
    """Every call of the system raises an exception."""
    kept = _KEPT.split()
    for name, function in list(vars(posix).items()):
        if isinstance(function, types.BuiltinFunctionType) and name not in kept:
            denied = _denied(f"os.{name}")
            setattr(posix, name, denied)
            if getattr(os, name, None) is function:
                setattr(os, name, denied)
    os.getcwd = lambda: "/"
    os.getpid = lambda: 1


def deny_open(event: str, _: object) -> None:
    """An audit hook; C code asks it too, for a SyntaxError makes Python look for the source file."""
    if event == "open":
        raise PermissionError("open() is not available here")


_now = 1_700_000_000.0


def _tick() -> float:
    global _now
    _now += 1e-6
    return _now


def replace_clock() -> None:
    """Clocks count how often they are asked."""
    for name in ("time", "monotonic", "perf_counter", "process_time", "thread_time"):
        setattr(time, name, _tick)
        setattr(time, f"{name}_ns", lambda: int(_tick() * 1e9))
    time.sleep = lambda seconds: None
    for name in ("localtime", "gmtime", "ctime"):
        setattr(time, name, _of_now(getattr(time, name)))


def _of_now(convert: Callable[[float], Any]) -> Callable[..., Any]:
    return lambda seconds=None: convert(_tick() if seconds is None else seconds)


class _Random(random.Random):
    """A generator without a seed starts at 0."""

    def __new__(cls, seed: Any = None) -> _Random:
        return super().__new__(cls, 0 if seed is None else seed)  # type: ignore[call-arg]

    def __init__(self, seed: Any = None) -> None:
        super().__init__(0 if seed is None else seed)

    def seed(self, a: Any = None, version: int = 2) -> None:
        super().seed(0 if a is None else a, version)


def replace_entropy() -> None:
    """Random numbers without a seed are those of seed 0."""
    seed = random.seed
    random.seed = lambda a=None, version=2: seed(0 if a is None else a, version)
    random.Random = _Random  # type: ignore[assignment, misc]


class _Missing:
    """The end of the import path: nothing is looked for in a file system."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def close_imports() -> None:
    """A module that is not loaded is missing."""
    built_in = {"BuiltinImporter", "FrozenImporter"}
    kept = [finder for finder in sys.meta_path if getattr(finder, "__name__", "") in built_in]
    sys.meta_path[:] = [*kept, _Missing]
    sys.path[:] = []
    sys.path_hooks[:] = []
    sys.path_importer_cache.clear()
