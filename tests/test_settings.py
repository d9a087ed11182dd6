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
