"""A profile fills in settings just below the layer that names it."""

from __future__ import annotations

from pathlib import Path

import pytest

import pfsolve
from pfsolve.environment import Environment
from pfsolve.errors import UsageError
from pfsolve.models.catalogue import load_catalogue
from pfsolve.settings import PRESETS, SETTINGS, Settings, merge
from pfsolve.solver.profiles import Layer, with_profiles

SMALL = load_catalogue().profile("small")


@pytest.fixture(autouse=True)
def no_models_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PFSOLVE_CONFIG_DIR", str(tmp_path / "config"))


def merged(*layers: Layer) -> Settings:
    return merge(*with_profiles(*layers, environment=Environment()))


def test_a_profile_wins_over_weaker_layers_and_over_no_value_of_its_own() -> None:
    settings = merged({"policy": "weak", "seed": 3}, {"profile": "small", "particles": 4})
    assert (settings.policy, settings.reward) == (SMALL.policy, SMALL.reward)
    assert (settings.particles, settings.seed) == (4, 3)


def test_a_later_layer_wins_over_a_profile() -> None:
    settings = merged({"profile": "large"}, {"policy": "mine.gguf"})
    assert (settings.policy, settings.particles) == ("mine.gguf", 16)
    assert merged({"profile": "large"}, {"profile": "small"}).policy == SMALL.policy


def test_none_in_a_layer_says_nothing() -> None:
    assert merged({"profile": "small", "policy": None}).policy == SMALL.policy
    assert merged({"profile": None}) == Settings()


def test_what_goes_with_a_method_wins_over_the_profile_beside_it() -> None:
    settings = merged({"profile": "paper", "method": "greedy"})
    assert (settings.particles, settings.reward) == (1, "none")
    assert settings.policy == SMALL.policy


def test_the_papers_profile_has_its_algorithm() -> None:
    settings = merged({"profile": "paper"})
    assert settings.particles == 16
    assert {name: getattr(settings, name) for name in PRESETS["paper"]} == PRESETS["paper"]
    assert merged({"profile": "paper", "final": "vote"}).final == "vote"


def test_every_shipped_profile_is_good_and_named_in_the_help() -> None:
    profiles = load_catalogue().profiles
    for name in profiles:
        assert merged({"profile": name}).policy
    assert SETTINGS["profile"].values == "|".join([*profiles, "NAME"])


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("particles = 300", "profile mine: particles is 300, which is out of range"),
        ('preset = "pencil"', "profile mine: preset is 'pencil', which is unknown"),
        (
            'preset = "paper"',
            "profile mine: final=argmax goes by scores, and qwen3-8b has no probe",
        ),
    ],
)
def test_what_is_wrong_with_a_profiles_settings_is_named_with_its_place(
    tmp_path: Path, line: str, says: str
) -> None:
    file = tmp_path / "models.toml"
    file.write_text(f'[[profiles]]\nname = "mine"\npolicy = "qwen3-8b"\n{line}\n')
    environment = Environment(variables={"PFSOLVE_CONFIG_DIR": str(tmp_path)})
    with pytest.raises(UsageError) as caught:
        with_profiles({"profile": "mine"}, environment=environment)
    assert caught.value.message.startswith(f"{file}, {says}")


def test_python_callers_give_a_profile_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown one is refused before any model is looked for."""
    monkeypatch.setattr("pfsolve.solver.solver.find", lambda *_, **__: pytest.fail("looked"))
    with pytest.raises(UsageError, match="profile is 'heroic'"):
        pfsolve.solve("2 + 2?", profile="heroic")
    found: list[Settings] = []

    class Stop(Exception):
        pass

    def find(settings: Settings, *_: object, **__: object) -> None:
        found.append(settings)
        raise Stop

    monkeypatch.setattr("pfsolve.solver.solver.find", find)
    with pytest.raises(Stop):
        pfsolve.solve("2 + 2?", profile="large", seed=1)
    assert found == [merged({"profile": "large", "seed": 1})]
