"""`pfsolve models convert` as users run it: paths on stdout alone, one line and a hint for each trouble."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pfsolve.errors import ExitCode
from tests.convert import checkpoints as make
from tests.models.model_fakes import COMMIT, FakeHub, serve_hub

# A PRM of the user's own, to be converted from the Hub.
OWN = """
[[models]]
name = "own-prm"
kind = "prm"
file = "Own-PRM-Q4_K_M.gguf"
[models.source]
repo = "someone/Own-PRM"
[models.prm]
opening = ["{problem}\\n\\n", "{step}\\n\\n"]
following = ["{step}\\n\\n"]
head = ["score"]
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "models.toml").write_text(OWN)
    arrays = make.make_arrays(make.LARGER, head={"score.weight": (2, 256), "score.bias": (2,)})
    make.write_checkpoint(tmp_path / "Checkpoint", arrays, make.LARGER, files=2)
    return tmp_path


@pytest.fixture
def hub(home: Path) -> Iterator[FakeHub]:
    with serve_hub() as fake:
        fake.files = {
            f"/someone/Own-PRM/resolve/{revision}/{file.name}": file.read_bytes()
            for file in (home / "Checkpoint").iterdir()
            for revision in ("main", COMMIT)
        }
        yield fake


def start(home: Path, *args: str, hub: str = "http://127.0.0.1:9") -> subprocess.Popen[str]:
    ours = {
        "PFSOLVE_CONFIG_DIR": str(home / "config"),
        "PFSOLVE_MODELS_DIR": str(home / "models"),
        "HF_HOME": str(home / "hf"),
        "HF_ENDPOINT": hub,
        "NO_PROXY": "127.0.0.1,localhost",
    }
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PFSOLVE_", "HF_"))}
    return subprocess.Popen(
        [sys.executable, "-m", "pfsolve", "models", *args],
        env={**kept, **ours},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A background shell has it ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def pfsolve(home: Path, *args: str, hub: str = "http://127.0.0.1:9") -> tuple[int, str, str]:
    process = start(home, *args, hub=hub)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def test_a_directory_becomes_a_file_whose_path_is_all_of_stdout(home: Path) -> None:
    code, out, err = pfsolve(home, "convert", str(home / "Checkpoint"))
    assert code == 0, err
    gguf = home / "models" / "checkpoint" / "checkpoint-Q8_0.gguf"
    assert out == f"{gguf}\n"
    assert gguf.read_bytes()[:4] == b"GGUF"
    lines = err.splitlines()
    assert "The head of checkpoint is written to checkpoint-Q8_0.head.safetensors" in lines
    assert "File 2 of 2: model-00002-of-00002.safetensors" in lines
    assert lines[-1].startswith("checkpoint is converted (")
    assert any(line.startswith("Converting checkpoint (5.02 MB) from ") for line in lines)
    assert "\x1b" not in err


def test_json_names_all_files(home: Path) -> None:
    code, out, err = pfsolve(
        home,
        "convert",
        str(home / "Checkpoint"),
        "--type",
        "F16",
        "--to",
        str(home / "x"),
        "--json",
        "-q",
    )
    assert (code, err) == (0, "")
    assert json.loads(out) == {
        "name": "checkpoint",
        "type": "F16",
        "path": str(home / "x" / "checkpoint-F16.gguf"),
        "head": str(home / "x" / "checkpoint-F16.head.safetensors"),
        "spec": str(home / "x" / "checkpoint-F16.prm.toml"),
    }
    assert all(Path(json.loads(out)[key]).is_file() for key in ("path", "head", "spec"))


def test_a_model_of_the_catalogue_is_converted_found_checked_and_removed(
    home: Path, hub: FakeHub
) -> None:
    code, _, err = pfsolve(home, "pull", "own-prm", hub=hub.url)
    assert code == ExitCode.MODEL_MISSING
    assert "`pfsolve models convert own-prm`" in err
    code, _, err = pfsolve(home, "path", "own-prm")
    assert "`pfsolve models convert own-prm`" in err
    code, out, err = pfsolve(home, "convert", "own-prm", hub=hub.url)
    assert code == 0, err
    assert out == f"{home / 'models' / 'own-prm' / 'Own-PRM-Q4_K_M.gguf'}\n"
    assert pfsolve(home, "path", "own-prm") == (0, out, "")
    code, verdict, _ = pfsolve(home, "verify", "own-prm")
    assert (code, verdict.split()[0]) == (0, "good")
    code, shown, _ = pfsolve(home, "show", "own-prm", "--json")
    assert json.loads(shown)["source"] == {"repo": "someone/Own-PRM", "revision": "main"}
    assert json.loads(shown)["unfinished_bytes"] == 0
    assert pfsolve(home, "rm", "own-prm")[0] == 0
    assert not (home / "models" / "own-prm").exists()


def test_ctrl_c_says_how_to_go_on_and_the_next_run_does(home: Path, hub: FakeHub) -> None:
    hub.stall_after = 600_000
    process = start(home, "convert", "own-prm", hub=hub.url)
    assert hub.stalled.wait(60)
    for _ in range(300):  # what was sent has arrived
        if any(part.stat().st_size > 100_000 for part in (home / "models").rglob("*.part")):
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (ExitCode.INTERRUPTED, "")
    assert err.splitlines()[-2:] == [
        "Error: stopped converting own-prm; the part that is done is kept",
        "the same command resumes from there",
    ]
    hub.stall_after = None
    hub.go_on.set()
    hub.requests.clear()
    assert pfsolve(home, "convert", "own-prm", hub=hub.url)[0] == 0
    ranges = [headers.get("range", "") for headers in hub.downloads]
    assert any(wanted.endswith("-") and wanted != "bytes=0-" for wanted in ranges)


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["own-prm"], ExitCode.MODEL_MISSING, "cannot be fetched. The Hub: http://127.0.0.1:9"),
        (["own-prm", "--offline"], ExitCode.MODEL_MISSING, "to stay offline"),
        (["own-prm", "--type", "F16"], ExitCode.USAGE, "kept as Q4_K_M"),
        (["nobody"], ExitCode.MODEL_MISSING, "nobody is no model"),
        (["qwen2.5-coder-0.5b-instruct"], ExitCode.USAGE, "no process reward model"),
        (["math-shepherd-mistral-7b-prm"], ExitCode.USAGE, "need not be converted"),
        (["Broken"], ExitCode.ERROR, "is cut short"),
    ],
)
def test_trouble_is_one_line_and_a_hint(
    home: Path, args: list[str], code: int, message: str
) -> None:
    shutil.copytree(home / "Checkpoint", home / "Broken")
    with (home / "Broken" / "model-00001-of-00002.safetensors").open("rb+") as file:
        file.truncate(1000)
    args[0] = str(home / "Broken") if args[0] == "Broken" else args[0]
    found, out, err = pfsolve(home, "convert", *args)
    assert (found, out) == (code, "")
    assert message in err
    assert "Traceback" not in err
    assert 1 <= len(err.splitlines()) <= 2
