"""A setting that is given and changes nothing is refused, and only then."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pfsolve.errors import UsageError
from pfsolve.search.methods import METHODS as SEARCHES
from pfsolve.settings import METHODS, SETTINGS, Settings, merge, refuse_idle
from pfsolve.settings.effect import READ_BY


class Reading:
    """Settings that remember which of them were read."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.read: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        self.read.add(name)
        return getattr(self.settings, name)


@pytest.mark.parametrize("method", METHODS)
def test_the_table_says_which_settings_a_method_reads(method: str) -> None:
    reading = Reading(merge({"method": method}))
    SEARCHES[method](reading, np.random.default_rng(1))  # type: ignore[arg-type]
    of_searches = {name for name in READ_BY if name not in ("reward", "aggregate")}
    read = reading.read & of_searches
    said = {name for name in of_searches if method in READ_BY[name]}
    # Each chain of tempering has its own softmax temperature, and particle Gibbs refuses `deduplicate`.
    forbidden = {"deduplicate"} if method in ("pg", "tempering") else set()
    replaced = {"softmax_temperature"} if method == "tempering" else set()
    assert said == read - forbidden - replaced


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"method": "bon", "islands": 4}, "islands=4 has no effect with method=bon"),
        ({"expected_steps": 9}, "expected_steps=9 has no effect with method=pf"),
        ({"sweeps": 2}, "sweeps=2"),
        ({"method": "pg", "beam_width": 2}, "beam_width=2"),
        ({"method": "sc", "reward": "probe"}, "reward=probe has no effect with method=sc"),
        ({"method": "greedy", "resampling": "residual"}, "resampling=residual"),
        ({"method": "beam", "deduplicate": True}, "deduplicate has no effect"),
        ({"ladder": (4.0, 2.0)}, "ladder=4,2"),
        ({"aggregate": "model"}, "without a process reward model"),
        ({"aggregate": "model", "reward": "probe"}, "without a process reward model"),
        ({"aggregate": "min", "reward": "none"}, "with reward=none"),
        ({"programs": 0.0, "program_temperature": 0.3}, "with programs=0"),
        ({"programs": 1.0, "temperature": 0.3}, "with programs=1"),
    ],
)
def test_what_has_no_effect_is_refused_where_it_is_given(given: dict[str, Any], says: str) -> None:
    settings = merge(given)
    with pytest.raises(UsageError, match=says) as caught:
        refuse_idle(settings, given)
    assert "leave it out, or use " in (caught.value.hint or "")
    refuse_idle(settings, {})  # in the config file it may wait for a method that reads it


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"islands": 4, "method": "islands"},
        {"aggregate": "model", "reward": "some-prm"},
        {"aggregate": "min", "reward": "probe"},
        {"method": "beam", "deduplicate": False},
        {"method": "bon", "reward": "probe", "final": "weighted-vote"},
        {"programs": 0.5, "program_temperature": 0.3, "temperature": 0.7},
        {"beam_width": None, "sweeps": None},
    ],
)
def test_what_has_an_effect_is_not(given: dict[str, Any]) -> None:
    refuse_idle(merge(given), given)


def test_the_table_names_settings_and_methods() -> None:
    assert READ_BY.keys() <= SETTINGS.keys()
    for methods in READ_BY.values():
        assert set(methods) <= METHODS.keys()
