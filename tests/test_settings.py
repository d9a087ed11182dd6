"""Layers of settings become one, and wrong values are refused wherever they come from."""

from __future__ import annotations

import pytest

from pfsolve.errors import UsageError
from pfsolve.settings import Settings, merge


def test_later_layers_win_and_none_says_nothing() -> None:
    merged = merge({"particles": 4, "seed": 1}, {"particles": 16, "seed": None})
    assert (merged.particles, merged.seed) == (16, 1)


def test_no_layers_are_the_defaults() -> None:
    assert merge() == Settings()


def test_a_preset_fills_in_below_its_own_layer_and_above_the_weaker_ones() -> None:
    merged = merge({"resampling": "residual", "particles": 4}, {"preset": "paper", "final": "vote"})
    assert merged.resampling == "multinomial"
    assert merged.final == "vote"
    assert merged.particles == 4
    assert merged.temperature == 0.8


def test_whole_numbers_pass_as_floats_and_nothing_else_changes_type() -> None:
    assert merge({"temperature": 1}).temperature == 1.0
    for bad in ({"particles": 2.5}, {"particles": True}, {"particles": "8"}, {"top_p": "1"}):
        with pytest.raises(UsageError):
            merge(bad)


@pytest.mark.parametrize(("given", "meant"), [("auto", None), ("12", 12), (0, 0)])
def test_gpu_layers_are_a_number_or_auto(given: object, meant: int | None) -> None:
    assert merge({"gpu_layers": given}).gpu_layers == meant


@pytest.mark.parametrize("name", ["particels", "problem", "Particles"])
def test_unknown_settings_are_named(name: str) -> None:
    with pytest.raises(UsageError, match=name):
        merge({name: 1})


@pytest.mark.parametrize(
    ("method", "final", "particles"),
    [("pf", "weighted-vote", 8), ("bon", "argmax", 8), ("sc", "vote", 8), ("greedy", "vote", 1)],
)
def test_a_method_brings_the_settings_that_go_with_it(
    method: str, final: str, particles: int
) -> None:
    merged = merge({"method": method})
    assert (merged.final, merged.particles) == (final, particles)
    assert merge({"method": method, "final": "weighted-vote"}).final == "weighted-vote"


def test_only_the_strongest_method_brings_its_settings() -> None:
    merged = merge({"method": "greedy"}, {"method": "pg"})
    assert merged == Settings(method="pg")
    assert merge({"method": "bon"}, {"particles": 4}).final == "argmax"
    assert merge({"final": "vote"}, {"method": "bon"}).final == "argmax"
    assert merge({"preset": "paper", "method": "greedy"}).temperature == 0.0


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"method": "islands", "islands": 3}, "3 islands"),
        ({"method": "beam", "particles": 6}, "4 ways"),
        ({"method": "dvts", "beam_width": 5}, "5 ways"),
        ({"method": "tempering", "ladder": [3, 2, 1]}, "3 chains"),
        ({"method": "pg", "particles": 1}, "two at least"),
        ({"method": "tempering", "particles": 2}, "two at least"),
        ({"method": "greedy", "particles": 2}, "one particle"),
        ({"method": "greedy", "temperature": 0.8}, "temperature 0"),
        ({"method": "sc", "final": "argmax"}, "highest score"),
        ({"deduplicate": True, "weights": "ratio"}, "score"),
        ({"deduplicate": True, "method": "pg"}, "reference"),
        ({"early_stop": True, "final": "argmax"}, "vote"),
        ({"early_stop": True, "method": "pg"}, "first sweep"),
        ({"method": "magic"}, "magic"),
        ({"sweeps": 0}, "sweeps"),
        ({"expected_steps": 0}, "expected-steps"),
    ],
)
def test_what_a_method_cannot_work_with_is_refused(values: dict[str, object], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        merge(values)


@pytest.mark.parametrize("ladder", ["4,2,1", [4, 2, 1], (4.0, 2.0, 1.0), " 4, 2,1.0"])
def test_a_ladder_is_a_list_of_numbers_however_it_is_written(ladder: object) -> None:
    assert merge({"ladder": ladder}).ladder == (4.0, 2.0, 1.0)


@pytest.mark.parametrize(
    "ladder", ["", [], "1,2", [2, 2], [1, 0], "4,nan", "inf,1", [True, 0.5], "hot", 4]
)
def test_a_ladder_that_does_not_go_down_is_refused(ladder: object) -> None:
    with pytest.raises(UsageError, match="--ladder"):
        merge({"ladder": ladder})


def test_a_user_who_always_deduplicates_can_still_sample() -> None:
    """What a config file says of filters does not stand in the way of methods without one."""
    assert merge({"deduplicate": True}, {"method": "sc"}).deduplicate
