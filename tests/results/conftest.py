"""Result lines as a run writes them, without a model."""

from __future__ import annotations

from typing import Any

from pfsolve.particle import Finish, Particle, Step
from pfsolve.problems import BadRow, Problem
from pfsolve.results.line import Origin
from pfsolve.search.selection import Candidate
from pfsolve.settings import Settings
from pfsolve.solution import Solution

PROBLEMS = [Problem(str(n), n, f"What is {n} + {n}?", str(2 * n)) for n in range(1, 9)]
BAD = BadRow("9", 9, "no JSON")
ROWS = [*PROBLEMS, BAD]


def origin(shard: str | None = None, **settings: Any) -> Origin:
    settings = {"policy": "small", "temperature": 0.5, "seed": 0, **settings}
    return Origin(Settings(**settings), {"policy_sha256": "f00"}, len(ROWS), shard)


def solution(problem: Problem, answer: str | None, **more: Any) -> Solution:
    step = Step((1, 2), f"\\boxed{{{answer}}}".encode(), 0, log_odds=float("-inf"))
    values = {
        "problem": problem.text,
        "answer": answer,
        "agreement": 1.0,
        "candidates": (Candidate(str(answer), 1, 1.0),),
        "particles": (Particle((step,), Finish.BOXED),),
        "weights": (1.0,),
        "log_evidence": float("-inf"),
        "settings": Settings(policy="small", temperature=0.5, seed=0),
        "seed": problem.seed(0),
        "versions": {"policy_sha256": "f00"},
        "tokens": 100,
        "reward_tokens": 0,
        "seconds": 2.0,
        "load_seconds": 1.0,
        "chosen": None if answer is None else 0,
    }
    return Solution(**{**values, **more})
