"""`pfsolve PROBLEM` on a real small model: what stdout holds, JSON, settings from every layer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import pfsolve
from tests.cli.conftest import Cli
from tests.conftest import SMALL, THREADS

PROBLEM = "What is 2 + 3?"
QUICK = ("-n", "3", "--max-steps", "2", "--max-step-tokens", "12")


def without_timings(text: str) -> dict:
    record = json.loads(text)
    del record["timings"], record["at"]
    return record


def test_json_holds_the_whole_solve(cli: Cli) -> None:
    result = cli(PROBLEM, *QUICK, "--seed", "7", "--json", "full")
    record = json.loads(result.stdout)
    assert record["problem"] == PROBLEM
    assert record["seed"] == 7
    assert record["settings"]["policy"] == SMALL
    assert record["settings"]["temperature"] > 0, "what was left open is resolved"
    assert record["versions"]["llama_cpp_python"]
    assert record["timings"]["solve_seconds"] > 0
    assert len(record["particles"]) == 3
    for particle in record["particles"]:
        assert len(particle["steps"]) == len(particle["log_odds"]) == len(particle["ancestors"])
        assert 1 <= len(particle["steps"]) <= 2
        assert particle["finish"] in {"end", "boxed", "max_steps", "loop"}
    assert sum(p["weight"] for p in record["particles"]) == pytest.approx(1)
    assert (record["answer"] is None) == (result.returncode == 3)


def test_json_is_one_shape_with_particles_or_without(cli: Cli) -> None:
    brief = json.loads(cli("--json", PROBLEM, *QUICK, "--seed", "7").stdout)
    full = json.loads(cli("--json", "full", PROBLEM, *QUICK, "--seed", "7").stdout)
    assert full.keys() - brief.keys() == {"particles"}
    assert brief["problem"] == full["problem"] == PROBLEM
    wrong = cli("--json=everything", PROBLEM)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "--json is 'everything'" in wrong.stderr


@pytest.mark.parametrize(("method", "n"), [("tempering", 4), ("beam", 4), ("sc", 4), ("greedy", 1)])
def test_a_method_and_what_goes_with_it(cli: Cli, method: str, n: int) -> None:
    asked = () if method == "greedy" else ("-n", str(n))
    asked += ("--reward", "confidence") if method == "beam" else ()
    result = cli(PROBLEM, "--method", method, *asked, *QUICK[2:], "--seed", "7", "--json", "full")
    record = json.loads(result.stdout)
    assert record["settings"]["method"] == method
    assert record["settings"]["ladder"] == [2.0, 1.0]
    assert len(record["particles"]) == n
    assert (record["log_evidence"] is None) == (method != "tempering")
    if method == "greedy":
        assert record["settings"]["temperature"] == 0


def test_a_seed_gives_the_same_json_and_another_seed_another(cli: Cli) -> None:
    first, again, other = (
        cli(PROBLEM, *QUICK, "--seed", s, "--json", "full").stdout for s in "334"
    )
    assert without_timings(first) == without_timings(again)
    assert without_timings(first)["particles"] != without_timings(other)["particles"]


def test_a_pipe_gets_the_answer_alone(cli: Cli) -> None:
    """The small model cannot do much, but it can be made to say something boxed, or nothing."""
    problem = "Write \\boxed{5}. Then write \\boxed{5} again. Only write \\boxed{5}."
    result = cli(problem, "-n", "6", "--seed", "1", "--temperature", "0.3")
    assert "\x1b" not in result.stdout + result.stderr
    if result.returncode == 0:
        assert len(result.stdout.splitlines()) == 1
        assert result.stdout.strip()
    else:
        assert (result.returncode, result.stdout) == (3, "")
        assert result.stderr.splitlines()[-2].startswith("Error: none of 6 particles")


def test_quiet_says_nothing_but_the_answer(cli: Cli) -> None:
    result = cli(PROBLEM, *QUICK, "-q", "--seed", "1")
    assert "CPU" not in result.stderr
    assert "CPU" in cli(PROBLEM, *QUICK, "--seed", "1").stderr


def test_llama_cpps_log_comes_with_vv_and_never_otherwise(cli: Cli) -> None:
    assert "llama_model_loader" in cli(PROBLEM, *QUICK, "-vv").stderr
    assert "llama_model_loader" not in cli(PROBLEM, *QUICK, "-v").stderr


def test_flags_win_over_variables_over_the_config_file(cli: Cli, tmp_path: Path) -> None:
    config = tmp_path / "config" / "config.toml"
    config.parent.mkdir()
    config.write_text("particles = 2\nmax-steps = 1\nmax_step_tokens = 5\nseed = 9\n")
    variables = {"PFSOLVE_SEED": "8", "PFSOLVE_MAX_STEPS": "3", "PFSOLVE_JSON": "0"}
    result = cli(PROBLEM, "--json", "--max-steps", "2", **variables)
    record = json.loads(result.stdout)
    settings = record["settings"]
    assert settings["particles"] == 2
    assert settings["max_steps"] == 2
    assert settings["max_step_tokens"] == 5
    assert record["seed"] == 8


def test_the_paper_preset_is_the_paper_and_options_still_win(cli: Cli) -> None:
    paper = ("--preset", "paper", "--reward", "self-evaluation")
    result = cli(PROBLEM, *QUICK, *paper, "--temperature", "0.5", "--json")
    settings = json.loads(result.stdout)["settings"]
    assert settings["resampling"] == "multinomial"
    assert settings["final"] == "argmax"
    assert settings["temperature"] == 0.5


@pytest.mark.parametrize(
    "options",
    [
        ("--reward", "self-evaluation"),
        ("--weights", "ratio", "--ess-threshold", "0.5"),
        ("--finished", "absorb", "--resampling", "residual"),
        ("--resampling", "stratified", "--final", "vote", "--softmax-temperature", "2"),
        ("--top-p", "0.9", "--top-k", "50", "--min-p", "0.05"),
        ("-n", "1", "--temperature", "0"),
    ],
    ids=" ".join,
)
def test_every_option_works(cli: Cli, options: tuple[str, ...]) -> None:
    result = cli(PROBLEM, *QUICK, *options, "--json", "--seed", "1")
    assert result.returncode in (0, 3)
    settings = json.loads(result.stdout)["settings"]
    for name, value in zip(options[::2], options[1::2], strict=True):
        key = "particles" if name == "-n" else name[2:].replace("-", "_")
        assert str(settings[key]).removesuffix(".0") == value


def test_a_problem_comes_from_standard_input(cli: Cli) -> None:
    piped = cli(*QUICK, "--json", stdin="  What is 2 + 3?\n\n")
    assert json.loads(piped.stdout)["problem"] == PROBLEM
    whole = cli("-", *QUICK, "--json", stdin="What is\n2 + 3?\n")
    assert json.loads(whole.stdout)["problem"] == "What is\n2 + 3?"


def test_a_problem_may_be_called_like_a_command(cli: Cli) -> None:
    record = json.loads(cli("solve", "models", *QUICK, "--json").stdout)
    assert record["problem"] == "models"


def test_python_callers_get_the_same(cli: Cli) -> None:
    record = json.loads(cli(PROBLEM, *QUICK, "--seed", "5", "--json", "full").stdout)
    solution = pfsolve.solve(
        PROBLEM,
        policy=SMALL,
        particles=3,
        max_steps=2,
        max_step_tokens=12,
        seed=5,
        threads=THREADS,
    )
    written = ["".join(particle["steps"]) for particle in record["particles"]]
    assert [particle.text for particle in solution.particles] == written
    assert solution.answer == record["answer"]


def test_programs_run_in_the_sandbox_and_say_why_they_failed(cli: Cli) -> None:
    """The small model cannot write any that runs; what it wrote and why that failed stands in the JSON."""
    few = ("-n", "2", "--max-steps", "2", "--max-step-tokens", "24", "--seed", "1")
    record = json.loads(cli(PROBLEM, *few, "--programs", "0.5", "--json", "full").stdout)
    assert record["settings"]["programs"] == 0.5
    text, program = record["particles"]
    assert (text["kind"], program["kind"]) == ("text", "program")
    assert (text["output"], text["error"]) == (None, None)
    if program["answer"] is None:
        assert program["weight"] == 0.0
        assert record["redrawn"] == 1
    assert "sandbox_seconds" in record["timings"]


def test_without_a_sandbox_there_are_texts_only_and_a_line_says_so(
    cli: Cli, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder can be made here")
    result = cli(
        *(PROBLEM, *QUICK, "--programs", "1", "--json", "full"),
        PFSOLVE_PROGRAMS_DIR=str(tmp_path / "file" / "programs"),
    )
    record = json.loads(result.stdout)
    assert {particle["kind"] for particle in record["particles"]} == {"text"}
    assert record["settings"]["programs"] == 0.0
    (line,) = (line for line in result.stderr.splitlines() if "texts only" in line)
    assert line.startswith("No programs, texts only: ")
