"""The building of a sandbox, but for the building itself."""

from __future__ import annotations

import subprocess
import sys

# A build in a thread, as beside a download, when the rest of the process has come to its end. What it
# starts has the same standard output, which stays open until both have ended.
ENDS_WHILE_IT_BUILDS = """
import subprocess, sys, threading, time
from pfsolve.programs import build

def sleeper(*_, **__):
    started.set()
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    return subprocess.Popen(sleep, stderr=subprocess.PIPE, start_new_session=True)

started = threading.Event()
build.child_process = sleeper
threading.Thread(target=build._child, args=("compile",), daemon=True).start()
started.wait()
time.sleep(0.2)
"""


def test_a_build_ends_with_the_process_that_began_it() -> None:
    command = [sys.executable, "-c", ENDS_WHILE_IT_BUILDS]
    subprocess.run(command, check=True, capture_output=True, timeout=20)
