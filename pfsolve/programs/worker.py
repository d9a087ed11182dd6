"""The process in which programs run, and the two steps that make its machine code.

    python -m pfsolve.programs.worker serve MACHINE_CODE SHA256 THREADS
    python -m pfsolve.programs.worker componentize FOLDER
    python -m pfsolve.programs.worker compile WASM MACHINE_CODE

`serve` reads JSON lines, each a program with its limits, and writes one line for each, as they end.
Its first line says that it is ready, or why not. It ends when its input ends; so do the others, on Linux.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pfsolve.files import sha256_of

if TYPE_CHECKING:
    from pfsolve.programs.box import Box

_STACK = 16 << 20  # bytes for a thread; programs run on it, and some systems give 512 KiB
_COMPONENTIZE = """
-d app/pfsolve/programs/inside/sandbox.wit -w program
componentize --stub-wasi -p app -p deps guest -o program.wasm
"""
_SMALL: dict[str, Any] = {
    "fuel": 100_000_000,
    "seconds": 60.0,
    "memory": 256 << 20,
    "output": 1000,
}


def serve(path: str, sha256: str, threads: str) -> None:
    """Run programs until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    lock = threading.Lock()

    def say(line: dict[str, Any]) -> None:
        with lock:
            print(json.dumps(line), file=answers, flush=True)

    if sha256_of(Path(path)) != sha256:
        say({"ready": False, "reason": "damaged"})
        return
    from pfsolve.programs.box import Box
    from pfsolve.programs.wall import harden

    walls: list[str] = []
    threading.stack_size(_STACK)
    try:
        box = Box(Path(path), after_load=lambda: walls.extend(harden()))
        reason = trouble(box)
    except Exception as error:  # machine code for another processor, too little memory
        reason = str(error)
    if reason:
        say({"ready": False, "reason": reason})
        return
    todo: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()

    def work() -> None:
        while True:
            job = todo.get()
            number = job.pop("job")
            say({"job": number, **box.run(**job)})

    for _ in range(int(threads)):
        threading.Thread(target=work, daemon=True).start()
    say({"ready": True, "walls": walls})
    for line in sys.stdin:
        todo.put(json.loads(line))
    os._exit(0)  # programs may run still


def trouble(box: Box) -> str | None:
    """What is wrong with a component, found by running it; None if it does as it should."""
    if box.imports:
        return "it can call the world outside"
    tests: dict[str, Callable[[dict[str, Any]], bool]] = {
        "print(6 * 7)": lambda ran: ran["output"] == "42\n" and ran["values"] == ["42"],
        "open('x')": lambda ran: str(ran["error"]).startswith("PermissionError"),
        "while True: pass": lambda ran: ran["end"] == "fuel",
    }
    for program, holds in tests.items():
        ran = box.run(program, **_SMALL)
        if not holds(ran):
            return f"{program!r} ended with {ran['error'] or ran['output']!r}"
    return None


def componentize(folder: str) -> None:
    """Make program.wasm from the sources in a folder that `build` has laid out."""
    from componentize_py import script

    os.chdir(folder)
    # It would ask other interpreters for their packages, and write there.
    os.environ.update(PATH="", VIRTUAL_ENV=str(Path("empty").resolve()), TMPDIR=folder)
    sys.argv[1:] = _COMPONENTIZE.split()
    script()


def compile_to(wasm: str, machine_code: str) -> None:
    """Compile program.wasm for this machine."""
    from pfsolve.programs.box import compile_component

    compile_component(Path(wasm), Path(machine_code))


def _end_with_input() -> None:
    """End this process when its standard input ends, as it does with the process that started it.

    On Linux alone. Here the system does it, by a signal that kills: no thread of Python runs while
    componentize-py works.
    """
    if sys.platform == "linux":
        import fcntl
        import select

        fcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(0, fcntl.F_SETFL, fcntl.fcntl(0, fcntl.F_GETFL) | os.O_ASYNC)
        if select.select([0], [], [], 0)[0]:  # it has ended already
            os._exit(1)


_VERBS: dict[str, Callable[..., None]] = {
    "serve": serve,
    "componentize": componentize,
    "compile": compile_to,
}

if __name__ == "__main__":
    if sys.argv[1] != "serve":  # which reads it
        _end_with_input()
    _VERBS[sys.argv[1]](*sys.argv[2:])
