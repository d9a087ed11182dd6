"""Completion offers commands, choices, models and, by offering nothing, files."""

from __future__ import annotations

from pathlib import Path

import pytest

from pfsolve.cli import run
from pfsolve.environment import Environment
from pfsolve.models.catalogue import load_catalogue
from pfsolve.settings import METHODS
from tests.cli.test_models import TINY


@pytest.fixture(autouse=True)
def plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PFSOLVE_CONFIG_DIR", str(tmp_path))


def offered(
    line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> list[str]:
    """What bash is told at the end of a line."""
    words = line.split(" ")
    monkeypatch.setenv("COMP_WORDS", "\n".join(words))
    monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
    monkeypatch.setenv("_PFSOLVE_COMPLETE", "complete_bash")
    with pytest.raises(SystemExit):
        run([], Environment())
    out, err = capsys.readouterr()
    assert err == ""
    return out.split()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("pfsolve mo", ["models"]),
        ("pfsolve --met", ["--method"]),
        ("pfsolve --ver", ["--version", "--verbose"]),
        ("pfsolve solve --pre", ["--preset"]),
        ("pfsolve --method p", ["pf", "pg"]),
        ("pfsolve --method=p", ["pf", "pg"]),
        ("pfsolve --method = p", ["pf", "pg"]),
        ("pfsolve --weights =", ["score", "ratio"]),
        ("pfsolve -n 8 --resampling=s", ["systematic", "stratified"]),
        ("pfsolve models convert --type = Q", ["Q8_0", "Q4_K_M"]),
        ("pfsolve -n 8 --weights ", ["score", "ratio"]),
        ("pfsolve --gpu-layers ", ["auto"]),
        ("pfsolve --input j", ["jsonl"]),
        ("pfsolve --preset ", ["paper"]),
        ("pfsolve --profile b", ["balanced"]),
        ("pfsolve --reward c", ["confidence"]),
        ("pfsolve --reward qwen2.5-math-prm", ["qwen2.5-math-prm-7b"]),
        ("pfsolve --policy smollm2", ["smollm2-135m-instruct"]),
        ("pfsolve --policy ./mine", []),
        ("pfsolve -f p", []),
        ("pfsolve --temperature ", []),
        ("pfsolve results s", ["summary"]),
        ("pfsolve ser", ["serve"]),
        ("pfsolve serve --ho", ["--host"]),
        ("pfsolve models show smollm2", ["smollm2-135m-instruct"]),
        ("pfsolve models pull smollm3-3b smollm2", ["smollm2-135m-instruct"]),
        ("pfsolve models convert --type Q", ["Q8_0", "Q4_K_M"]),
        ("pfsolve bench --method w", ["wbon"]),
        ("pfsolve bench p.jsonl --baseline ", ["sc", "bon", "wbon"]),
        ("pfsolve reward eval f --resampling ", []),
        ("pfsolve help mod", ["models"]),
        ("pfsolve help models pu", ["pull"]),
    ],
)
def test_bash(
    line: str,
    words: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert offered(line, monkeypatch, capsys) == words


def test_all_commands_methods_and_policies(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert {"solve", "bench", "help", "models"} <= set(offered("pfsolve ", monkeypatch, capsys))
    methods = offered("pfsolve --method ", monkeypatch, capsys)
    assert set(methods) == METHODS.keys() - {"tempering"}, "experimental ones are not offered"
    kinds = {entry.name: entry.kind for entry in load_catalogue(tmp_path).entries.values()}
    policies = offered("pfsolve --policy ", monkeypatch, capsys)
    assert policies == [name for name, kind in kinds.items() if kind == "policy"]
    rewards = offered("pfsolve --reward ", monkeypatch, capsys)
    assert set(rewards) >= {name for name, kind in kinds.items() if kind == "prm"} | {"probe"}


def test_the_users_own_models_are_offered_and_a_broken_file_says_nothing_here(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    own = tmp_path / "models.toml"
    own.write_text(TINY)
    assert offered("pfsolve --policy ti", monkeypatch, capsys) == ["tiny"]
    own.write_text("[[models")
    assert offered("pfsolve --policy ti", monkeypatch, capsys) == []


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells(
    shell: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
    monkeypatch.setenv("_PFSOLVE_COMPLETE", f"complete_{shell}")
    for line, word in (("pfsolve mo", "models"), ("pfsolve --resampling st", "stratified")):
        monkeypatch.setenv("_TYPER_COMPLETE_ARGS", line)
        with pytest.raises(SystemExit):
            run([], Environment())
        assert word in capsys.readouterr().out
