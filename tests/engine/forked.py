"""Try files one after the other, each in a fork of one process: `python -m tests.engine.forked FILE...`.

For each a line of JSON: how its fork ended, and the last line it wrote. As in `trial`, without the time that
each new process takes to start.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

from pfsolve.engine import backend  # noqa: F401  llama.cpp, once for all
from pfsolve.engine import trial

LIMIT_S = 30.0


def tried(path: str) -> list[object]:
    with tempfile.TemporaryFile() as said:
        child = os.fork()
        if not child:
            os.dup2(said.fileno(), 2)
            sys.argv[1:] = ["policy", path]
            trial._main()
            sys.stderr.flush()
            os._exit(0)
        began = time.monotonic()
        while not (ended := os.waitpid(child, os.WNOHANG))[0]:
            if time.monotonic() - began > LIMIT_S:
                os.kill(child, 9)
            time.sleep(0.002)
        said.seek(0)
        lines = said.read().decode(errors="replace").splitlines()
    return [os.waitstatus_to_exitcode(ended[1]), lines]


if __name__ == "__main__":
    for path in sys.argv[1:]:
        print(json.dumps([Path(path).name, *tried(path)]), flush=True)
