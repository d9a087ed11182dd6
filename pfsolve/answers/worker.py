"""The child process that compares answers: reads pairs as JSON lines, writes true or false.

Run as `python -m pfsolve.answers.worker` by `oracle`. First it writes "ready", once SymPy is
loaded; it ends when its input ends, that is with its parent.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import warnings
from collections.abc import Callable, Iterator

from pfsolve.environment import Environment

SOFT_LIMIT = 1.2  # seconds; cheaper than to be killed and started anew
CPU_LIMIT = 5.0  # seconds of CPU per pair, for a child whose parent is gone
MEMORY_LIMIT = 2 << 30  # bytes of address space


def main() -> None:
    """Answer pairs until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "w")  # so that nothing a library prints gets into the answers
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123
        os.dup2(nowhere.fileno(), 1)
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    _limit_memory()

    from pfsolve.answers.algebra import OutOfTime, same_answer

    def strike(*_: object) -> None:
        raise OutOfTime

    for first in (("x + x", "2x"), ("x + y = 1", "2x + 2y = 2")):  # they load what they need
        same_answer(*first)
    print(json.dumps("ready"), file=answers, flush=True)
    for line in Environment().stdin:
        a, b = json.loads(line)
        try:
            with _time_limits(strike):
                verdict = same_answer(a, b)
        except (Exception, OutOfTime):  # nonsense raises anything in SymPy
            verdict = False
        print(json.dumps(verdict), file=answers, flush=True)


@contextlib.contextmanager
def _time_limits(strike: Callable[..., None]) -> Iterator[None]:
    if not hasattr(signal, "setitimer"):  # Windows: the parent's limit alone
        yield
        return
    signal.signal(signal.SIGALRM, strike)
    signal.setitimer(signal.ITIMER_REAL, SOFT_LIMIT)
    signal.setitimer(signal.ITIMER_PROF, CPU_LIMIT)  # SIGPROF's default action ends the process
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.setitimer(signal.ITIMER_PROF, 0)


def _limit_memory() -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    except (ImportError, ValueError, OSError):  # Windows; or a lower limit is set already
        pass


if __name__ == "__main__":
    main()
