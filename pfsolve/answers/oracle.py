"""The child process that decides with SymPy, and can be killed when it does not come back.

SymPy can hang or eat all memory on an innocent-looking power, inside a single C call that no
signal or thread interrupts, so it runs in a process of its own: started when first needed, asked
over pipes with one JSON line per pair, killed at the time limit and started anew.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import queue
import threading

from pfsolve.environment import child_process

LIMIT = 1.5  # seconds for one pair
START_LIMIT = 60.0  # seconds for Python to import SymPy, on a slow or busy machine

_MAX_FAILED_STARTS = 2  # then there is no SymPy here, and texts decide alone


class Oracle:
    """A child process that answers `same(a, b)`, to several threads but one pair at a time."""

    def __init__(self, limit: float = LIMIT) -> None:
        self.limit = limit
        self._lock = threading.Lock()
        self._child: _Child | None = None
        self._failed_starts = 0

    def start(self) -> None:
        """Start the child, if none runs, without waiting until it is ready."""
        with self._lock:
            self._running()

    def same(self, a: str, b: str) -> bool:
        """Whether two normalised answers are the same; False when the child cannot tell in time."""
        with self._lock:
            child = self._running()
            if child is None:
                return False
            if not child.ready:
                child.ready = child.receive(START_LIMIT) is not None
                self._failed_starts = 0 if child.ready else self._failed_starts + 1
            answer = child.ask([a, b], self.limit) if child.ready else None
            if answer is None:
                child.kill()
                self._child = None
                self._running()  # it starts while other work goes on
            return answer is True

    def close(self) -> None:
        """End the child."""
        with self._lock:
            if self._child:
                self._child.kill()
                self._child = None

    @property
    def pid(self) -> int | None:
        """Process id of the running child, None if there is none."""
        return self._child.process.pid if self._child else None

    def _running(self) -> _Child | None:
        # A fork inherits the object but not the child: two askers on one pipe would mix answers.
        if self._child and (
            self._child.owner != os.getpid() or self._child.process.poll() is not None
        ):
            self._child = None
        if self._child is None and self._failed_starts < _MAX_FAILED_STARTS:
            try:
                self._child = _Child()
            except OSError:  # no interpreter, no more processes
                return None
        return self._child


class _Child:
    """One run of `python -m pfsolve.answers.worker`."""

    def __init__(self) -> None:
        self.process = child_process("pfsolve.answers.worker", read="stdout")
        self.owner = os.getpid()
        self.ready = False
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=self._read, name="pfsolve-oracle", daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(b"null")  # it ended: wake who waits

    def ask(self, question: object, limit: float) -> object:
        """The child's answer; None if it died or took longer than `limit` seconds."""
        assert self.process.stdin
        try:
            self.process.stdin.write(json.dumps(question).encode() + b"\n")
            self.process.stdin.flush()
        except OSError:
            return None
        return self.receive(limit)

    def receive(self, limit: float) -> object:
        try:
            return json.loads(self._lines.get(timeout=limit))
        except (queue.Empty, ValueError):
            return None

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdin
        assert self.process.stdout
        with contextlib.suppress(OSError):  # bytes it never read
            self.process.stdin.close()


_oracle = Oracle()
atexit.register(_oracle.close)

same = _oracle.same


def warm_up() -> None:
    """Start the child in the background, so that the first hard pair need not wait for it."""
    threading.Thread(target=_oracle.start, name="pfsolve-warm-up", daemon=True).start()
