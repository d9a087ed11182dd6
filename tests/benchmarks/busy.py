"""How long a decode takes beside other work, by how llama.cpp's threads wait for one another.

    python tests/benchmarks/busy.py [--policy NAME] [--repeats 5] [--rows 1 8] [WAY ...]

A WAY is a variable and its value, such as GOMP_SPINCOUNT=1000; 300000 is GNU's own. Each way is a
process of its own, since the variables count only before the library is loaded. All are loaded first;
then they decode in turn, first alone, then beside as many busy loops as there are cores.
`pfsolve/environment.py` goes by it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time

from pfsolve.environment import WAITS

WAYS = ["GOMP_SPINCOUNT=300000", "GOMP_SPINCOUNT=1000", "OMP_WAIT_POLICY=PASSIVE"]
DECODES = 5  # at a time


def serve(policy: str | None, rows: list[int]) -> None:
    """Load a model and time a few decodes for each line on standard input."""
    from pfsolve.engine.runs import TokenRun
    from pfsolve.settings import Settings
    from pfsolve.solver.solver import Solver

    settings = Settings(policy=policy, reward="none", particles=max(rows), context=1024)
    with Solver(settings) as solver:
        cache = solver.policy.cache
        first = cache.new()
        cache.decode([TokenRun(first, list(range(100, 200)))])
        sequences = [first, *(cache.fork(first) for _ in range(max(rows) - 1))]
        print("ready", flush=True)
        for _ in sys.stdin:
            taken = []
            for size in rows:
                start = time.perf_counter()
                for _ in range(DECODES):
                    cache.decode([TokenRun(sequence, [9]) for sequence in sequences[:size]])
                taken.append((time.perf_counter() - start) / DECODES)
                for sequence in sequences:
                    cache.rewind(sequence, 100)
            print(*taken, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("ways", nargs="*", metavar="WAY", default=WAYS)
    parser.add_argument("--policy")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        serve(args.policy, args.rows)
        return
    plain = {name: value for name, value in os.environ.items() if name not in WAITS}
    again = [sys.executable, __file__, "--serve", "--rows", *map(str, args.rows)]
    if args.policy:
        again += ["--policy", args.policy]
    servers = {}
    for way in args.ways:
        variable, value = way.split("=", 1)
        servers[way] = subprocess.Popen(
            again,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            env={**plain, variable: value},
        )
        assert servers[way].stdout.readline() == "ready\n"

    def measure(title: str) -> None:
        taken: dict[str, list[list[float]]] = {way: [] for way in servers}
        for turn in range(args.repeats):
            for way in list(servers) if turn % 2 else reversed(servers):  # machines drift
                servers[way].stdin.write("go\n")
                taken[way].append([float(word) for word in servers[way].stdout.readline().split()])
        for way, times in taken.items():
            shown = [
                f"{size} rows {1e3 * statistics.median(each):7.1f} ms, least {1e3 * min(each):7.1f}"
                for size, each in zip(args.rows, zip(*times, strict=True), strict=True)
            ]
            print(f"{title:5} {way:24} {'; '.join(shown)}", flush=True)

    measure("idle")
    loop = [sys.executable, "-c", f"import os\nwhile os.getppid() == {os.getpid()}: pass"]
    loops = [subprocess.Popen(loop) for _ in os.sched_getaffinity(0)]
    try:
        measure("busy")
    finally:
        for process in [*loops, *servers.values()]:
            process.kill()


if __name__ == "__main__":
    main()
