"""Plans: what the user names is run in every size with every seed, and what follows from rollouts is not."""

from __future__ import annotations

import pytest

from pfsolve.errors import UsageError
from pfsolve.lab.bench.plan import ROLLOUTS, make_plan
from pfsolve.settings import merge


def test_methods_in_every_size_with_every_seed() -> None:
    plan = make_plan(
        ["pf", "pf weights=ratio ess-threshold=0.5", "sc", "wbon"], [8, 4, 8], None, [0, 1]
    )
    runs = plan.runs(scored=True)
    assert len(runs) == 2 * 2 * 2 + 2
    assert plan.derived == ("sc", "wbon")
    ratio = [run for run in runs if run.label == "pf weights=ratio ess-threshold=0.5"]
    assert {(run.particles, run.seed) for run in ratio} == {(4, 0), (4, 1), (8, 0), (8, 1)}
    assert ratio[0].layer["weights"] == "ratio"
    assert ratio[0].layer["ess_threshold"] == 0.5
    rollouts = [run for run in runs if run.label == ROLLOUTS]
    assert {(run.particles, run.seed) for run in rollouts} == {(8, 0), (8, 1)}
    assert {run.layer["method"] for run in rollouts} == {"bon"}


@pytest.mark.parametrize(
    ("method", "programs", "early_stop"),
    [
        ("pf programs=1", 1.0, None),
        ("pf programs=0.5 early-stop=false", 0.5, False),
        ("pf early_stop=true", None, True),
        ("greedy programs=1", 1.0, None),
    ],
)
def test_programs_and_an_early_end_are_a_methods_own(
    method: str, programs: float | None, early_stop: bool | None
) -> None:
    (run,) = make_plan([method], [1], None, [0]).runs(scored=True)
    settings = merge(run.layer)
    assert (settings.programs, settings.early_stop) == (programs, early_stop)


def test_rollouts_are_whole_texts_whatever_the_policy_would_write() -> None:
    (run,) = make_plan(["wbon"], [4], None, [0]).runs(scored=True)
    settings = merge({"programs": 1.0, "early_stop": True}, run.layer)
    assert (settings.programs, settings.stops_early) == (0.0, False)


def test_rollouts_are_scored_only_for_a_reward() -> None:
    plan = make_plan(["sc"], [4], 16, [0])
    (run,) = plan.runs(scored=False)
    assert (run.label, run.particles, run.layer["method"]) == (ROLLOUTS, 16, "sc")


@pytest.mark.parametrize("method", ["bon", "wbon"])
def test_without_a_reward_nothing_that_goes_by_scores_follows_from_rollouts(method: str) -> None:
    with pytest.raises(UsageError, match=f"{method} goes by scores, and reward is none") as caught:
        make_plan(["pf", "sc", method], [4], None, [0]).runs(scored=False)
    assert "reward=confidence" in (caught.value.hint or "")


def test_greedy_is_one_run() -> None:
    runs = make_plan(["greedy", "pf"], [4, 8], None, [0, 1, 2]).runs(scored=True)
    assert [(r.particles, r.seed) for r in runs if r.label == "greedy"] == [(1, 0)]


@pytest.mark.parametrize(
    ("methods", "match"),
    [
        (["fp"], "unknown"),
        (["pf", "pf"], "twice"),
        (["pf colour=blue"], "colour"),
        (["pf particles=3"], "particles"),
        (["pf profile=small"], "profile"),
        (["pf weights"], "weights"),
        (["bon reward=none"], "no settings of its own"),
    ],
)
def test_what_makes_no_sense_is_refused(methods: list[str], match: str) -> None:
    with pytest.raises(UsageError, match=match):
        make_plan(methods, [4], None, [0])


def test_the_baseline_is_one_of_those_drawn() -> None:
    assert make_plan(["pf", "sc", "wbon"], [4], None, [0]).baseline == "wbon"
    assert make_plan(["pf", "sc", "wbon"], [4], None, [0], "sc").baseline == "sc"
    assert make_plan(["pf"], [4], None, [0]).baseline is None
    with pytest.raises(UsageError, match="--baseline bon"):
        make_plan(["pf", "sc"], [4], None, [0], "bon")
