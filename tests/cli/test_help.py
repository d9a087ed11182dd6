"""Help is complete, quick, in plain words, and loads nothing heavy; what was no problem gets a hint."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import typer

from pfsolve.cli import run
from pfsolve.cli.app import app
from pfsolve.cli.examples import EXAMPLES
from pfsolve.cli.late import LateCommand
from pfsolve.cli.mistaken import the_problem
from pfsolve.cli.solve import RunOptions
from pfsolve.environment import Environment
from pfsolve.errors import UsageError, as_option
from pfsolve.problems import INPUTS
from pfsolve.settings import SETTINGS, merge, parsed
from tests.cli.conftest import Cli, cli_environment

HEAVY = (
    "pfsolve.problems",
    "pydantic",  # which Typer reads values with
    "numpy",
    "llama_cpp",
    "huggingface_hub",
    "sympy",
    "math_verify",
    "jinja2",
    "prompt_toolkit",
    "rich",
    "pygments",
)


def commands(below: Any = None, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every command with its path: "" for `pfsolve` itself, "models pull"."""
    below = below or typer.main.get_command(app)
    yield path, below
    for name, command in getattr(below, "commands", {}).items():
        yield from commands(command, f"{path} {name}".strip())


PATHS = [path for path, _ in commands()]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a command line in this process at 80 columns; gives its exit code, stdout and stderr."""
    monkeypatch.setenv("COLUMNS", "80")

    def show(*argv: str) -> tuple[int, str, str]:
        code = run(argv, Environment())
        return (code, *capsys.readouterr())

    return show


@pytest.mark.parametrize(
    ("argv", "heavy"),
    [
        (["--help"], HEAVY),
        (["-h"], HEAVY),
        (["config", "path"], HEAVY[:2]),
        (["-q", "-n", "4", "--json", "--no-history", " "], ("pydantic", "llama_cpp", "numpy")),
    ],
    ids=str,
)
def test_nothing_heavy_is_imported_before_it_is_needed(
    argv: list[str], heavy: tuple[str, ...]
) -> None:
    code = (
        "import sys\nfrom pfsolve.cli import run\nfrom pfsolve.environment import Environment\n"
        f"run({argv!r}, Environment())\n"
        f"loaded = [m for m in {heavy!r} if m in sys.modules]\n"
        "sys.exit(f'loaded {loaded}' if loaded else 0)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


def test_a_process_does_not_look_for_garbage_as_it_ends() -> None:
    code = (
        "import atexit, gc, sys\nfrom pfsolve.cli import main\nsys.argv = ['pfsolve', '--version']\n"
        "atexit.register(lambda: print(len(gc.get_objects()), gc.get_freeze_count()))\nmain()"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    left, frozen = map(int, result.stdout.split()[-2:])
    assert left < 1000 < frozen


def test_only_the_options_that_are_asked_for_are_made() -> None:
    """Those of all commands take as long to make as all else at a start."""
    root = typer.main.get_command(app)
    every = {path: command for path, command in commands(root) if isinstance(command, LateCommand)}
    assert len(every) > 20
    context = root.make_context("pfsolve", [], resilient_parsing=True)
    assert "Models and machine:" in root.get_help(context)
    assert [path for path, command in every.items() if "params" in vars(command)] == ["solve"]


def test_what_is_given_is_read_as_typer_reads_it() -> None:
    """Left to Typer: what has to be converted, and what is wrong."""
    command = dict(commands())["reward eval"]
    given = command.make_context("eval", ["a", "--limit", "3", "--threshold", "0.5", "b"]).params
    assert given["files"] == [Path("a"), Path("b")]
    assert (given["limit"], given["threshold"], given["output"]) == (3, 0.5, None)
    assert given["policy"] is None
    with pytest.raises(typer.BadParameter, match="greater than or equal to 1"):
        command.make_context("eval", ["a", "--limit", "0"])


def test_help_names_every_setting_and_the_commands(cli: Cli) -> None:
    result = cli("--help", COLUMNS="200")
    assert result.returncode == 0
    assert f"--input {'|'.join(INPUTS)}" in result.stdout
    words = result.stdout.split()
    for setting in SETTINGS.values():
        assert as_option(setting.name) in words
        if setting.kind is bool:
            assert as_option(f"no_{setting.name}") in words
    assert {"--json", "--raw", "--quiet", "--verbose", "models"} <= set(words)
    assert "Number of solutions written at a time. (default: 8)" in result.stdout
    assert "PFSOLVE_PARTICLES" in result.stdout
    assert "pf|entropic|pg|islands|beam|" in result.stdout, "experimental methods are not offered"


def test_options_stand_in_sections_after_examples_and_commands(shown: Any) -> None:
    lines = shown("--help")[1].splitlines()
    titles = [line.removesuffix(":") for line in lines if line and line[0] not in " U"]
    assert len(titles) == len(set(titles)), "each once"
    assert titles[:3] == ["Examples", "Commands", "Arguments"]
    assert {"Sampling", "Models and machine", "Options"} <= set(titles)
    sampling = lines.index("Sampling:")
    assert lines[sampling + 1].startswith("  --temperature")


@pytest.mark.parametrize("path", PATHS)
def test_the_short_help_of_every_command_fits_a_terminal(path: str, shown: Any) -> None:
    code, short, _ = shown(*path.split(), "-h")
    lines = short.splitlines()
    assert code == 0
    assert len(lines) <= 30
    assert max(map(len, lines)) <= 80
    assert lines[3] == "Examples:"
    long = shown(*path.split(), "--help")[1]
    assert len(long.splitlines()) >= len(lines)
    assert shown("help", *path.split())[1] == long


@pytest.mark.parametrize("path", PATHS)
def test_help_speaks_neither_of_variables_on_each_line_nor_of_types(path: str, shown: Any) -> None:
    for wanted in ("-h", "--help"):
        text = shown(*path.split(), wanted)[1]
        assert not re.search(r"env var|\[default|\[required|range|[<>](?! )|list\[|\bNone\b", text)


def test_the_short_help_has_eight_options_and_the_commands(shown: Any) -> None:
    text = shown("-h")[1]
    options = text[text.index("\nOptions:") :]
    names = re.findall(r"^  (?:-\w, )?(--[a-z]+)", options, re.MULTILINE)
    assert sorted(names) == sorted(
        (
            "--file",
            "--json",
            "--quiet",
            "--particles",
            "--programs",
            "--reward",
            "--seed",
            "--policy",
        )
    )
    said = text[text.index("\nCommands:") : text.index("\nOptions:")]
    for name in typer.main.get_command(app).commands:  # type: ignore[attr-defined]
        assert re.search(rf"(\n  |also .*){name}\b", said) or name in ("solve", "help")


def test_bare_on_a_terminal_is_the_short_help_on_stderr(shown: Any, tmp_path: Path) -> None:
    terminal, other = os.openpty()
    try:
        for arguments in ([], ["--quiet"]):
            result = subprocess.run(
                [sys.executable, "-m", "pfsolve", *arguments],
                env={**cli_environment(tmp_path), "COLUMNS": "80"},
                stdin=other,
                capture_output=True,
                text=True,
                check=False,
            )
            assert (result.returncode, result.stdout) == (2, "")
            assert result.stderr == shown("-h")[1], "as it is, and not as markup"
    finally:
        os.close(terminal)
        os.close(other)


def test_a_group_without_a_command_shows_its_short_help(shown: Any) -> None:
    assert shown("models") == (2, "", shown("models", "-h")[1])


@pytest.mark.parametrize("path", PATHS)
def test_every_command_has_examples_that_can_be_parsed(path: str) -> None:
    root = typer.main.get_command(app)
    heard: list[tuple[str, dict[str, Any]]] = []

    def hear(called: str, /, **given: Any) -> None:
        heard.append((called, given))

    for called, command in commands(root):
        if not hasattr(command, "commands"):
            command.callback = partial(hear, called)
    assert len(EXAMPLES[path]) in ((5,) if path == "" else (2, 3))
    for line, what in EXAMPLES[path]:
        assert what
        words = shlex.split(line)
        words = words[words.index("pfsolve") + 1 :]
        end = min((words.index(mark) for mark in "|<>" if mark in words), default=len(words))
        root.main(words[:end], prog_name="pfsolve", standalone_mode=False)
        called, given = heard[-1]
        assert called.startswith(path) or called == "solve"
        merge({k: parsed(k, v) for k, v in given.items() if k in SETTINGS and isinstance(v, str)})
        if called == "solve":
            RunOptions(**{field.name: given[field.name] for field in fields(RunOptions)})
            the_problem(given["words"] or ["-"], {}, named=True)
    assert len(heard) == len(EXAMPLES[path])


def test_examples_are_of_commands_that_there_are() -> None:
    assert sorted(EXAMPLES) == sorted(PATHS)


def test_other_commands_take_their_settings_from_the_same_declarations(cli: Cli) -> None:
    for command in (("bench",), ("score",), ("reward", "eval"), ("reward", "train")):
        text = " ".join(cli(*command, "--help").stdout.split())
        for name in ("policy", "context", "threads", "gpu_layers", "offline"):
            assert as_option(name) in text
            assert SETTINGS[name].help in text
        assert "--particles" not in text


@pytest.mark.parametrize("wanted", [("--version",), ("-V",), ("solve", "--version"), ("1", "-V")])
def test_version(shown: Any, wanted: tuple[str, ...]) -> None:
    code, out, _ = shown(*wanted)
    assert code == 0
    assert out.startswith("pfsolve ")


def test_the_default_policies_in_the_help_are_those_of_the_catalogue(
    cli: Cli, tmp_path: Path
) -> None:
    from pfsolve.models.catalogue import load_catalogue

    shown = cli("--help", COLUMNS="300").stdout
    assert all(name in shown for name in load_catalogue(tmp_path).default_policies)


def test_json_takes_a_value_or_none() -> None:
    from pfsolve.cli.help import with_json_value

    for given, meant in (
        (["--json", "2+2"], ["--json=brief", "2+2"]),
        (["--json", "full", "2+2"], ["--json=full", "2+2"]),
        (["2+2", "--json"], ["2+2", "--json=brief"]),
        (["--json=full"], ["--json=full"]),
        (["full", "--", "--json", "full"], ["full", "--", "--json", "full"]),
    ):
        assert with_json_value(given) == meant


@pytest.mark.parametrize(
    ("argv", "says", "hint"),
    [
        (["modles"], "there is no command 'modles'", "`pfsolve models`"),
        (["Modles"], "there is no command 'Modles'", "`pfsolve models`"),
        (["-n", "4", "modles", "--json"], "no command 'modles'", "`pfsolve solve modles`"),
        (["modles", "list"], "no command 'modles'", "`pfsolve solve 'modles list'`"),
        (["pull"], "no command 'pull'", "`pfsolve models pull`"),
        (["help", "modles"], "no command 'modles'", "pfsolve --help"),
        (["Solve", "x^2=4"], "2 arguments: Solve, x^2=4", "pfsolve 'Solve x^2=4'"),
        (["solve", "x^2=4", "now"], "2 arguments", "pfsolve 'x^2=4 now'"),
        (["version"], "no command 'version'", "`pfsolve --version`"),
        (["-2x+4=0"], "-2", "pfsolve -- -2x+4=0"),
        (["-q", "-n", "2", "-(x+1)=0, x?"], "-(", "pfsolve -- '-(x+1)=0, x?'"),
        (["there.jsonl"], "name of a file", "`pfsolve -f there.jsonl`"),
        (["not-there.csv"], "name of a file", "`pfsolve solve not-there.csv`"),
        (["there"], "name of a file", "`pfsolve -f there`"),
        (["--verson"], "--verson", "--version"),
        (["bench"], "'FILE'", "`pfsolve bench --help`"),
        (["models", "show"], "'NAME'", "`pfsolve models show --help`"),
        (["models", "shw", "x"], "'shw'", "`pfsolve models --help`"),
        (["models", "list", "--jsn"], "--jsn", "--json"),
        (["1", "--no-such"], "--no-such", "`pfsolve --help`"),
        (["solve", "1", "--no-such"], "--no-such", "`pfsolve solve --help`"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_was_hardly_meant_gets_a_hint_and_no_solve(
    argv: list[str],
    says: str,
    hint: str,
    shown: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").write_text("1+1\n")
    (tmp_path / "there.jsonl").write_text("{}\n")
    code, out, err = shown(*argv)
    assert (code, out) == (2, "")
    error, what_to_do = err.splitlines()
    assert says in error
    assert hint in what_to_do


@pytest.mark.parametrize(
    "problem",
    [
        "1+1",
        "2^10",
        "x",
        "sin(x)=1",
        "primes",
        "42",
        "3.txt files and 2 more?",
        "5/0.gz x",
        "a" * 999,
    ],
)
def test_a_problem_of_one_word_is_one(problem: str) -> None:
    known = {path.split()[-1]: path for path in PATHS if path}
    assert the_problem([problem], known, named=False) == problem


@pytest.mark.parametrize("word", ["modles", "help", "p.txt", "models"])
def test_with_solve_named_any_word_is_a_problem(word: str) -> None:
    known = {path.split()[-1]: path for path in PATHS if path}
    assert the_problem([word], known, named=True) == word
    with pytest.raises(UsageError):
        the_problem([word], known, named=False)


@pytest.mark.parametrize(
    ("argv", "code"),
    [(["1", "-n", "0"], 2), (["bench"], 2), (["models", "show", "nosuch"], 4), (["--help"], 0)],
    ids=str,
)
def test_debug_shows_the_traceback_and_keeps_the_exit_code(
    argv: list[str], code: int, shown: Any
) -> None:
    exit_code, _, err = shown(*argv, "--debug")
    assert exit_code == code == shown(*argv)[0]
    assert ("Traceback" in err) == bool(code)
    assert ("Error: " in err) == bool(code)
