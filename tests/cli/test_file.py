"""A file of problems through the command: order, results, resume, shards, and whatever is in the file."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Cli, cli_environment
from tests.conftest import SCHEMA_1

QUICK = (
    *("-n", "2", "--max-steps", "2", "--max-step-tokens", "12"),
    *("--reward", "none", "--context", "256"),
)
# The small model boxes something often enough, when it is told to.
SAY = "Only write \\boxed{{{0}}}. Nothing else, only \\boxed{{{0}}}."
PROBLEMS = [SAY.format(n) for n in range(1, 6)]


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def outcome(record: dict) -> dict:
    """What a seed decides of a result: all but when it was made and how long it took."""
    own = {"at", "timings", "prompt_tokens_saved"}  # of the process, not of the seed
    return {key: value for key, value in record.items() if key not in own}


def by_id(path: Path) -> dict[str, dict]:
    records = lines(path)
    found = {record["id"]: outcome(record) for record in records}
    assert len(found) == len(records), "a problem was repeated"
    return found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "problems.jsonl"
    rows = [
        {"id": f"p{n}", "problem": problem, "answer": str(n)}
        for n, problem in enumerate(PROBLEMS, 1)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_a_pipe_gets_an_answer_a_line_in_the_order_of_the_input(cli: Cli) -> None:
    """A problem without an answer has an empty line: the lines of both sides correspond."""
    problems = [*PROBLEMS[:3], "Why?", *PROBLEMS[3:5]]
    stdin = "\n".join(problems) + "\n"
    sampled = (*QUICK, "--no-early-stop")  # the small model's greedy solution boxes nothing
    result = cli(*sampled, stdin=stdin)
    assert len(result.stdout.splitlines()) == len(problems)
    assert result.returncode == (5 if "" in result.stdout.splitlines() else 0)
    as_json = cli(*sampled, "--json", stdin=stdin)
    records = [json.loads(line) for line in as_json.stdout.splitlines()]
    assert [record["id"] for record in records] == [str(n) for n in range(1, 7)]
    assert [record["answer"] or "" for record in records] == result.stdout.splitlines()
    assert any(record["answer"] for record in records)
    assert "one a line" in result.stderr, "it says how the input was read"
    assert "\x1b" not in result.stdout + result.stderr


def test_unordered_gives_the_same_answers(cli: Cli) -> None:
    stdin = "\n".join(PROBLEMS)
    ordered, unordered = (
        cli(*QUICK, "-q", *more, stdin=stdin).stdout.splitlines() for more in ((), ("--unordered",))
    )
    assert sorted(ordered) == sorted(unordered)


def test_results_hold_every_problem_with_its_grade(cli: Cli, file: Path, tmp_path: Path) -> None:
    output = tmp_path / "results.jsonl"
    result = cli("-f", str(file), "-o", str(output), *QUICK)
    assert result.stdout == ""
    records = lines(output)
    assert {record["id"] for record in records} == {f"p{n}" for n in range(1, 6)}
    for record in records:
        assert record["correct"] == (record["answer"] == record["expected"])
    right = sum(record["correct"] for record in records)
    assert right > 0
    assert f"{right} of 5 right" in result.stderr


def test_a_problems_result_is_that_of_its_seed_alone(cli: Cli, file: Path, tmp_path: Path) -> None:
    """At temperature 0 the last digits of logits do not matter."""
    quick = (*QUICK, "--temperature", "0")
    cli("-f", str(file), "-o", str(tmp_path / "many"), *quick)
    cli("-f", str(file), "-o", str(tmp_path / "one"), *quick, "--parallel", "1")
    many, one = by_id(tmp_path / "many"), by_id(tmp_path / "one")
    for name, record in many.items():
        assert (record["answer"], record["seed"]) == (one[name]["answer"], one[name]["seed"])
    problem, seed = many["p3"]["problem"], str(many["p3"]["seed"])
    alone = json.loads(cli(problem, *quick, "--seed", seed, "--json").stdout)
    assert alone["answer"] == many["p3"]["answer"]


@pytest.mark.parametrize("after", [0, 2])
def test_kill_9_and_again_equals_an_uninterrupted_run(
    cli: Cli, file: Path, tmp_path: Path, small_path: Path, after: int
) -> None:
    whole, parts = tmp_path / "whole.jsonl", tmp_path / "parts.jsonl"
    command = ("-f", str(file), *QUICK, "--parallel", "1")
    cli(*command, "-o", str(whole))
    process = subprocess.Popen(
        [sys.executable, "-m", "pfsolve", *command, "-o", str(parts)],
        env=cli_environment(tmp_path / "config"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not parts.exists() or parts.read_bytes().count(b"\n") < after:
        assert process.poll() is None, "it was over before it could be killed"
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    with parts.open("ab") as torn:  # as if it had been killed within a line
        torn.write(b'{"schema": 2, "id": "p')
    cli(*command, "-o", str(parts), "--resume")
    assert by_id(parts) == by_id(whole)


def test_ctrl_c_keeps_what_is_done_and_resume_does_the_rest(
    cli: Cli, file: Path, tmp_path: Path, small_path: Path
) -> None:
    output = tmp_path / "results.jsonl"
    command = ("-f", str(file), "-o", str(output), *QUICK, "--parallel", "2")
    process = subprocess.Popen(
        [sys.executable, "-m", "pfsolve", *command],
        env=cli_environment(tmp_path / "config"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    while not output.exists() or not output.read_bytes().count(b"\n"):
        assert process.poll() is None
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGINT)
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 130
    assert stdout == ""
    assert "Traceback" not in stderr
    assert "--resume" in stderr
    before = by_id(output)
    finished = {name: record for name, record in before.items() if not record["interrupted"]}
    assert 1 <= len(finished) < len(PROBLEMS)
    assert all(record["answer"] for record in before.values() if record["interrupted"])
    cli(*command, "--resume")
    after = by_id(output)
    assert len(after) == len(PROBLEMS)
    assert not any(record["interrupted"] for record in after.values())
    assert after | finished == after, "what was finished stays as it was"


def test_resume_does_nothing_twice_and_new_settings_anew(
    cli: Cli, file: Path, tmp_path: Path
) -> None:
    output = tmp_path / "results.jsonl"
    first = cli("-f", str(file), "-o", str(output), *QUICK)
    before = output.read_bytes()
    again = cli("-f", str(file), "-o", str(output), *QUICK, "--resume", "--threads", "1")
    assert output.read_bytes() == before
    assert again.returncode == first.returncode
    assert cli("-f", str(file), "-o", str(output), *QUICK).returncode == 2, "not without --resume"
    cli("-f", str(file), "-o", str(output), *QUICK, "--resume", "--seed", "5")
    assert output.read_bytes().startswith(before)
    assert len(lines(output)) == 2 * len(PROBLEMS)


def test_a_results_file_of_schema_1_is_resumed(cli: Cli, tmp_path: Path) -> None:
    output = Path(shutil.copy(SCHEMA_1 / "results.jsonl", tmp_path))
    settings = {"-n": 3, "--max-steps": 4, "--max-step-tokens": 60, "--context": 512}
    options = [str(word) for pair in settings.items() for word in pair]
    options += ["--programs", "0", "--no-early-stop"]  # as all was then
    options += ["--ess-threshold", "1", "--softmax-temperature", "1"]
    command = ("-f", str(SCHEMA_1 / "problems.jsonl"), "-o", str(output), "--resume", *options)
    result = cli(*command, "--reward", "confidence")
    assert "3 of 3 done" in result.stderr
    assert output.read_bytes() == (SCHEMA_1 / "results.jsonl").read_bytes()


def test_shards_merge_to_the_whole(cli: Cli, file: Path, tmp_path: Path) -> None:
    quick = (*QUICK, "--parallel", "1")
    parts = [str(tmp_path / f"part{i}") for i in (1, 2, 3)]
    for i, part in enumerate(parts, 1):
        cli("-f", str(file), "-o", part, *quick, "--shard", f"{i}/3")
    cli("-f", str(file), "-o", str(tmp_path / "whole"), *quick)
    merged = tmp_path / "merged"
    assert cli("results", "merge", *parts, "-o", str(merged)).returncode == 0
    whole = by_id(tmp_path / "whole")
    assert [record["id"] for record in lines(merged)] == [f"p{n}" for n in range(1, 6)]
    assert {name: r | {"shard": None} for name, r in by_id(merged).items()} == whole
    some = cli("results", "merge", parts[0], parts[2])
    assert some.returncode == 5
    assert "2/3" in some.stderr

    summary = json.loads(cli("results", "summary", str(merged), "--json").stdout)[0]
    assert summary["problems"] == summary["graded"] == 5
    assert summary["right"] == sum(record["correct"] for record in whole.values())
    assert summary["tokens"] == sum(record["tokens"] for record in whole.values())
    assert summary["seconds"] > 0
    assert "of 5" in cli("results", "summary", str(merged)).stdout


def test_a_thousand_hostile_lines_are_accounted_for(cli: Cli, tmp_path: Path) -> None:
    good = json.dumps({"problem": PROBLEMS[0]}).encode()
    hostile = [
        b"{", b"}", b"null", b"[]", b"17", b'"text"', b"{\"problem\": 5}", b'{"problem": ""}',
        b'{"question": null}', b"\xff\xfe\x00", b"\x00", b'{"problem": "\\ud800"}',
        b'{"problem": "x", "options": [{}]}', b"[" * 5000,
        b'{"problem": ' + b"9" * 9999 + b"}", b'{"problem": "' + b"word " * 200_000 + b'"}',
        b"\x1b[31mred", b"<|im_end|>", b"NaN", b'{"problem": NaN}', b"{'problem': 'x'}",
    ]  # fmt: skip
    rows = [hostile[i % len(hostile)] for i in range(998)]
    file = tmp_path / "hostile.jsonl.gz"
    file.write_bytes(gzip.compress(b"\r\n".join([good, *rows, good])))
    output = tmp_path / "results.jsonl"
    result = cli("-f", str(file), "-o", str(output), *QUICK)
    assert result.returncode == 5
    assert "Traceback" not in result.stderr
    assert "\x1b" not in result.stderr
    records = lines(output)
    assert sorted(record["line"] for record in records) == list(range(1, 1001))
    assert sum(record.get("error") is None for record in records) == 2
    kinds = {(record.get("error") or {}).get("kind") for record in records}
    assert kinds == {None, "malformed", "ProblemTooLong"}
    assert "of 1000 problems have no answer" in result.stderr


def test_csv_with_names_of_its_own(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "problems.csv"
    file.write_text(f'\ufeffuid,question,gold\r\na,"{PROBLEMS[0]}",1\r\n')
    fields = ("--field", "question", "--field", "answer=gold", "--field", "id=uid")
    record = json.loads(cli("-f", str(file), *QUICK, *fields, "--json").stdout)
    assert (record["id"], record["problem"], record["expected"]) == ("a", PROBLEMS[0], "1")
    assert "particles" not in record
    full = json.loads(cli("-f", str(file), *QUICK, *fields, "--json", "full").stdout)
    assert len(full["particles"]) == 2


def test_run_records_hold_the_whole_search(cli: Cli, file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "records"
    cli("-f", str(file), "-o", str(tmp_path / "r"), *QUICK, "--record", str(folder))
    results = by_id(tmp_path / "r")
    assert {path.stem for path in folder.iterdir()} == set(results)
    record = json.loads((folder / "p1.json").read_text())
    assert len(record["particles"]) == 2
    kinds = [event["event"] for event in record["events"]]
    assert (kinds[0], kinds[-1]) == ("Began", "Ended")
    assert "StepScored" in kinds
    assert outcome(results["p1"]).items() <= record.items()

    cli(PROBLEMS[0], *QUICK, "--record", str(tmp_path / "single"))
    (path,) = (tmp_path / "single").iterdir()
    assert json.loads(path.read_text())["problem"] == PROBLEMS[0]


def test_verbose_tells_of_each_problem(cli: Cli, file: Path) -> None:
    result = cli("-f", str(file), *QUICK, "-v")
    for n in range(1, 6):
        assert f"p{n}: " in result.stderr
    assert cli("-f", str(file), *QUICK, "-q").stderr.count("\n") <= 1
