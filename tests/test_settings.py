"""Layers of settings become one, and wrong values are refused wherever they come from."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import fields
from math import inf, nan, nextafter
from pathlib import Path
from typing import Any

import pytest

from pfsolve.environment import Environment
from pfsolve.errors import UsageError, as_option
from pfsolve.files import dumps
from pfsolve.results.line import hash_of
from pfsolve.settings import (
    FILES,
    MACHINE,
    METHOD,
    METHODS,
    MODELS,
    OUTPUT,
    PRESETS,
    SAMPLING,
    SETTINGS,
    Setting,
    Settings,
    merge,
    parsed,
    read_config,
    read_variables,
)
from pfsolve.solver.profiles import with_profiles

REFERENCE = Path(__file__).parent.parent / ".github/REFERENCE.md"

# A value of each setting other than its default, as a text.
OTHER = {
    "method": "pg", "particles": "4", "programs": "0.25", "reward": "none", "aggregate": "min",
    "resampling": "residual", "program_temperature": "0.6",
    "weights": "ratio", "ess_threshold": "0.25", "softmax_temperature": "2.5", "deduplicate": "true",
    "finished": "absorb", "final": "vote", "early_stop": "yes", "max_steps": "3",
    "max_step_tokens": "99", "sweeps": "3", "islands": "4", "ladder": "4,2,1", "beam_width": "2",
    "expected_steps": "7", "temperature": "0.25", "top_p": "0.9", "top_k": "40", "min_p": "0.1",
    "thinking_tokens": "900",
    "time": "1m30s", "seed": "7", "policy": "mine.gguf", "context": "512", "threads": "3", "gpu_layers": "12",
    "kv_type": "q8_0", "offline": "1", "parallel": "2", "preset": "paper",
    "profile": "paper", "history": "no",
}  # fmt: skip
SEVERAL = {"preset", "profile"}  # what stands for several settings
# What another value needs beside it.
WITH = {
    "sweeps": {"method": "pg"},
    "islands": {"method": "islands"},
    "ladder": {"method": "tempering", "particles": "6"},
    "beam_width": {"method": "beam"},
    "expected_steps": {"method": "entropic"},
}


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
    wrong = ({"particles": 2.5}, {"particles": True}, {"particles": "8"}, {"top_p": "1"})
    for bad in (*wrong, {"temperature": 10**400}):
        with pytest.raises(UsageError):
            merge(bad)


@pytest.mark.parametrize(("given", "meant"), [("auto", None), (12, 12), (0, 0)])
def test_gpu_layers_are_a_number_or_auto(given: object, meant: int | None) -> None:
    assert merge({"gpu_layers": 3}, {"gpu_layers": given}).gpu_layers == meant


@pytest.mark.parametrize("name", ["particels", "problem", "Particles", "profile"])
def test_unknown_settings_are_named(name: str) -> None:
    with pytest.raises(UsageError, match=name):
        merge({name: 1})


@pytest.mark.parametrize(
    ("method", "final", "particles"),
    [("pf", None, 8), ("bon", "argmax", 8), ("sc", "vote", 8), ("greedy", "vote", 1)],
)
def test_a_method_brings_the_settings_that_go_with_it(
    method: str, final: str | None, particles: int
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
        ({"method": "greedy", "program_temperature": 0.3}, "temperature 0"),
        ({"method": "sc", "final": "argmax"}, "highest score"),
        ({"deduplicate": True, "weights": "ratio"}, "score"),
        ({"deduplicate": True, "method": "pg"}, "reference"),
        ({"reward": "none", "final": "argmax"}, "final=argmax goes by scores"),
        ({"reward": "none", "method": "bon"}, "method=bon goes by scores"),
        ({"reward": "none", "method": "beam", "final": "vote"}, "method=beam goes by scores"),
        ({"reward": "none", "preset": "paper"}, "final=argmax goes by scores"),
        ({"early_stop": True, "final": "argmax"}, "vote"),
        ({"early_stop": True, "method": "pg"}, "first sweep"),
        ({"early_stop": True, "method": "tempering"}, "first sweep"),
        ({"method": "magic"}, "magic"),
        ({"sweeps": 0}, "sweeps"),
        ({"parallel": 33, "particles": 8}, "parallel=33"),
        ({"expected_steps": 0}, "expected_steps"),
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
    with pytest.raises(UsageError, match="ladder is"):
        merge({"ladder": ladder})


@pytest.mark.parametrize(
    ("values", "stops"),
    [
        *(({"method": method}, True) for method in ("pf", "entropic", "islands", "sc", "greedy")),
        *(({"method": method}, False) for method in ("bon", "beam", "dvts", "pg", "tempering")),
        ({"method": "bon", "final": "weighted-vote"}, True),
        ({"method": "pf", "final": "argmax"}, False),
        ({"method": "pg", "sweeps": 1}, True),
        ({"method": "pg", "sweeps": 1, "final": "argmax"}, False),
        ({"method": "pf", "early_stop": False}, False),
        ({"method": "beam", "final": "vote", "early_stop": True}, True),
        ({"preset": "paper", "final": "vote"}, False),
    ],
)
def test_a_search_stops_early_where_one_vote_chooses_the_answer(
    values: dict[str, object], stops: bool
) -> None:
    assert merge(values).stops_early is stops


def test_greedy_is_greedy_for_both_kinds() -> None:
    merged = merge({"method": "greedy", "programs": 1})
    assert (merged.temperature, merged.program_temperature, merged.programs) == (0.0, 0.0, 1.0)


def test_without_a_reward_there_is_a_vote() -> None:
    for values in ({}, {"method": "bon", "final": "vote"}, {"final": "argmax", "particles": 1}):
        assert merge({"reward": "none"}, values).reward == "none"


def test_a_user_who_always_deduplicates_can_still_sample() -> None:
    """What a config file says of filters does not stand in the way of methods without one."""
    assert merge({"deduplicate": True}, {"method": "sc"}).deduplicate


# -- declared once --


def test_every_field_of_the_record_is_declared_and_documented() -> None:
    assert set(SETTINGS) == {field.name for field in fields(Settings)} | SEVERAL == set(OTHER)
    for setting in SETTINGS.values():
        assert setting.help.endswith("."), "a sentence"
        assert setting.values or setting.kind is bool
        if setting.default is not None:
            assert setting.checked(setting.default) == setting.default
        elif setting.name not in SEVERAL:
            assert setting.default_text, "what an open value means is said"
    assert {SETTINGS[name].panel for name in MACHINE} == {MODELS, FILES, OUTPUT}


def test_methods_and_presets_speak_of_settings() -> None:
    for values in (*METHODS.values(), *PRESETS.values()):
        assert values.keys() <= SETTINGS.keys()
        merge(values)


def merged(layer: Mapping[str, Any]) -> Settings:
    return merge(*with_profiles(layer, environment=Environment()))


def expected(name: str) -> Settings:
    return merged(
        {other: parsed(other, text) for other, text in WITH.get(name, {}).items()}
        | {name: parsed(name, OTHER[name])}
    )


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_has_a_config_key_a_variable_and_an_option(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = WITH.get(name, {}) | {name: OTHER[name]}
    assert expected(name) != Settings()

    variables = {f"PFSOLVE_{each.upper()}": text for each, text in texts.items()}
    assert merged(read_variables(variables)) == expected(name)

    path = tmp_path / "config.toml"
    lines = (f"{each.replace('_', '-')} = {in_toml(each, text)}" for each, text in texts.items())
    path.write_text("\n".join(lines), encoding="utf-8-sig")  # as Notepad does
    assert merged(read_config(path)) == expected(name)

    for variable in [each for each in os.environ if each.startswith("PFSOLVE_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("PFSOLVE_CONFIG_DIR", str(tmp_path / "another"))
    assert from_the_command_line(texts, monkeypatch) == expected(name)


def in_toml(name: str, text: str) -> str:
    value = parsed(name, text)
    return str(value).lower() if isinstance(value, bool | int | float) else repr(value)


def from_the_command_line(texts: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Settings:
    """What the options `--name text` make of the settings."""
    from pfsolve.cli import run
    from pfsolve.environment import Environment

    found: list[Settings] = []
    for solve in ("one.solve_one", "many.solve_file"):
        monkeypatch.setattr(
            f"pfsolve.cli.{solve}", lambda _, settings, *more: found.append(settings)
        )
    argv = ["-f", str(REFERENCE)] if "parallel" in texts else ["2 + 2?"]
    for name, text in texts.items():
        if SETTINGS[name].kind is not bool:
            argv += [as_option(name), text]
        else:
            argv.append(as_option(name if parsed(name, text) else f"no_{name}"))
    assert run(argv, Environment()) == 0
    return found[0]


def test_variables_win_over_the_config_file_and_say_nothing_when_empty() -> None:
    config = {"particles": 4, "offline": True, "seed": 3}
    variables = {"PFSOLVE_PARTICLES": "16", "PFSOLVE_OFFLINE": "no", "PFSOLVE_SEED": ""}
    merged = merge(config, read_variables(variables))
    assert (merged.particles, merged.offline, merged.seed) == (16, False, 3)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("particles", "many", "'many', which is no whole number"),
        ("particles", "300", "300, which is out of range"),
        ("temperature", "hot", "'hot', which is no number"),
        ("temperature", "nan", "nan, which is out of range"),
        ("programs", "1.5", "1.5, which is out of range"),
        ("programs", "-0.5", "-0.5, which is out of range"),
        ("program_temperature", "nan", "nan, which is out of range"),
        ("top_p", "0", "0, which is out of range"),
        ("deduplicate", "perhaps", "'perhaps', which is neither true nor false"),
        ("gpu_layers", "most", "'most', which is no whole number"),
        ("weights", "heavy", "'heavy', which is unknown"),
        ("time", "soon", "'soon', which is no time span"),
        ("time", "0s", "0, which is out of range"),
    ],
)
def test_a_wrong_value_is_named_with_where_it_comes_from(
    name: str, text: str, says: str, tmp_path: Path
) -> None:
    variable = f"PFSOLVE_{name.upper()}"
    with pytest.raises(UsageError) as caught:
        read_variables({variable: text})
    assert caught.value.spelled(as_option)[0] == f"{variable} is {says}"
    assert caught.value.hint or name == "deduplicate"

    with pytest.raises(UsageError) as caught:
        merge({name: parsed(name, text)})
    assert caught.value.message == f"{name} is {says}"
    assert caught.value.spelled(as_option)[0] == f"{as_option(name)} is {says}"

    path = tmp_path / "config.toml"
    path.write_text(f"{name} = {text if re.fullmatch(r'nan|[-0-9.]+', text) else repr(text)}")
    with pytest.raises(UsageError) as caught:
        read_config(path)
    assert caught.value.spelled(as_option)[0].startswith(f"{path}, line 1: {name} is ")


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("particle", "did you mean 'particles'?"),
        ("Max-Steps", "did you mean 'max_steps'?"),
        ("profil", "did you mean 'profile'?"),
        ("record", "for the command line only"),
        ("quiet", "for the command line only"),
    ],
)
def test_an_unknown_key_is_named_with_its_file_and_the_nearest_setting(
    key: str, hint: str, tmp_path: Path
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f"ladder = [4,\n  1]\n{key} = 4")
    with pytest.raises(UsageError) as caught:
        read_config(path)
    assert caught.value.message == f"{path}, line 3: unknown setting {key!r}"
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("particles", 0, "choose a whole number: 1 to 256"),
        ("seed", -1, "choose a whole number: 0 to 2^63 - 1"),
        ("gpu_layers", -1, "choose a whole number: 0 and up, or auto"),
        ("parallel", 0, "choose a whole number: 1 to 256, or auto"),
        ("top_p", 0.0, "choose a number: above 0, to 1"),
        ("softmax_temperature", 0.0, "choose a number: 0.001 to 1000"),
    ],
)
def test_a_hint_says_in_words_which_values_are_allowed(name: str, value: float, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        merge({name: value})
    assert caught.value.hint == hint


def test_python_callers_read_python_and_the_command_line_reads_options() -> None:
    with pytest.raises(UsageError, match=r"^particles is 300, which is out of range\nchoose"):
        Settings(particles=300)
    with pytest.raises(UsageError) as caught:
        Settings(early_stop=True, final="argmax")
    assert (
        caught.value.message
        == "early_stop waits until a vote is settled, and final=argmax holds none"
    )
    assert caught.value.spelled(as_option) == (
        "--early-stop waits until a vote is settled, and --final argmax holds none",
        "use --final weighted-vote",
    )


@pytest.mark.parametrize(
    "values",
    [{"particles": "8"}, {"particles": 2.5}, {"seed": True}, {"policy": 5}, {"method": None}],
)
def test_the_record_itself_refuses_a_wrong_type(values: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=f"^{next(iter(values))} is "):
        Settings(**values)


# -- the reference --


def row(setting: Setting) -> str:
    """The line of the table in REFERENCE."""
    values = f"`{setting.values}`".replace("|", "`, `") if setting.values else ""
    if setting.range:
        values = setting.range + (" or `auto`" if setting.auto else "")
    flags = f"`{as_option(setting.name)}`" + (f", `{setting.short}`" if setting.short else "")
    default = setting.default_shown or ("off" if setting.kind is bool else "none")
    return f"| {flags} | {setting.help} | {values} | {default} |"


def test_the_readme_has_a_line_for_every_setting_of_the_method_in_order() -> None:
    wanted = [row(each) for each in SETTINGS.values() if each.panel in (METHOD, SAMPLING)]
    assert "\n".join(wanted) in REFERENCE.read_text(encoding="utf-8")


def edges(setting: Setting) -> tuple[list[Any], list[Any]]:
    """Numbers at the ends of a setting's range, and just past them."""
    low, high = setting.between
    if setting.kind is int:
        high = min(high, 2**63 - 1)
        return [int(low), int(high)], [int(low) - 1, int(high) + 1, 10**5000]
    least = nextafter(low, inf) if setting.above else low
    most = min(high, 2.0**62)
    past = [nextafter(least, -inf), nextafter(high, inf), inf, -inf, nan]
    return [least, most], past if high < inf else past[2:]


@pytest.mark.parametrize(
    "name", [name for name, setting in SETTINGS.items() if setting.kind in (int, float)]
)
def test_a_number_at_the_ends_of_its_range_is_taken_and_none_past_them(name: str) -> None:
    setting = SETTINGS[name]
    good, bad = edges(setting)
    for value in good:
        assert setting.checked(value) == value
        others = {key: parsed(key, text) for key, text in WITH.get(name, {}).items()}
        try:
            chosen = merge(others, {name: value})
        except UsageError:  # it contradicts the others
            continue
        assert dumps(chosen.to_dict())
        hash_of(chosen.to_dict(), {})
    for value in bad:
        with pytest.raises(UsageError, match="out of range") as caught:
            merge({name: value})
        assert len(str(caught.value)) < 200
