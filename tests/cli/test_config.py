"""`pfsolve config`: each place that may say a setting is named, and one of them can be written."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from pfsolve.cli import run
from pfsolve.environment import Environment
from pfsolve.settings import SETTINGS, read_config

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The config file of a user of their own, which is not there yet, with all variables cleared."""
    for variable in [each for each in os.environ if each.startswith("PFSOLVE_")]:
        if variable != "PFSOLVE_MODELS_DIR":
            monkeypatch.delenv(variable)
    monkeypatch.setenv("PFSOLVE_CONFIG_DIR", str(tmp_path / "config"))
    return tmp_path / "config" / "config.toml"


def pfsolve(*words: str) -> int:
    return run(words, Environment())


def shown(capsys: Capture, *words: str) -> dict[str, tuple[object, str | None]]:
    assert pfsolve("config", "show", "--json", *words) == 0
    settings = json.loads(capsys.readouterr().out)["settings"]
    assert settings.keys() == SETTINGS.keys() - {"preset", "profile"}
    return {
        name: (each["value"], each["where"] or each["source"]) for name, each in settings.items()
    }


def test_each_value_has_its_origin(
    file: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.parent.mkdir()
    file.write_text("# mine\nmax-steps = 30\nprofile = 'small'\nthreads = 2\nmethod = 'sc'\n")
    monkeypatch.setenv("PFSOLVE_PRESET", "paper")
    monkeypatch.setenv("PFSOLVE_SEED", "7")
    found = shown(capsys, "--method", "pf", "-n", "4", "--reward", "confidence")
    own = "qwen2.5-math-1.5b-instruct's own"
    assert found["max_steps"] == (40, "preset paper")
    assert found["threads"] == (2, "config.toml, line 4")
    assert found["policy"] == ("qwen2.5-math-1.5b-instruct", "profile small")
    assert found["method"] == ("pf", "--method")
    assert found["particles"] == (4, "--particles")
    assert found["seed"] == (7, "PFSOLVE_SEED")
    assert found["max_step_tokens"][1] in (own, "default")
    assert found["beam_width"] == (4, "default")
    assert found["context"] == (None, "default")
    assert shown(capsys, "--method", "greedy", "--preset", "paper")["particles"] == (
        1, "method greedy",
    )  # fmt: skip


def test_what_a_policy_says_itself_is_told(file: Path, capsys: Capture) -> None:
    found = shown(capsys, "--policy", "qwen2.5-coder-1.5b-instruct")
    own = "qwen2.5-coder-1.5b-instruct's own"
    assert found["programs"] == (0.5, own)
    assert found["reward"] == ("probe", own)
    assert shown(capsys, "--policy", "qwen2.5-coder-1.5b-instruct", "--programs", "0")[
        "programs"
    ] == (0.0, "--programs")


def test_what_is_set_is_shown_with_its_line(
    file: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PFSOLVE_SEED", "7")
    assert pfsolve("config", "set", "max-steps", "30", "seed", "3") == 0
    out, err = capsys.readouterr()
    assert out == "max_steps = 30\nseed = 3\n"
    assert err == "PFSOLVE_SEED=7 wins over it\n"
    assert read_config(file) == {"max_steps": 30, "seed": 3}
    assert pfsolve("config", "show") == 0
    lines = capsys.readouterr().out.splitlines()
    assert "max_steps\t30\tconfig.toml, line 1" in lines
    assert "seed\t7\tPFSOLVE_SEED" in lines
    assert pfsolve("config", "path") == 0
    assert capsys.readouterr().out == f"{file}\n"


def test_a_link_stays_a_link_and_permissions_stay(file: Path, tmp_path: Path) -> None:
    kept = tmp_path / "dotfiles.toml"
    kept.write_text("# all mine\n")
    kept.chmod(0o600)
    file.parent.mkdir()
    file.symlink_to(kept)
    assert pfsolve("config", "set", "particles", "4") == 0
    assert file.is_symlink()
    assert kept.read_text() == "# all mine\nparticles = 4\n"
    assert kept.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("words", "says", "hint"),
    [
        (("particle", "4"), "unknown setting 'particle'", "'particles'"),
        (("particles", "many"), "particles is 'many', which is no whole number", "1 to 256"),
        (("particles",), "'particles' has no value", "pfsolve config set"),
        (("method", "beam", "particles", "6"), "particles is 6, which is no", "use particles 8"),
        (("policy", "qwen3-4bb"), "policy is 'qwen3-4bb', which is no model", "qwen3-4b"),
        (("reward", "confidense"), "reward is 'confidense', which is unknown", "confidence"),
        (("profile", "tiny"), "profile is 'tiny', which is unknown", "small"),
    ],
)
def test_what_no_run_could_use_is_not_written(
    words: tuple[str, ...], says: str, hint: str, file: Path, capsys: Capture
) -> None:
    file.parent.mkdir()
    file.write_text("# nothing yet\n")
    assert pfsolve("config", "set", *words) != 0
    complaint, advice = capsys.readouterr().err.splitlines()
    assert complaint.startswith(f"Error: {says}")
    assert hint in advice
    assert file.read_text() == "# nothing yet\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x = " + "[" * 50_000, "nested too deeply"),
        ("particles = " + "9" * 5000, "digits"),
        ("particles = 0x" + "f" * 5000, "out of range"),
        ("policy = ''", "empty"),
    ],
    ids=["deep", "digits", "hexadecimal", "empty"],
)
def test_a_value_that_is_too_much_or_nothing_is_refused(
    file: Path, capsys: Capture, text: str, says: str
) -> None:
    file.parent.mkdir()
    file.write_text(text)
    assert pfsolve("config", "show") == 2
    error, *_ = capsys.readouterr().err.splitlines()
    assert str(file) in error
    assert says in error


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with a name")
def test_a_pipe_is_no_config_file(file: Path, capsys: Capture) -> None:
    file.parent.mkdir()
    os.mkfifo(file)
    assert pfsolve("config", "show") == 2
    assert "it is a pipe or a device" in capsys.readouterr().err


def test_the_list_of_models_is_of_the_users_settings(
    file: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def listed(**variables: str) -> tuple[int, int, str]:
        for name, value in variables.items():
            monkeypatch.setenv(f"PFSOLVE_{name}", value)
        assert pfsolve("models", "list", "--json") == 0
        found = json.loads(capsys.readouterr().out)
        of = {each["name"]: each["memory_bytes"] for each in found["models"] + found["profiles"]}
        default = next(each["name"] for each in found["models"] if each["default"])
        return of["qwen3-4b"], of["small"], default

    usual = listed()
    more = listed(PARTICLES="16", CONTEXT="1024", POLICY="qwen3-8b")
    assert more[0] == usual[0], "twice as many particles of half the length"
    assert more[1] < usual[1], "a profile has its own particles"
    assert more[2] == "qwen3-8b" != usual[2]


def test_training_takes_its_seed_from_where_settings_are(
    file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seeds = []
    monkeypatch.setattr(
        "pfsolve.cli.probe._collect", lambda *given: seeds.append(given[-2]) or "none"
    )
    problems = tmp_path / "sums.jsonl"
    problems.write_text('{"problem": "What is 2 + 3?", "answer": "5"}\n')
    words = ("reward", "train", "--problems", str(problems), "--keep", str(tmp_path / "kept"))
    for more, variable in (((), ""), ((), "7"), (("--seed", "8"), "7")):
        monkeypatch.setenv("PFSOLVE_SEED", variable)
        assert pfsolve(*words, *more) != 0, "nothing was written to learn from"
    assert seeds == [0, 7, 8]
