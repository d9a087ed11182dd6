"""The report: numbers that can be checked by hand, keys that others rely on, text for both outputs."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Sequence

import numpy as np
import pytest
from rich.cells import cell_len

from pfsolve.display.output import Output
from pfsolve.display.report.evaluation import report_tables
from pfsolve.environment import Environment
from pfsolve.errors import UsageError
from pfsolve.files import dumps
from pfsolve.lab.evaluation.evaluate import Report, evaluate
from pfsolve.lab.evaluation.labelled import Attempt, Labelled, LabelledRow, Rollouts
from pfsolve.lab.evaluation.scoring import score_rows
from pfsolve.problems import Problem
from pfsolve.solution import ScoredSolution

KEYS = {
    "settings", "rows", "labelled", "rollouts", "left_out", "solutions", "steps", "tokens",
    "seconds", "tokens_per_second", "step_auc", "f1", "accuracy_wrong", "accuracy_right",
    "threshold", "chosen", "brier", "ece", "reliability", "step_auc_by_length", "f1_by_length",
    "over_majority_vote", "intervals", "early_auc",
}  # fmt: skip
CHOICES = {"best_of_n", "weighted_vote", "weighted_best_of_n", "majority_vote", "oracle"}


def score(problem: str, steps: Sequence[str]) -> ScoredSolution:
    """Each step's text ends in its log-odds."""
    return ScoredSolution(
        np.array([float(step.split()[-1]) for step in steps]), 10 * len(steps), 0.5
    )


def labelled(n: int) -> list[LabelledRow]:
    """Half have an error at step 1, which scores -1 or below; right steps score 1 or more."""
    rows: list[LabelledRow] = []
    for i in range(n):
        wrong = i % 2
        steps = (f"so {1 + i}", f"then {-1 - i if wrong else 2}", "end 3")
        rows.append(Labelled(Problem(str(i), i, f"problem {i}"), steps, 1 if wrong else -1))
    return rows


def rollouts(n: int) -> list[LabelledRow]:
    """Two of five are right, score 2 and 1, and say 4 in two ways; the majority is wrong."""
    attempts = (
        Attempt(("a 0", "b 2"), "4"),
        Attempt(("a 1",), r"\frac{8}{2}"),
        Attempt(("a -1",), "7"),
        Attempt(("a -2",), "7.0"),
        Attempt(("a -3",), "7"),
    )
    return [
        Rollouts(Problem(f"r{i}", i, f"rolled {i}", "4"), attempts[: 5 if i else 4])
        for i in range(n)
    ]


def report(rows: list[LabelledRow], **more: object) -> Report:
    settings = {"reward": "by-text"}
    return evaluate(rows, score_rows(rows, score, settings), settings, **more)  # type: ignore[arg-type]


def test_labelled_solutions_by_hand() -> None:
    found = report(labelled(20))
    of = found.of_steps
    assert (of.step_auc, of.f1, of.accuracy_wrong, of.accuracy_right) == (1.0, 1.0, 1.0, 1.0)
    assert of.chosen == "cross-fitted"
    assert of.threshold == pytest.approx(1 / (1 + np.exp(0.5))), "between -2 and 1"
    assert (found.rows, found.labelled, found.solutions, found.steps) == (20, 20, 20, 60)
    assert (found.tokens, found.seconds, found.tokens_per_second) == (600, 10.0, 60.0)
    assert of.intervals["step_auc"] == (1.0, 1.0)
    low, high = of.intervals["accuracy_wrong"] or (0, 0)
    assert (low, high) == (pytest.approx(0.722, abs=1e-3), 1.0), "Wilson's, for 10 of 10"
    assert found.curves == {}


def test_a_given_threshold_is_used_and_reported() -> None:
    of = report(labelled(20), threshold=0.9).of_steps
    assert (of.threshold, of.chosen) == (0.9, "given")
    assert of.accuracy_right == 0.0, "then-steps of right solutions score 0.88"
    assert report(labelled(20), threshold=0.0).of_steps.accuracy_right == 1.0
    with pytest.raises(UsageError, match="out of range"):
        report(labelled(2), threshold=1.5)


def test_the_reported_threshold_judges_the_same_when_it_is_given() -> None:
    rng = np.random.default_rng(0)
    rows: list[LabelledRow] = [
        Labelled(
            Problem(str(i), i, f"p{i}"),
            tuple(f"s {x}" for x in rng.normal(scale=30, size=4)),
            int(rng.integers(-1, 4)),
        )
        for i in range(60)
    ]
    first = report(rows).of_steps
    again = report(rows, threshold=first.threshold).of_steps
    assert first.f1 is not None
    assert again.f1 is not None
    assert again.f1 >= first.f1, "it is the best on these rows"


