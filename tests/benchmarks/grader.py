"""How often `pfsolve.answers.equivalent` is right on labelled pairs, and how long it takes.

    python tests/benchmarks/grader.py PAIRS.jsonl [MORE.jsonl ...]

Each line of a file is an object with `gold`, `answer` (texts) and `equivalent` (true or false).
Prints, per file, the percentage right, the time per pair and every pair it got wrong.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from pfsolve.answers import equivalent


def grade(path: Path) -> None:
    """Judge every pair of one file and print the outcome."""
    rows = [
        json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()
    ]
    wrong, seconds = [], []
    for row in rows:
        start = time.perf_counter()
        verdict = equivalent(row["gold"], row["answer"])
        seconds.append(time.perf_counter() - start)
        if verdict != row["equivalent"]:
            wrong.append((row, verdict))
    right = 100 * (1 - len(wrong) / len(rows)) if rows else 0.0
    seconds.sort()
    print(f"{path.name}: {right:.2f} % of {len(rows)} right, {len(wrong)} wrong")
    if seconds:
        print(
            f"  seconds per pair: median {seconds[len(seconds) // 2]:.4f}, "
            f"mean {sum(seconds) / len(seconds):.4f}, worst {seconds[-1]:.2f}"
        )
    for row, verdict in wrong:
        kind = "taken as same" if verdict else "missed"
        print(f"  {kind}: gold {row['gold'][-160:]!r}  answer {row['answer'][-160:]!r}")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    equivalent("x^2", "x^3")  # starts the child process, whose start-up is not the pairs' time
    for name in sys.argv[1:]:
        grade(Path(name))
