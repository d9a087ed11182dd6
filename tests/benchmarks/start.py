"""Where the time of a single `pfsolve "1+1"` goes, from the start of the process to its end.

    python tests/benchmarks/start.py [--repeats 5] [--only-help] [PFSOLVE ARGUMENTS ...]

Each run is a process of its own, after one that is not counted and that warms the page cache. Prints
the median and the least of each part, in milliseconds. "outside decoding" is all but llama_decode; what
runs beside it in other processes, as the answer worker with SymPy, shows only by what it slows.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

MARKS = "START_MARKS"  # variable of a child: the file for its marks
# Compiled modules are kept, as those of an installed package are.
VARIABLES = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


def run_marked() -> None:
    """Run pfsolve in this process, and write down when it comes where."""
    marks: list[tuple[str, float]] = []
    decoding = [0.0]

    def mark(part: str) -> None:
        """What has passed since the mark before belongs to this part."""
        marks.append((part, time.monotonic()))

    def timed(module: Any, name: str, part: str, before: str) -> None:
        function = getattr(module, name)

        @functools.wraps(function)
        def marked(*args: Any, **how: Any) -> Any:
            mark(before)
            try:
                return function(*args, **how)
            finally:
                mark(part)

        setattr(module, name, marked)

    mark("Python")
    from pfsolve import cli
    from pfsolve.cli import app, session

    mark(f"import {app.__name__}")
    opened = session.open_solver

    @contextlib.contextmanager
    def open_solver(*args: Any, **how: Any) -> Iterator[Any]:
        mark("options, settings")
        import llama_cpp

        from pfsolve.solver import loading, solver

        mark("import solver")
        timed(solver, "find", "find", "begin")
        timed(solver, "open_models", "open the rest", "plan")
        timed(loading, "LoadedModel", "load the model", "begin to load")
        timed(loading, "Cache", "make the cache", "begin to load")
        decode = llama_cpp.llama_decode

        def timed_decode(*args: Any) -> Any:
            start = time.monotonic()
            try:
                return decode(*args)
            finally:
                decoding[0] += time.monotonic() - start

        llama_cpp.llama_decode = timed_decode
        with opened(*args, **how) as found:
            mark("begin")
            yield found
            mark("search, decoding too")
        mark("close")

    session.open_solver = open_solver
    run = cli.run

    def marked_run(*args: Any) -> int:
        try:
            return run(*args)
        finally:
            mark("answer")
            Path(os.environ[MARKS]).write_text(json.dumps([marks, decoding[0]]))

    cli.run = marked_run
    cli.main()


def measure(arguments: list[str]) -> dict[str, float]:
    """Seconds of each part of one run."""
    with tempfile.TemporaryDirectory() as folder:
        marks_file = Path(folder) / "marks"
        began = time.monotonic()
        subprocess.run(
            [sys.executable, __file__, *arguments],
            env={**VARIABLES, MARKS: str(marks_file)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,  # with a limit of time there may be no answer
        )
        ended = time.monotonic()
        marks, decoding = json.loads(marks_file.read_text())
    parts: dict[str, float] = {}
    last = began
    for part, at in marks:
        parts[part] = parts.get(part, 0.0) + at - last
        last = at
    parts["exit"] = ended - last
    parts["search"] = parts.pop("search, decoding too", 0.0) - decoding
    return {**parts, "outside decoding": ended - began - decoding, "decoding": decoding}


def measure_help() -> dict[str, float]:
    """Seconds of `--help`, and of a word that is completed."""
    found = {}
    words = {"COMP_WORDS": "pfsolve\n--policy\nq", "COMP_CWORD": "2"}
    for name, arguments, variables in (
        ("Python alone", ["-c", "pass"], {}),
        ("--help", ["-m", "pfsolve", "--help"], {}),
        ("completion", ["-m", "pfsolve"], {**words, "_PFSOLVE_COMPLETE": "complete_bash"}),
    ):
        began = time.monotonic()
        subprocess.run(
            [sys.executable, *arguments],
            env={**VARIABLES, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        found[name] = time.monotonic() - began
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only-help", action="store_true")
    args, arguments = parser.parse_known_args()
    once: Callable[[], dict[str, float]] = measure_help
    if not args.only_help:
        once = functools.partial(measure, [*arguments, "1+1"])
    once()
    runs = [once() for _ in range(args.repeats)]
    for part in runs[0]:
        times = [1e3 * run.get(part, 0.0) for run in runs]
        print(f"{part:24} {statistics.median(times):7.0f} ms, least {min(times):7.0f} ms")


if __name__ == "__main__":
    if MARKS in os.environ:
        run_marked()
    main()