def test_a_reward_that_is_sure_of_everything_still_has_a_threshold_below_1() -> None:
    rows: list[LabelledRow] = [
        Labelled(Problem("1", 1, "p"), ("s 90", "s 50"), 1),
        Labelled(Problem("2", 2, "q"), ("s 90", "s 90"), -1),
    ]
    of = report(rows).of_steps
    assert of.f1 == 1.0
    assert of.chosen == "same rows", "two are too few to fit on others"
    assert of.threshold is not None
    assert of.threshold < 1.0


def test_rollouts_by_hand() -> None:
    curves = report(rollouts(3)).curves
    assert len(curves["best_of_n"].accuracy) == 4, "the smallest number of rollouts of a problem"
    assert curves["best_of_n"].accuracy[0] == pytest.approx((2 / 4 + 2 / 5 + 2 / 5) / 3)
    # Of 4 of 5 rollouts a right one is always there, and always the best.
    assert curves["best_of_n"].accuracy[3] == 1.0
    assert curves["oracle"].accuracy[3] == 1.0
    # With the first problem's 4 it is a tie; of 5, leaving out a wrong one is a tie, too.
    assert curves["majority_vote"].accuracy[3] == pytest.approx((1 / 2 + 2 * (3 / 5) / 2) / 3)
    assert curves["weighted_vote"].gain == pytest.approx(1 - curves["majority_vote"].accuracy[3])
    low, high = curves["weighted_vote"].gain_interval or (0, 0)
    assert low <= curves["weighted_vote"].gain <= high


def test_json_has_the_keys_others_rely_on_and_is_strict() -> None:
    found = report([*labelled(20), *rollouts(3)]).to_json()
    assert set(found) == KEYS | CHOICES
    again = json.loads(dumps(found), parse_constant=pytest.fail)
    assert [again[name] for name in CHOICES] == [found[name] for name in CHOICES]
    assert list(found["best_of_n"]) == ["1", "2", "3", "4"]
    assert set(found["intervals"]) == {
        "step_auc", "f1", "accuracy_wrong", "accuracy_right", "brier", *CHOICES
    }  # fmt: skip
    assert set(found["over_majority_vote"]) == CHOICES - {"majority_vote"}
    assert set(report(labelled(4)).to_json()) == KEYS
    alone = report(rollouts(3)).to_json()
    assert set(alone) == KEYS | CHOICES
    assert alone["step_auc"] is alone["f1"] is alone["threshold"] is alone["brier"] is None


def test_a_report_is_the_same_for_the_same_scores() -> None:
    rows = [*labelled(20), *rollouts(3)]
    assert report(rows) == report(rows)


def test_rows_left_out_are_counted_and_none_left_is_an_error() -> None:
    rows = labelled(4)
    scores = score_rows(rows, score, {})
    some = type(scores)((None, *scores.rows[1:]), ("solution 0: too long",))
    found = evaluate(rows, some, {}, malformed=2)
    assert (found.rows, found.left_out) == (3, 3)
    with pytest.raises(UsageError, match="none of 4"):
        evaluate(rows, type(scores)((None,) * 4, ("solution 0: too long",)), {})


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(found: Report, stream: io.StringIO, **variables: str) -> str:
    environment = Environment(stdout=stream, variables={"COLUMNS": "80", **variables})
    Output(environment).give(None, lambda: report_tables(found))
    return stream.getvalue()


def test_in_a_pipe_the_report_is_cells_between_tabs() -> None:
    text = shown(report([*labelled(20), *rollouts(3)]), io.StringIO(), TERM="xterm")
    assert "\x1b" not in text
    rows = {line.split("\t")[0]: line.split("\t") for line in text.splitlines()}
    assert rows["step_auc"][1] == "1.000"
    assert rows["tokens_per_second"][1] == "45.3", "770 tokens in 17 s"
    assert rows["% right of rollouts"][1:4] == ["1", "2", "4"]
    assert rows["best of n"][3] == "100.0"
    assert rows["after step"][1] == "AUC within a problem"
    assert rows["the end"][1:] == ["1.000", "1.000 to 1.000", "100 %"]


def test_on_a_terminal_the_report_fits_80_columns() -> None:
    text = shown(report([*labelled(20), *rollouts(3)]), Terminal(), TERM="xterm")
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert "…" not in plain
    assert all(cell_len(line) <= 80 for line in plain.splitlines())
    for word in ("step_auc", "threshold", "weighted best of n", "mean score", "cross-fitted"):
        assert word in plain
    assert "\x1b" not in shown(report(labelled(4)), Terminal(), TERM="dumb")
