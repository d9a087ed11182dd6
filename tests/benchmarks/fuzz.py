"""Damaged files of every kind: each is read, or refused in one line, in bounded time and memory.

    python -m tests.benchmarks.fuzz --cases 100000

Prints each input that broke this law, with the seed that makes it again. What a reader returns is used as
a command would use it. `tests/test_fuzz.py` runs a few cases of each kind.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import signal
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from pfsolve.errors import PfsolveError
from pfsolve.server.errors import Refused
from tests.benchmarks.damage import damaged
from tests.benchmarks.readers import READERS, Reader

SECONDS = 5.0  # of the CPU, for one input
MEMORY = 1 << 30  # bytes, beyond what the process has
LONGEST = 1000  # characters of an error's message

REFUSALS = (PfsolveError, Refused)  # the latter is what `pfsolve serve` tells a client


class Slow(BaseException):
    """A reader took too long. No reader catches it."""


def make(reader: Reader, seed: str) -> bytes:
    """The damaged file that this seed stands for."""
    rng = random.Random(seed)
    seeds = reader.seeds()
    data = rng.choice(seeds)
    if reader.remade and rng.random() < 0.6:
        data = reader.remade(data, rng)
        return damaged(data, seeds, rng) if rng.random() < 0.1 else data
    return damaged(data, seeds, rng)


def breach(reader: Reader, data: bytes, folder: Path) -> str | None:
    """How reading this breaks the law; None where it holds."""
    path = folder / reader.name
    path.write_bytes(data)
    try:
        with bounded(), warnings.catch_warnings():
            warnings.simplefilter("error")
            reader.read(path)
    except REFUSALS as error:
        for text in (str(error), getattr(error, "hint", None) or ""):
            if len(text) > LONGEST or len(text.splitlines()) > 1:
                return f"{type(error).__name__} in {len(text)} characters: {text[:300]!r}"
    except Slow:
        return "\n".join(traceback.format_exc(limit=-6).splitlines())
    except Exception:
        return traceback.format_exc(limit=-6)
    return None


@contextlib.contextmanager
def bounded() -> Iterator[None]:
    """At most `SECONDS` of the CPU and `MEMORY` more bytes, where the system can be told so."""
    try:
        import resource
    except ImportError:
        yield
        return

    def stop(*_: object) -> None:
        raise Slow

    before, limits = signal.signal(signal.SIGPROF, stop), resource.getrlimit(resource.RLIMIT_AS)
    with contextlib.suppress(OSError):  # Linux alone tells
        size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, limits[1]))
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
        resource.setrlimit(resource.RLIMIT_AS, limits)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--cases", type=int, default=10_000, help="of all kinds together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=READERS)
    args = parser.parse_args()
    kinds = [args.only] if args.only else list(READERS)
    start, broken, seen, slowest = time.perf_counter(), 0, Counter[str](), Counter[str]()
    for number in range(args.cases):
        kind = kinds[number % len(kinds)]
        seed = f"{args.seed} {number} {kind}"
        data = make(READERS[kind], seed)
        began = time.process_time()
        with tempfile.TemporaryDirectory() as folder:
            found = breach(READERS[kind], data, Path(folder))
        slowest[kind] = max(slowest[kind], int(1000 * (time.process_time() - began)))
        seen[kind] += 1
        if found:
            broken += 1
            print(f"--- {seed}: {len(data)} bytes, {data[:200]!r}\n{found}", flush=True)
        if number % 10_000 == 9_999:
            print(f"{number + 1} inputs, {broken} broken", flush=True)
    taken = time.perf_counter() - start
    print(f"{args.cases} inputs in {taken:.0f} s, {broken} broken the law")
    for kind, count in seen.items():
        print(f"{count:7} {kind}, the slowest {slowest[kind]} ms")


if __name__ == "__main__":
    main()
