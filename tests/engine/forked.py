"""Try files one after the other, each in a fork of one process: `python -m tests.engine.forked FILE...`.

As `pfsolve.engine.trial` does it, without the time that a new process takes to start. For each file it writes
a line of JSON: its name, the exit status (of a signal: minus its number), and the lines that the fork wrote.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from pathlib import Path

from pfsolve.engine import trial  # with llama.cpp, loaded once
from pfsolve.environment import Environment

LIMIT_S = 30.0


def tried(path: str) -> tuple[int, list[str]]:
    with tempfile.TemporaryFile() as said:
        child = os.fork()
        if not child:
            status = 1
            try:
                os.dup2(said.fileno(), 2)
                environment = Environment(arguments=["policy", path])
                trial.main(environment)
                status = 0
            finally:
                os._exit(status)
        began = time.monotonic()
        while not (ended := os.waitpid(child, os.WNOHANG))[0]:
            if time.monotonic() - began > LIMIT_S:
                os.kill(child, 9)
            time.sleep(0.002)
        said.seek(0)
        return os.waitstatus_to_exitcode(ended[1]), said.read().decode(
            errors="replace"
        ).splitlines()


if __name__ == "__main__":
    world = Environment()
    for argument in world.arguments:
        world.stdout.write(json.dumps([Path(argument).name, *tried(argument)]) + "\n")
