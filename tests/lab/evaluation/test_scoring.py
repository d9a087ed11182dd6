"""Scores are written as they come, never asked for twice, and belong to what was scored."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from pfsolve.errors import EngineError, Interrupted, ProblemTooLong, UsageError
from pfsolve.events.work import Scoring
from pfsolve.files import dumps
from pfsolve.lab.evaluation.labelled import Attempt, Labelled, Rollouts, read_labelled
from pfsolve.lab.evaluation.scoring import score_rows
from pfsolve.problems import Problem
from pfsolve.results.file import ResultsFile
from pfsolve.solution import ScoredSolution
from tests.conftest import SCHEMA_1
from tests.results.conftest import BAD, origin

ROWS = [
    Labelled(Problem("a", 1, "p"), ("good", "bad!"), 1),
    Rollouts(
        Problem("b", 2, "q", "4"),
        (Attempt(("good", "good", "bad!"), "4"), Attempt((), None), Attempt(("dead",), "5")),
    ),
    Labelled(Problem("b/1", 3, "r"), ("good",), -1),
]
VALUES = {"good": 1.5, "bad!": -2.0, "dead": -np.inf, "nan!": np.nan, "inf!": np.inf}
SETTINGS = {"reward": "by-word", "policy": "none"}


class Reader:
    """A reward that goes by the step's text, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[str, ...]]] = []

    def __call__(self, problem: str, steps: Sequence[str]) -> ScoredSolution:
        self.asked.append((problem, tuple(steps)))
        if steps[0] == "long":
            raise ProblemTooLong("too long to read")
        scores = np.array([VALUES[step] for step in steps])
        return ScoredSolution(scores, 10 * len(steps), 0.5)


def values(rows: object) -> list[list[list[float]] | None]:
    return [None if row is None else [of.log_odds.tolist() for of in row] for row in rows]


EXPECTED = [[[1.5, -2.0]], [[1.5, 1.5, -2.0], [], [-np.inf]], [[1.5]]]


def test_every_solution_is_scored_in_order_and_progress_is_told() -> None:
    reader, heard = Reader(), []
    scores = score_rows(ROWS, reader, SETTINGS, listen=heard.append)
    assert values(scores.rows) == EXPECTED
    assert scores.complaints == ()
    assert [problem for problem, _ in reader.asked] == ["p", "q", "q", "r"]
    assert heard[0] == Scoring(0, 5, 0, 0, 0.0)
    assert heard[-1] == Scoring(5, 5, 5, 70, 2.0), "a solution without steps costs nothing"


def test_what_the_file_has_is_not_scored_again(tmp_path: Path) -> None:
    path = tmp_path / "scores.jsonl"
    for expected in (4, 0):
        reader = Reader()
        with ResultsFile(path, resume=True) as output:
            scores = score_rows(ROWS, reader, SETTINGS, output=output)
        assert len(reader.asked) == expected
        assert values(scores.rows) == EXPECTED
        assert sum(of.tokens for row in scores.rows for of in row or ()) == 70
    lines = [json.loads(line, parse_constant=pytest.fail) for line in path.open()]
    assert [line["id"] for line in lines] == ["a", "b/1", "b/2", "b/3", "b/1#2"]
    assert lines[3]["log_odds"] == [None], "JSON has no infinity"


