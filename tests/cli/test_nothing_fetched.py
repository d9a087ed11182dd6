"""Whatever is wrong with a command line or its files is said before a model is fetched or loaded."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest

from pfsolve.cli import run
from pfsolve.engine import library
from pfsolve.environment import Environment
from pfsolve.errors import ModelMissing
from pfsolve.models import resolve
from pfsolve.problems import Problem
from pfsolve.results.file import ResultsFile
from pfsolve.results.line import Origin
from pfsolve.settings import Settings
from tests.results.conftest import solution

REACHED = "here a model would be fetched"
WITH_PROBE = "qwen2.5-coder-1.5b-instruct"

COMMANDS: dict[str, tuple[str, ...]] = {
    "solve": ("1+1",),
    "file": ("-f", "problems.txt"),
    "bench": ("bench", "answered.jsonl"),
    "score": ("score", "1+1", "solution.txt"),
    "eval": ("reward", "eval", "labelled.jsonl"),
    "train": ("reward", "train", "--problems", "answered.jsonl"),
}
REWARDS = ("prob", "no.npz", "no/such.gguf", "smollm2-135m-instruct", "solution.txt/x.npz")
POLICIES = ("qwen", "./no.gguf", "no/such.gguf", "skywork-o1-prm-1.5b", "problems.txt/")
UNWRITABLE = "problems.txt/out"  # below a file

WRONG: list[tuple[str, ...]] = [
    *(("solve", "--reward", name) for name in REWARDS),
    *(("file", "--reward", name) for name in REWARDS),
    *(("bench", "--reward", name) for name in REWARDS),
    *(("bench", "--method", "sc", "--method", f"pf reward={name}") for name in REWARDS),
    *(("score", "--reward", name) for name in (*REWARDS, "none")),
    *(("eval", "--reward", name) for name in REWARDS),
    *((command, "--policy", name) for command in COMMANDS for name in POLICIES),
    *((command, "--gpu-layers", "most") for command in COMMANDS),
    *((command, "--context", "99999999") for command in COMMANDS),
    *(
        (command, *words)
        for command in ("solve", "file")
        for words in (
            ("--method", "magic"),
            ("--resampling", "lottery"),
            ("--preset", "pencil"),
            ("--profile", "heroic"),
            ("--programs", "2"),
            ("-n", "0"),
            ("--islands", "4"),
            ("--json=fully",),
            ("--record", UNWRITABLE),
        )
    ),
    ("solve", "-o", "out.jsonl"),
    ("solve", "--parallel", "2"),
    ("solve", "-f", "problems.txt"),
    ("file", "-o", f"{UNWRITABLE}.jsonl"),
    ("file", "-o", "out.csv"),
    ("file", "-o", "labelled.jsonl"),
    ("file", "--resume"),
    ("file", "--shard", "3/2"),
    ("file", "--field", "colour=red"),
    ("file", "--field", "question"),
    ("file", "--input", "pictures"),
    ("file", "--parallel", "200", "-n", "4"),
    ("file", "-f", "answered.jsonl"),
    ("", "-f", "nowhere.txt"),
    ("", "-f", "."),
    ("", "-f", "empty.txt"),
    ("", "-f", "bad.jsonl"),
    ("", "-f", "bad.jsonl", "-o", "out.jsonl"),
    ("bench", "--method", "magic"),
    *((command, "--threads", "100000") for command in COMMANDS),
    *((command, "--policy", "~no-such-user/x.gguf") for command in COMMANDS),
    ("solve", "--reward", "~no-such-user/x.npz"),
    ("solve", "--policy", ""),
    ("bench", "--method", "pf 'open"),
    ("bench", "--method", "pf islands=4"),
    ("bench", "--method", "pf", "--rollouts", "4"),
    ("bench", "--sizes", "few"),
    ("bench", "--sizes", "0"),
    ("bench", "--baseline", "greedy"),
    ("bench", "--plot", "plot.doc"),
    ("bench", "--plot", f"{UNWRITABLE}.png"),
    ("bench", "--record", UNWRITABLE),
    ("bench", "-o", f"{UNWRITABLE}.jsonl"),
    ("bench", "-o", "out.csv"),
    ("", "bench", "nowhere.jsonl"),
    ("", "bench", "problems.txt"),
    ("", "score", "1+1", "nowhere.txt"),
    ("", "score", "1+1", "empty.txt"),
    ("", "score", "", "solution.txt"),
    ("score", "--aggregate", "model"),
    ("solve", "--aggregate", "model", "--reward", "head.npz"),
    ("", "reward", "eval", "nowhere.jsonl"),
    ("", "reward", "eval", "answered.jsonl"),
    ("eval", "-o", f"{UNWRITABLE}.jsonl"),
    ("", "reward", "train"),
    ("", "reward", "train", "--problems", "nowhere.jsonl"),
    ("", "reward", "train", "--problems", "problems.txt"),
    ("train", "-o", "head.txt"),
    ("train", "-o", f"{UNWRITABLE}.npz"),
    ("train", "--keep", UNWRITABLE),
]


@pytest.fixture(autouse=True)
def nothing_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files to name; no model, a Hub that nobody answers for, and a word where one would be fetched."""
    monkeypatch.chdir(tmp_path)
    for name in ("PFSOLVE_OFFLINE", "HF_HUB_OFFLINE", "PFSOLVE_POLICY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PFSOLVE_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("PFSOLVE_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    for name, text in {
        "problems.txt": "1+1\n2+2\n",
        "answered.jsonl": '{"problem": "1+1", "answer": "2"}\n',
        "labelled.jsonl": '{"problem": "1+1", "steps": ["2"], "first_error": -1}\n',
        "solution.txt": "It is 2.\n",
        "empty.txt": "\n",
        "bad.jsonl": '{"answer": 4}\nnot JSON\n',
    }.items():
        (tmp_path / name).write_text(text)

    def pull(*_: Any, **__: Any) -> NoReturn:
        raise ModelMissing(REACHED)

    monkeypatch.setattr(resolve, "pull", pull)


def outcome(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    command, *more = words
    code = run([*COMMANDS.get(command, ()), *more], Environment())
    out, err = capsys.readouterr()
    assert out == ""
    return code, err


@pytest.mark.parametrize("command", COMMANDS)
def test_the_same_command_with_nothing_wrong_goes_to_fetch(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, err = outcome((command, "--policy", WITH_PROBE), capsys)
    assert code == 4
    assert REACHED in err


@pytest.mark.parametrize("words", WRONG, ids=" ".join)
def test_nothing_is_fetched_for_what_is_wrong(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    before = sorted(path.name for path in tmp_path.iterdir())
    code, err = outcome(words, capsys)
    assert code in (1, 2, 4, 5), err
    assert REACHED not in err
    assert sum(line.startswith("Error: ") for line in err.splitlines()) == 1
    left = {path.name for path in tmp_path.iterdir()} - {"models", "config"}
    assert sorted(left) == before, "and no file is left behind"
    assert not list(tmp_path.glob("models/*.gguf"))


@pytest.mark.parametrize(
    ("config", "words", "says"),
    [
        ('profile = "heroic"', ("solve",), "profile in {}, line 1 is 'heroic', which is unknown"),
        (
            "particles = 6",
            ("solve", "--method", "beam"),
            "particles in {}, line 1 is 6, which is no multiple",
        ),
        ("parallel = 64", ("solve",), "parallel = 64 in {}, line 1 with 8 particles each"),
        ("parallel = 64", ("solve", "--parallel=65"), "--parallel 65 with 8 particles each"),
        (
            "context = 99999999",
            ("solve", "--policy", WITH_PROBE),
            "context in {}, line 1 is 99999999",
        ),
        ("", ("solve", "-n6"), "--particles is 6"),
        ("", ("solve",), "PFSOLVE_PARTICLES is 6"),
    ],
)
def test_what_contradicts_is_named_with_where_it_comes_from(
    config: str,
    words: tuple[str, ...],
    says: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "config" / "config.toml"
    path.parent.mkdir()
    path.write_text(config)
    if not config:
        monkeypatch.setenv("PFSOLVE_METHOD", "beam")
        monkeypatch.setenv("PFSOLVE_PARTICLES", "6")
    code, err = outcome(words, capsys)
    assert code == 2
    assert f"Error: {says.format(path)}" in err
    assert REACHED not in err


def test_a_folder_of_heads_that_cannot_be_written(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "probes").write_text("a file")
    code, err = outcome(("train", "--policy", WITH_PROBE), capsys)
    assert code == 2
    assert f"cannot write to {tmp_path / 'config' / 'probes'}" in err
    assert REACHED not in err


def test_a_file_that_is_done_is_resumed_without_a_model(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "done.jsonl"
    decided = Settings(policy=WITH_PROBE, reward="probe", temperature=0.5, programs=0.5, seed=0)
    ours = Origin(decided, {"policy_sha256": "f00"}, rows=2)
    problems = [Problem(str(n), n, f"{n}+{n}") for n in (1, 2)]
    with ResultsFile(path) as file:
        for problem in problems:
            file.write(ours.solved(problem, solution(problem, str(2 * problem.line))))
    before = path.read_text()
    same = ("file", "-o", str(path), "--resume", "-q", "--seed", "0")
    for more in ((), ("--policy", WITH_PROBE), ("--programs", "0.5"), ("--parallel", "2")):
        assert run([*COMMANDS[same[0]], *same[1:], *more], Environment()) == 0, more
        assert path.read_text() == before
    capsys.readouterr()
    for more in (("--seed", "1"), ("--temperature", "0.6"), ("--particles", "4")):
        code, err = outcome((*same, *more, "--policy", WITH_PROBE), capsys)
        assert (code, REACHED in err) == (4, True), more
    (tmp_path / "problems.txt").write_text("1+1\n2+2\n3+3\n")
    code, err = outcome((*same, "--policy", WITH_PROBE), capsys)
    assert (code, REACHED in err) == (4, True)
    own = Origin(decided, {"policy_sha256": "fingerprint:1"}, rows=2)
    path.unlink()
    (tmp_path / "problems.txt").write_text("1+1\n")
    with ResultsFile(path) as file:
        file.write(own.solved(problems[0], solution(problems[0], "2")))
    code, err = outcome((*same, "--policy", WITH_PROBE), capsys)
    assert (code, REACHED in err) == (4, True), "a file of one's own may be another one by now"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b'{"riddle": "1+1"}\n' * 50, "no field or column 'problem'; the fields are riddle"),
        (b"PAR1\xff", "Parquet"),
        (b"one\0\ntwo\0", "line 1: contains a NUL"),
    ],
)
def test_a_file_without_a_problem_is_one_complaint(
    data: bytes, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("wrong.jsonl" if b"{" in data else "wrong").write_bytes(data)
    code, err = outcome(("", "-f", "wrong.jsonl" if b"{" in data else "wrong"), capsys)
    assert code == 2
    assert says in err
    assert len(err.splitlines()) == 2, "the error and its hint"


def test_text_in_a_pipe_beside_a_problem_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loop's own input, which is no pipe of ours, is left to it."""
    reading, writing = os.pipe()
    os.write(writing, b"Let n = 41.\n")
    with os.fdopen(reading) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        code, err = outcome(("", "What is n+1?"), capsys)
        assert code == 2
        assert "text on standard input" in err
        assert REACHED not in err
        assert os.read(reading, 99) == b"Let n = 41.\n"
        assert REACHED in outcome(("", "What is n+1?"), capsys)[1]
    os.close(writing)


def test_layers_for_a_gpu_that_the_build_knows_nothing_of(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library.llama, "llama_supports_gpu_offload", lambda: False)
    code, err = outcome(("solve", "--gpu-layers", "4"), capsys)
    assert code == 2
    assert "no GPU support" in err
    assert REACHED not in err
