"""Text from outside that a terminal would obey or hide reaches none, whichever command shows it."""

from __future__ import annotations

import io
import json
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from pfsolve.cli import run
from pfsolve.environment import Environment
from pfsolve.files import dumps
from pfsolve.results.run_record import with_events
from tests.results.conftest import PROBLEMS, origin, solution

# A colour, a title, a cleared screen, C1, text direction, no width, a tag, Rich's markup.
BAD = "a\x1b[31m\x1b]0;t\x07\x1b[2J\x9b2K\x85\u202e\u2066\u200b\ufeff\U000e0041\r[red]b[/red] [/x]"
KEPT = "[red]b[/red] [/x]"  # what may be seen of it
HIDDEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}

Shown = Callable[..., str]


class Stream(io.StringIO):
    """A pipe or a terminal."""

    terminal = False

    def isatty(self) -> bool:
        return self.terminal


def in_toml(text: str) -> str:
    return (
        '"'
        + "".join(c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08x}" for c in text)
        + '"'
    )


@pytest.fixture(params=[False, True], ids=["pipe", "terminal"])
def shown(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shown:
    """Run a command here; what it wrote to both streams, without the colours of ours."""
    monkeypatch.chdir(tmp_path)
    for name in ("CONFIG", "STATE", "MODELS", "PROGRAMS"):
        monkeypatch.setenv(f"PFSOLVE_{name}_DIR", str(tmp_path / name.lower()))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (tmp_path / "config").mkdir()
    monkeypatch.setattr(Stream, "terminal", request.param)

    def show(*argv: str) -> str:
        streams = Stream(), Stream()
        monkeypatch.setattr("sys.stdout", streams[0])
        monkeypatch.setattr("sys.stderr", streams[1])
        run(argv, Environment())
        written = "".join(stream.getvalue() for stream in streams)
        plain = re.sub(r"\x1b\[[0-9;]*m|\x1b\[\?25[hl]", "", written)
        bad = {c for c in plain if unicodedata.category(c) in HIDDEN and c not in "\n\t"}
        assert not bad, (argv, bad)
        assert "this is a bug" not in plain
        return plain

    return show


def write(path: str, text: str) -> None:
    Path(path).write_text(text, encoding="utf-8")


def test_the_users_own_models(shown: Shown) -> None:
    bad = in_toml(BAD)
    write(
        "config/models.toml",
        f'[[models]]\nname = "mine"\nfile = "mine.gguf"\ndescription = {bad}\nlicence = {bad}\n'
        f'chat_format = {bad}\nsystem = {bad}\nsource = {{ repo = "me/mine" }}\n'
        f'[[profiles]]\nname = "own"\npolicy = "mine"\ndescription = {bad}\n',
    )
    assert KEPT in shown("models", "show", "mine")
    listed = ("models", "list"), ("models", "list", "--json")
    for command in (*listed, ("models", "suggest"), ("models", "path", "mine")):
        shown(*command)
    shown("x", "--policy", "mine", "--offline")
    shown("x", "--profile", "own", "--offline")
    for line in (f"{bad} = 1", f"[[models]]\nname = {bad}", f"[[models]]\n{bad} = 1", f"x = {BAD}"):
        write("config/models.toml", line.replace("\r", ""))
        assert "Error: " in shown("models", "list")


def test_the_users_own_settings(shown: Shown) -> None:
    for key in ("policy", "method", "reward", in_toml(BAD)):
        write("config/config.toml", f"{key} = {in_toml(BAD)}")
        shown("config", "show")
        shown("config", "path")
        assert "Error: " in shown("x", "--offline")


@pytest.mark.parametrize(
    "argv",
    [
        ("x", "--policy", BAD), ("x", "--reward", BAD), ("x", "--method", BAD), ("x", f"--{BAD}"),
        ("x", BAD),
        ("-f", BAD), ("x", "--preset", BAD), ("x", "--profile", BAD), ("x", "--temperature", BAD), (BAD,),
        ("models", "show", BAD), ("models", "pull", BAD), ("models", "remove", BAD), ("models", BAD),
        ("show", BAD), ("report", BAD), ("config", "set", BAD, "1"), ("config", "set", "policy", BAD),
        ("config", "get", BAD), ("results", "summary", BAD), ("results", "merge", BAD), ("help", BAD),
        ("score", BAD), ("bench", BAD), ("bench", "-f", BAD), ("programs", "run", BAD),
        ("reward", "eval", BAD),
        ("reward", "train", BAD), ("serve", "--host", BAD), ("models", "convert", BAD), ("doctor", BAD),
        ("x", "--ladder", BAD), ("x", "--field", BAD), ("-f", "p.txt", "--shard", BAD), ("x", "-o", BAD),
    ],
    ids=lambda argv: " ".join(argv).replace(BAD, "BAD"),
)  # fmt: skip
def test_arguments(argv: tuple[str, ...], shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    write("p.txt", "")
    monkeypatch.setenv("PFSOLVE_OFFLINE", "1")
    monkeypatch.setenv("PFSOLVE_POLICY", "mine.gguf")
    monkeypatch.setenv("PFSOLVE_STEPZ", BAD)
    assert "Error: " in shown(*argv)


def test_results_and_records(shown: Shown) -> None:
    problem = PROBLEMS[0]
    line = origin().solved(problem, solution(problem, BAD), particles=True)
    hostile = {**line, "problem": BAD, "answer": BAD, "expected": BAD, "id": BAD}
    hostile["settings"] = {**line["settings"], "policy": BAD, BAD: BAD}
    hostile["versions"] = {BAD: BAD}
    texts = {"steps": [BAD, BAD], "answer": BAD, "output": BAD, "error": BAD}
    kinds = ("text", "program")
    hostile["particles"] = [{**line["particles"][0], **texts, "kind": kind} for kind in kinds]
    events = [{"event": BAD}, {"event": "StepScored", BAD: BAD}]
    write("r.json", dumps({**with_events(hostile, []), "events": events}))
    assert KEPT in shown("show", "r.json")
    for options in (("--all",), ("--raw",), ("--json",), ("--all", "--raw")):
        shown("show", "r.json", *options)
    shown("report", "r.json", "-o", "r.html")
    shown("report", "r.json")
    html = Path("r.html").read_text("utf-8")
    assert not {c for c in html if unicodedata.category(c) in HIDDEN and c != "\n"}
    failed = {**hostile, "error": {"kind": BAD, "message": BAD}, "answer": None, "chosen": None}
    write("f.json", dumps(failed))
    shown("show", "f.json", "--all")
    write(
        "r.jsonl",
        "".join(dumps(each) + "\n" for each in (hostile, {**line, "settings_hash": BAD}, failed)),
    )
    write(
        "bad.jsonl", dumps(line) + f'\n{{"schema": 2, "id": "1", "{BAD}": 1}}\n'.replace("\r", "")
    )
    for command in ("summary", "merge"):
        for file in ("r.jsonl", "bad.jsonl"):
            shown("results", command, file)
            shown("results", "summary", file, "--json")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "p.jsonl",
            json.dumps({"problem": BAD, BAD: BAD, "id": BAD, "answer": BAD}) + '\n{"x": 1}\n',
        ),
        ("p.jsonl", json.dumps({BAD: BAD})),
        ("p.jsonl", f'{{"problem": {BAD}'),
        ("p.jsonl", json.dumps({"problem": "x", "choices": f"['{BAD}\\\x1b', 2]"})),
        ("p.csv", f"{BAD},x\n1,2\n".replace("\r", "")),
        ("p.csv", f'problem,"{BAD}\n'.replace("\r", "")),
        ("p.txt", f"{BAD}\n\n"),
        (BAD.replace("/", "") + ".xml", "x"),
    ],
    ids=range(8),
)
def test_files_of_problems(name: str, text: str, shown: Shown) -> None:
    write(name, text)
    for more in ((), ("--field", BAD), ("-o", "out.csv")):
        shown("-f", name, "--policy", "none.gguf", "--offline", *more)
    shown("bench", name, "--policy", "none.gguf", "--offline")
    shown("reward", "eval", name, "--reward", "none.gguf")
