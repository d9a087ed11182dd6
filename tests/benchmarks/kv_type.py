"""What a cache of q8_0 changes in the logits, beside what the shape of a batch changes.

    python tests/benchmarks/kv_type.py [--policy NAME] [--tokens 150] [--problems 3]

The policy writes a greedy solution of each problem, token by token, with a cache of f16. Then the same
tokens are read at once, with f16 and with q8_0, and each place is compared with the one before: f16 read
against f16 written, which differ by the batch alone, and q8_0 read against f16 read. Prints the mean
absolute difference of logits, the mean total variation of the next token's distribution at temperature
1, how often both have the same likeliest token, and how much the log-probability of the token that was
written differs on average.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from pfsolve.engine.cache import Cache
from pfsolve.engine.chat import Chat
from pfsolve.engine.library import LoadedModel
from pfsolve.engine.runs import Rows, TokenRun
from pfsolve.settings import Settings
from pfsolve.solver.solver import Solver

PROBLEMS = (
    "Find all real x with x^4 - 5x^2 + 4 = 0, and the sum of their squares.",
    "A train of 180 m passes a bridge of 420 m in 40 s. How fast is it in km/h?",
    "How many positive divisors of 720 are multiples of 6?",
)
SYSTEM = "Please reason step by step, and put your final answer within \\boxed{}."


def write(cache: Cache, prompt: Sequence[int], count: int) -> tuple[list[int], Rows]:
    """The likeliest tokens one by one, up to the end; the logits (n, n_vocab) each was taken from."""
    sequence, tokens, rows = cache.new(), list[int](), []
    given = prompt
    while len(tokens) < count and not (tokens and cache.model.is_end(tokens[-1])):
        rows.append(cache.decode([TokenRun(sequence, given)]).logits[0].copy())
        tokens.append(int(np.argmax(rows[-1])))
        given = tokens[-1:]
    cache.drop(sequence)
    return tokens, np.array(rows)


def read(cache: Cache, prompt: Sequence[int], tokens: Sequence[int]) -> Rows:
    """The logits (n, n_vocab) in front of each token."""
    sequence = cache.new()
    first = cache.decode([TokenRun(sequence, prompt)]).logits.copy()
    rows = cache.decode([TokenRun(sequence, tokens[:-1])], hidden=True).logits.copy()
    cache.drop(sequence)
    return np.concatenate([first, rows])


def compare(tokens: Sequence[int], ones: Rows, others: Rows) -> np.ndarray:
    """What differs at each place.

    Returns (n, 4): logits on average, total variation, whether the likeliest token is the same, the
    log-probability of the token that was written.
    """
    found = []
    for token, one, other in zip(tokens, ones, others, strict=True):
        logs = [row - np.logaddexp.reduce(row, dtype=np.float64) for row in (one, other)]
        variation = 0.5 * np.abs(np.exp(logs[0]) - np.exp(logs[1])).sum()
        change = abs(logs[0][token] - logs[1][token])
        same = one.argmax() == other.argmax()
        found.append((np.abs(one - other).mean(), variation, same, change))
    return np.array(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--policy")
    parser.add_argument("--tokens", type=int, default=150, help="of each problem, at most")
    parser.add_argument("--problems", type=int, default=len(PROBLEMS))
    args = parser.parse_args()
    with Solver(Settings(policy=args.policy, reward="none", particles=1, context=1024)) as solver:
        model: LoadedModel = solver.policy.model
        chat: Chat = solver.policy.chat
        threads = solver.settings.threads or 1
        found: dict[str, list[np.ndarray]] = {"batch": [], "q8_0": []}
        for problem in PROBLEMS[: args.problems]:
            prompt = chat.prompt(SYSTEM, problem)
            tokens, written = write(solver.policy.cache, prompt, args.tokens)
            seen = []
            for kv_type in ("f16", "q8_0"):
                with Cache(
                    model, cells=1024, sequences=1, threads=threads, kv_type=kv_type
                ) as cache:
                    seen.append(read(cache, prompt, tokens))
            found["batch"].append(compare(tokens, written, seen[0]))
            found["q8_0"].append(compare(tokens, *seen))
    for what, parts in found.items():
        logits, variation, same, change = np.concatenate(parts).mean(axis=0)
        print(
            f"{what}: {sum(map(len, parts))} tokens; logits differ by {logits:.3f} on average, "
            f"total variation {variation:.4f}, the likeliest token is the same at {100 * same:.1f} %, "
            f"log-probabilities differ by {change:.4f}"
        )


if __name__ == "__main__":
    main()
