"""`pfsolve score`: a given solution, step by step."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.cli.test_bad_input import complaint
from tests.conftest import SMALL

PROBLEM = "What is 2 + 2 + 1?"
STEPS = ["Two and two\nmake four.", "Four and one make five.", "So it is \\boxed{5}."]


def test_a_pipe_gets_lines_with_tabs_and_json_says_the_same(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "solution.txt"
    file.write_text("\n\n".join(STEPS) + "\n")
    asked = ("--reward", "confidence", "--context", "256")
    piped = cli("score", PROBLEM, str(file), *asked)
    assert piped.returncode == 0, piped.stderr
    header, *lines = (line.split("\t") for line in piped.stdout.splitlines())
    assert header == ["step", "log_odds", "score", "text"]
    assert [line[0] for line in lines] == ["1", "2", "3"]
    assert [line[3] for line in lines] == [step.replace("\n", " ") for step in STEPS]

    in_windows = "\r\n \r\n".join(STEPS)
    found = json.loads(cli("score", PROBLEM, "-", "--json", *asked, stdin=in_windows).stdout)
    assert (found["problem"], found["policy"], found["reward"]) == (PROBLEM, SMALL, "confidence")
    assert [step["text"] for step in found["steps"]] == STEPS
    for line, step in zip(lines, found["steps"], strict=True):
        assert float(line[1]) == pytest.approx(step["log_odds"], abs=0.006)
        assert float(line[2]) == pytest.approx(step["score"], abs=0.0006)
        assert step["score"] == pytest.approx(1 / (1 + math.exp(-step["log_odds"])))


@pytest.mark.parametrize(
    ("args", "stdin", "says"),
    [
        ((PROBLEM, "no-such-file.txt"), None, "cannot read no-such-file.txt: No such file"),
        ((PROBLEM, "."), None, "cannot read ."),
        ((PROBLEM, "-"), " \n\n", "standard input is empty"),
        ((PROBLEM, "-"), "half a\0text", "NUL"),
        ((" ", "-"), "It is 5.", "the problem is empty"),
        ((PROBLEM, "-", "--reward", "none"), "It is 5.", "--reward is none"),
        (
            (PROBLEM, "-"),
            "It is 5.",
            f"--reward is none, which scores nothing: {SMALL} has no probe",
        ),
        ((PROBLEM, "-", "--reward", "money"), "It is 5.", "'money'"),
        ((PROBLEM,), None, "SOLUTION"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_what_cannot_be_scored_is_told_before_a_model_is_missed(
    cli: Cli, tmp_path: Path, args: tuple[str, ...], stdin: str | None, says: str
) -> None:
    result = cli("score", *args, "--offline", stdin=stdin, PFSOLVE_MODELS_DIR=str(tmp_path))
    assert result.returncode == 2, result.stderr
    assert says in complaint(result)
