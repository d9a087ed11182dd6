"""A rewrite of a search draws the same random numbers: conversations recorded from earlier code.

`recorded.json` holds what every method asked for, request by request, and the population it ended
with, in the worlds below. A seed published with a result must give that result again, so requests and
ancestors are compared exactly and floats to 1e-12. A change that is meant to draw differently
records anew and says so in the changelog.

`requests` is written as by `worlds.written`; `steps` holds log evidence and ESS of each StepInfo.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path as File
from typing import Any

import numpy as np
import pytest

from pfsolve.search.methods import METHODS
from pfsolve.search.weights import AllParticlesDead
from pfsolve.settings import merge
from tests.search.worlds import HiddenMarkovModel, Path, Tree, World, drive, stopping, written

RECORDED = json.loads(File(__file__).with_name("recorded.json").read_text(encoding="utf-8"))
# Of settings whose default was another when these were recorded.
DEFAULTS_THEN = {"ess_threshold": 1.0, "softmax_temperature": 1.0}


class Mortal(Tree):
    """A tree some of whose nodes have a score of zero."""

    def log_odds(self, path: Path) -> float:
        dead = path[:2] in ((2,), (0, 0), (1, 1))
        return -math.inf if dead else super().log_odds(path)


WORLDS: dict[str, Callable[[int, int], World]] = {
    "tree": Tree,
    "mortal": Mortal,
    "markov": lambda n, seed: HiddenMarkovModel(n, seed, cumulative=False),
    "cumulative": lambda n, seed: HiddenMarkovModel(n, seed, cumulative=True),
}


def name(record: dict[str, Any]) -> str:
    others = [str(value) for value in record["settings"].values()]
    return "-".join([record["method"], record["world"], *others, str(record["seed"])])


def assert_close(found: list[float | None], recorded: list[float | None]) -> None:
    assert [value is None for value in found] == [value is None for value in recorded]
    known = [[v for v in values if v is not None] for values in (found, recorded)]
    np.testing.assert_allclose(*known, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("record", RECORDED, ids=name)
def test_a_recorded_conversation_is_repeated(record: dict[str, Any]) -> None:
    world = WORLDS[record["world"]](record["settings"]["particles"], record["seed"])
    answer = stopping(world, record["stop"]) if "stop" in record else world.answer
    settings = merge(DEFAULTS_THEN, record["settings"])
    rng = np.random.default_rng(record["seed"] + 10**6)
    try:
        end = drive(METHODS[record["method"]](settings, rng), answer)
    except AllParticlesDead:
        end = None
    assert " ".join(map(written, world.log)) == record["requests"]
    for info, recorded in zip(world.news(), record["steps"], strict=True):
        assert_close([info.log_evidence, info.weights.ess], recorded)
    if record["final"] is None:
        assert end is None
        return
    final = record["final"]
    assert (end.steps, end.stopped) == (final["steps"], final["stopped"])
    assert_close(end.log_odds.tolist(), final["log_odds"])
    assert_close(end.weights.log.tolist(), final["log_weights"])
    assert_close([end.log_evidence], [final["log_evidence"]])


def test_every_method_of_the_first_release_is_recorded() -> None:
    first = "pf entropic pg islands tempering beam dvts bon sc greedy"
    assert {record["method"] for record in RECORDED} >= set(first.split())
