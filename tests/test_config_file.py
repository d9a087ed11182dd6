"""A line of config.toml is found, and changed without touching the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from pfsolve.errors import UsageError
from pfsolve.settings import changed, config_layer, config_lines, read_config

PATH = Path("config.toml")
TEXT = """\
# of my laptop

particles   =  8  # not "16"  # nor 4
"max-steps" = 30
policy = 'a # b'    # mine
ladder = [
  4,
  1,
]
reward = \"""
none\"""
time = "2m\""""


def test_each_setting_has_its_line() -> None:
    assert config_lines(TEXT) == {
        "particles": 3, "max_steps": 4, "policy": 5, "ladder": 6, "reward": 10, "time": 12,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "old", "new"),
    [
        ("particles", "16", "=  8  #", "=  16  #"),
        ("max_steps", "40", '"max-steps" = 30', '"max-steps" = 40'),
        ("policy", 'c"d', "'a # b'    # mine", '"c\\"d"    # mine'),
        ("ladder", "3,2", "[\n  4,\n  1,\n]", '"3,2"'),
        ("reward", "probe", '"""\nnone"""', '"probe"'),
        ("time", "90", '"2m"', "90"),
        ("time", "1m30s", '"2m"', '"1m30s"'),
        ("offline", "yes", '"2m"', '"2m"\noffline = true\n'),
        ("temperature", ".5", '"2m"', '"2m"\ntemperature = 0.5\n'),
        ("gpu_layers", "auto", '"2m"', '"2m"\ngpu_layers = "auto"\n'),
        ("policy", "5", "'a # b'", '"5"'),
        ("policy", '5"\nparticles = 4 # "', "'a # b'", r'"5\"\nparticles = 4 # \""'),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_one_value_changes_and_every_other_character_stays(
    name: str, value: str, old: str, new: str, end: str
) -> None:
    before, wanted = (text.replace("\n", end) for text in (TEXT, TEXT.replace(old, new)))
    assert changed(before, {name: value}, PATH) == wanted
    assert name in config_layer(wanted, PATH)


def test_several_change_at_once_and_an_empty_file_gets_a_line() -> None:
    text = changed("", {"method": "beam", "particles": "12"}, PATH)
    assert text == 'method = "beam"\nparticles = 12\n'


@pytest.mark.parametrize(
    ("text", "name", "value", "says"),
    [
        ("", "particles", "300", "particles is 300, which is out of range"),
        ("", "particle", "3", "unknown setting 'particle'"),
        ("", "offline", "perhaps", "neither true nor false"),
        ("", "policy", "\x7f", "which a TOML file cannot hold"),
        ("particles = ", "particles", "3", "cannot read config.toml"),
        ("\nladder = [4, # hot\n 1]", "ladder", "2,1", "line 2: ladder has comments inside"),
    ],
)
def test_what_cannot_be_written_is_refused(text: str, name: str, value: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        changed(text, {name: value}, PATH)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("\n[search]\nparticles = 4", "line 2: [search] is a section"),
        ("max-steps = 3\nmax_steps = 4", "line 2: max_steps is there twice"),
        ("seed = 1\nmethod = pf", "(at line 2"),
    ],
)
def test_an_error_names_file_and_line(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_config(path)
    assert str(path) in caught.value.message
    assert says in caught.value.message
    assert caught.value.hint
