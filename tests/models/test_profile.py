"""Profiles of models.toml: those pfsolve ships, a user's own, and mistakes in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pfsolve.errors import UsageError
from pfsolve.models.catalogue import load_catalogue

MINE = """
[[profiles]]
name = "{name}"
policy = "{policy}"
{extra}
"""


def own(tmp_path: Path, name: str = "mine", policy: str = "qwen3-0.6b", extra: str = "") -> Path:
    (tmp_path / "models.toml").write_text(MINE.format(name=name, policy=policy, extra=extra))
    return tmp_path


def test_the_shipped_profiles_rise_and_the_papers_is_for_comparison_only() -> None:
    catalogue = load_catalogue()
    offered = [profile for profile in catalogue.profiles.values() if profile.suggest]
    assert [profile.name for profile in offered] == ["small", "balanced", "large"]
    sizes = [catalogue.get(profile.policy).size for profile in offered]
    assert sizes == sorted(sizes)
    assert all(profile.description for profile in catalogue.profiles.values())
    paper = catalogue.profile("PAPER")
    assert paper.models == ("qwen2.5-math-1.5b-instruct", "qwen2.5-math-prm-7b")
    assert (paper.particles, paper.preset) == (16, "paper")
    assert catalogue.profile("small").models == ("qwen2.5-math-1.5b-instruct",)


def test_a_users_profile_comes_last_or_takes_the_place_of_one(tmp_path: Path) -> None:
    shipped = list(load_catalogue().profiles)
    assert list(load_catalogue(own(tmp_path)).profiles) == [*shipped, "mine"]
    replaced = load_catalogue(own(tmp_path, "balanced", "Qwen3-1.7B"))
    assert list(replaced.profiles) == shipped
    assert replaced.profile("balanced").settings == {
        "policy": "qwen3-1.7b",
        "reward": None,
        "particles": None,
        "preset": None,
    }


def test_a_profile_may_use_a_users_own_models(tmp_path: Path) -> None:
    config = own(tmp_path, policy="my-model")
    with (config / "models.toml").open("a") as file:
        file.write('[[models]]\nname = "my-model"\nfile = "m.gguf"\n')
        file.write('[[models.places]]\nrepo = "me/mine"\n')
    assert load_catalogue(config).profile("mine").models == ("my-model",)


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"name": "My own"}, "profile 1: `name` is 'My own'"),
        ({"policy": ""}, "profile mine: `policy` is ''"),
        ({"policy": "gpt"}, "profile mine: `policy` is 'gpt', which is no policy"),
        (
            {"policy": "qwen2.5-math-prm-7b"},
            "`policy` is 'qwen2.5-math-prm-7b', which is no policy",
        ),
        ({"extra": 'reward = "gpt"'}, "profile mine: `reward` is 'gpt', which is no reward"),
        ({"extra": 'reward = "qwen3-8b"'}, "`reward` is 'qwen3-8b', which is no reward"),
        ({"extra": 'reward = ""'}, "profile mine: `reward` is ''"),
        ({"extra": "particles = 0"}, "profile mine: `particles` is 0"),
        ({"extra": 'suggest = "no"'}, "profile mine: `suggest` is 'no'"),
        ({"extra": "memory = 3"}, "profile mine: `memory` is not a known key"),
        ({"extra": '[[profiles]]\nname = "mine"\npolicy = "qwen3-8b"'}, "'mine' is there twice"),
        ({"extra": '[[profiles]]\nname = "bare"'}, "profile bare: `policy` is missing"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else None,
)
def test_a_mistake_is_named_by_file_profile_and_key(
    tmp_path: Path, keys: dict[str, str], says: str
) -> None:
    config = own(tmp_path, **keys)
    with pytest.raises(UsageError) as caught:
        load_catalogue(config)
    assert caught.value.message.startswith(str(config / "models.toml"))
    assert says in caught.value.message


def test_an_unknown_profile_brings_up_all_of_them(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="profile is 'huge', which is unknown") as caught:
        load_catalogue(own(tmp_path)).profile("huge")
    assert caught.value.hint == "choose one of small, balanced, large, paper, mine"