@pytest.mark.parametrize(
    ("origin", "asked"),
    [
        ({**SETTINGS, "seed": 3}, ["good"]),
        ({**SETTINGS, "reward": "by-luck"}, ["bad!", "good"]),
        ({"reward": "by-word"}, ["bad!", "good"]),
        ({}, ["bad!", "good"]),
    ],
)
def test_rollouts_that_this_reward_has_scored_keep_their_scores(
    tmp_path: Path, origin: dict[str, object], asked: list[str]
) -> None:
    attempts = (Attempt(("bad!",), "4", (0.25,)), Attempt(("good",), "5"))
    rows = [Rollouts(Problem("a", 1, "p", "4"), attempts, origin)]
    reader = Reader()
    with ResultsFile(tmp_path / "scores.jsonl") as output:
        scores = score_rows(rows, reader, SETTINGS, output=output)
    assert [steps[0] for _, steps in reader.asked] == asked
    assert values(scores.rows) == [[[0.25 if len(asked) == 1 else -2.0], [1.5]]]
    assert len((tmp_path / "scores.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize("kept", range(0, 900, 90))
def test_whatever_a_kill_leaves_the_next_run_completes(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "scores.jsonl"
    with ResultsFile(path) as output:
        score_rows(ROWS, Reader(), SETTINGS, output=output)
    whole = path.read_bytes()
    path.write_bytes(whole[:kept])
    with ResultsFile(path, resume=True) as output:
        scores = score_rows(ROWS, Reader(), SETTINGS, output=output)
    assert values(scores.rows) == EXPECTED
    assert path.read_bytes() == whole


def test_scores_of_several_rewards_live_side_by_side(tmp_path: Path) -> None:
    path = tmp_path / "scores.jsonl"
    for settings in (SETTINGS, {**SETTINGS, "reward": "other"}, SETTINGS):
        reader = Reader()
        with ResultsFile(path, resume=True) as output:
            score_rows(ROWS, reader, settings, output=output)
    assert reader.asked == [], "the first reward's scores are still there"


def test_scores_of_another_solution_are_not_taken_for_this_ones(tmp_path: Path) -> None:
    path = tmp_path / "scores.jsonl"
    with ResultsFile(path) as output:
        score_rows(ROWS, Reader(), SETTINGS, output=output)
    changed = [Labelled(Problem("a", 1, "p"), ("good", "good"), 1)]
    with ResultsFile(path, resume=True) as output, pytest.raises(UsageError, match="another sol"):
        score_rows(changed, Reader(), SETTINGS, output=output)
    other = [Labelled(Problem("a", 1, "another problem"), ("good", "bad!"), 1)]
    with ResultsFile(path, resume=True) as output, pytest.raises(UsageError, match="another prob"):
        score_rows(other, Reader(), SETTINGS, output=output)


def test_results_of_solving_are_no_place_for_scores(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    path.write_text(dumps(origin().failed(BAD)) + "\n")
    with ResultsFile(path, resume=True) as output, pytest.raises(UsageError, match="not scores"):
        score_rows(ROWS, Reader(), SETTINGS, output=output)


def test_a_solution_that_cannot_be_read_costs_its_row_alone() -> None:
    rows = [
        Rollouts(Problem("x", 1, "p", "4"), (Attempt(("good",), "4"), Attempt(("long",), "5"))),
        *ROWS,
    ]
    scores = score_rows(rows, Reader(), SETTINGS)
    assert values(scores.rows) == [None, *EXPECTED]
    assert scores.complaints == ("solution x/2: too long to read",)


@pytest.mark.parametrize("word", ["nan!", "inf!"])
def test_a_score_that_is_no_number_names_step_and_solution(word: str) -> None:
    rows = [Labelled(Problem("a", 1, "p"), ("good", word), -1)]
    with pytest.raises(EngineError, match="to step 1 of solution a"):
        score_rows(rows, Reader(), SETTINGS)


def test_a_score_for_each_step_is_insisted_on() -> None:
    with pytest.raises(EngineError, match="2 steps, and the reward gave 1"):
        score_rows(ROWS, lambda problem, steps: ScoredSolution(np.array([0.0]), 1, 1.0), SETTINGS)


def test_stopping_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "scores.jsonl"
    reader = Reader()
    with (
        ResultsFile(path) as output,
        pytest.raises(Interrupted, match="2 of 5 solutions") as caught,
    ):
        score_rows(ROWS, reader, SETTINGS, output=output, stopping=lambda: len(reader.asked) == 2)
    assert caught.value.hint is not None
    again = Reader()
    with ResultsFile(path, resume=True) as output:
        scores = score_rows(ROWS, again, SETTINGS, output=output)
    assert len(again.asked) == 2
    assert values(scores.rows) == EXPECTED


def test_scores_and_records_of_schema_1_are_used(tmp_path: Path) -> None:
    rows = read_labelled(SCHEMA_1 / "records").rows
    path = Path(shutil.copy(SCHEMA_1 / "scores.jsonl", tmp_path))
    settings = json.loads(path.read_text().splitlines()[0])["settings"]
    reader = Reader()
    with ResultsFile(path, resume=True) as output:
        kept = score_rows(rows, reader, settings, output=output)
    assert path.read_bytes() == (SCHEMA_1 / "scores.jsonl").read_bytes()
    assert reader.asked == []
    assert values(score_rows(rows, reader, settings).rows) == values(kept.rows)
    assert reader.asked == [], "the records came with the same scores"
