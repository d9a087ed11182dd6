"""Results files: nothing finished is lost or repeated, whatever state a run left them in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pfsolve.errors import NoAnswer, PfsolveError, ResourceError, UsageError
from pfsolve.files import dumps
from pfsolve.particle import Finish, Kind, Particle, Step
from pfsolve.problems import Problem
from pfsolve.programs import ProgramResult
from pfsolve.results.file import ResultsFile, read_results, read_solved
from pfsolve.results.line import Origin, alone, brief
from pfsolve.results.merge import merge
from pfsolve.results.resuming import adopting
from pfsolve.settings import Settings
from tests.faults import files_of_at_most
from tests.results.conftest import BAD, PROBLEMS, ROWS, origin, solution

OURS = origin()
LINES = [OURS.solved(problem, solution(problem, problem.answer)) for problem in PROBLEMS]


def write(path: Path, *records: dict) -> None:
    with ResultsFile(path) as file:
        for record in records:
            file.write(record)


def resume(path: Path, ours: Origin = OURS) -> set[str]:
    with ResultsFile(path, resume=True) as file:
        return set(file.resume(ours.settings_hash, ROWS, adopting(ours)))


def ids(path: Path) -> list[str]:
    return [json.loads(line)["id"] for line in path.read_text().splitlines()]


def test_a_line_holds_all_that_is_needed_to_check_it(tmp_path: Path) -> None:
    write(tmp_path / "r", LINES[0])
    (record,) = read_results(tmp_path / "r").records
    assert record["schema"] == 2
    assert (record["id"], record["line"], record["problem"]) == ("1", 1, PROBLEMS[0].text)
    assert (record["answer"], record["expected"], record["correct"]) == ("2", "2", True)
    assert record["seed"] == PROBLEMS[0].seed(0)
    assert record["settings"]["particles"] == 8
    assert record["log_evidence"] is None, "JSON has no infinity"
    assert (record["chosen"], record["best"]["steps"]) == (0, ["\\boxed{2}"])
    assert "particles" not in record


def test_one_problem_alone_has_the_shape_of_a_row(tmp_path: Path) -> None:
    drawn = Settings(policy="small", temperature=0.5)
    solved = solution(PROBLEMS[0], "2", settings=drawn, seed=17)
    line = alone(solved, particles=True)
    assert line.keys() - LINES[0].keys() == {"particles"}
    assert (line["seed"], line["settings"]["seed"], line["rows"]) == (17, 17, 1)
    assert line["particles"][0]["log_odds"] == [None]
    assert brief(line).keys() == LINES[0].keys()
    assert "(1, 2)" not in repr(solved), "token ids tell nobody anything"


def test_a_record_tells_of_each_program_what_came_of_it() -> None:
    def program(code: str, result: ProgramResult) -> Particle:
        return Particle((Step((1, 2), code.encode(), 0),), Finish.END, Kind.PROGRAM).ran(result)

    good = program("print(2)", ProgramResult("2\n", ("2",)))
    bad = program("print(x)", ProgramResult("1\n", error="NameError: name 'x' (line 1)"))
    text = solution(PROBLEMS[0], "2").particles[0]
    solved = solution(
        PROBLEMS[0],
        "2",
        particles=(good, bad, text),
        weights=(0.5, 0.0, 0.5),
        redrawn=3,
        sandbox_seconds=1.25,
    )
    line = OURS.solved(PROBLEMS[0], solved, particles=True)
    assert (line["redrawn"], line["timings"]["sandbox_seconds"]) == (3, 1.25)
    told = ("kind", "steps", "output", "error", "answer", "finish")
    assert [tuple(each.get(name) for name in told) for each in line["particles"]] == [
        ("program", ["print(2)"], "2\n", None, "2", "end"),
        ("program", ["print(x)"], "1\n", "NameError: name 'x' (line 1)", None, "failed"),
        ("text", ["\\boxed{2}"], None, None, "2", "boxed"),
    ]


@given(cut=st.integers(1, 2000))
def test_whatever_a_kill_leaves_of_the_last_line_the_rest_is_whole(
    cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("kill") / "r.jsonl"
    data = b"".join(dumps(line).encode() + b"\n" for line in LINES[:3])
    path.write_bytes(data[: len(data) - min(cut, len(dumps(LINES[2])) + 1)])
    done = resume(path)
    assert done >= {"1", "2"}
    with ResultsFile(path, resume=True) as file:
        for record in LINES:
            if record["id"] not in done:
                file.write(record)
    assert [json.loads(line) for line in path.read_text().splitlines()] == LINES


def test_only_the_line_break_missing_is_a_finished_problem(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text(dumps(LINES[0]) + "\n" + dumps(LINES[1]))
    assert resume(path) == {"1", "2"}
    assert path.read_text().endswith("\n")


def test_other_settings_stay_and_count_for_nothing(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    other = origin(particles=16)
    write(path, LINES[0], other.solved(PROBLEMS[1], solution(PROBLEMS[1], "4")))
    assert resume(path) == {"1"}
    assert resume(path, other) == {"2"}
    assert ids(path) == ["1", "2"]


@pytest.mark.parametrize(
    "change",
    [{"threads": 3}, {"gpu_layers": 0}, {"offline": True}, {"parallel": 4}, {"history": False}],
)
def test_the_machine_does_not_change_the_hash(change: dict) -> None:
    assert origin(**change).settings_hash == OURS.settings_hash


@pytest.mark.parametrize(
    "change",
    [{"seed": 1}, {"particles": 9}, {"reward": "none"}, {"temperature": 0.6}, {"time": 60.0}],
)
def test_what_decides_a_result_changes_the_hash(change: dict) -> None:
    assert origin(**change).settings_hash != OURS.settings_hash


def of_the_file(print_: str) -> Origin:
    return replace(OURS, versions={"policy_sha256": print_, "numpy": "2"})


def test_a_model_of_the_same_name_is_another_one_if_its_bytes_are(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    one, two = of_the_file("fingerprint:1"), of_the_file("fingerprint:2")
    write(path, one.solved(PROBLEMS[0], solution(PROBLEMS[0], "2")))
    assert resume(path, two) == set()
    assert resume(path, one) == {"1"}


def test_a_result_from_before_fingerprints_becomes_one_of_the_file_of_now(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    before, now = of_the_file("unknown"), of_the_file("fingerprint:1")
    write(path, before.solved(PROBLEMS[0], solution(PROBLEMS[0], "2")))
    assert resume(path, now) == {"1"}
    assert resume(path, of_the_file("fingerprint:2")) == set()
    (record,) = read_results(path).records
    assert record["settings_hash"] == now.settings_hash
    assert record["versions"] == now.versions


def test_a_corrected_answer_is_graded_again_without_a_solve(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    unknown = OURS.solved(replace(PROBLEMS[2], answer=None), solution(PROBLEMS[2], "6.0"))
    wrong = OURS.solved(replace(PROBLEMS[1], answer="5"), solution(PROBLEMS[1], "4"))
    write(path, LINES[0], wrong, unknown)
    untouched = path.read_bytes().splitlines()[0]
    assert resume(path) == {"1", "2", "3"}
    records = read_results(path).records
    assert [(r["expected"], r["correct"]) for r in records] == [
        ("2", True),
        ("4", True),
        ("6", True),
    ]
    assert path.read_bytes().splitlines()[0] == untouched
    with ResultsFile(path, resume=True) as file:
        none = file.resume(OURS.settings_hash, [replace(PROBLEMS[1], answer=None)])
    assert none["2"]["correct"] is None


@pytest.mark.parametrize(("answer", "kept"), [("4.0", True), ("5", False), (None, False)])
def test_a_line_of_a_comparison_is_kept_if_the_same_particles_are_right(
    tmp_path: Path, answer: str | None, kept: bool
) -> None:
    path = tmp_path / "r.jsonl"
    pool = {"classes": [0], "log_odds": [None], "weights": [1.0], "tokens": [2]}
    write(path, {**LINES[1], "pool": pool})
    with ResultsFile(path, resume=True) as file:
        finished = file.resume(OURS.settings_hash, [replace(PROBLEMS[1], answer=answer)])
    assert {name: line["expected"] for name, line in finished.items()} == (
        {"2": answer} if kept else {}
    )
    assert ids(path) == (["2"] if kept else [])


def test_interrupted_and_failed_rows_give_way_to_a_new_try(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    half = OURS.solved(PROBLEMS[1], solution(PROBLEMS[1], "4", interrupted=True))
    write(path, LINES[0], half, OURS.failed(BAD), OURS.failed(PROBLEMS[2], UsageError("no")))
    assert resume(path) == {"1"}
    assert ids(path) == ["1"]


def test_a_row_that_ran_out_of_time_says_so_and_is_done(tmp_path: Path) -> None:
    """Another try would have no more time; with a longer one the hash is another."""
    path = tmp_path / "r.jsonl"
    limited = origin(time=60.0)
    late = limited.solved(PROBLEMS[0], solution(PROBLEMS[0], None, out_of_time=True))
    assert (late["out_of_time"], late["interrupted"]) == (True, False)
    write(path, late)
    assert resume(path, limited) == {"1"}


def test_no_answer_at_the_end_of_a_search_is_a_result(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    write(path, OURS.solved(PROBLEMS[0], solution(PROBLEMS[0], None)))
    assert resume(path) == {"1"}
    gone = tmp_path / "gone.jsonl"
    write(gone, OURS.failed(PROBLEMS[0], NoAnswer("every solution went in circles")))
    assert resume(gone) == {"1"}, "the same seed would go in the same circles"


def test_damaged_lines_within_are_set_aside_and_their_problems_solved_again(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    cut = dumps({**LINES[1], "rows": "9"})
    path.write_text("\n".join([dumps(LINES[0]), "{broken}", cut, dumps(LINES[2]), '{"sch']))
    bad = tmp_path / "r.jsonl.bad"
    bad.write_text("from before\n")
    faults = ("line 2: it is no JSON", "line 3: `rows` is '9', not a whole number")
    assert read_results(path).faults == faults
    with ResultsFile(path, resume=True) as file:
        assert file.told == [f"r.jsonl, {fault}; moved to r.jsonl.bad" for fault in faults]
        assert set(file.resume(OURS.settings_hash, ROWS)) == {"1", "3"}
        file.write(LINES[1])
    assert bad.read_text().splitlines() == ["from before", "{broken}", cut]
    assert ids(path) == ["1", "3", "2"]
    assert read_results(path).faults == ()


def test_an_existing_file_is_never_written_to_by_surprise(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    write(path, LINES[0])
    before = path.read_bytes()
    with pytest.raises(UsageError, match="exists already"):
        ResultsFile(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("text", ["What is 2 + 2?\n", '{"problem": "2 + 2"}\n', "x", "[1]\n"])
def test_a_file_that_holds_something_else_is_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "problems.jsonl"
    path.write_text(text)
    with pytest.raises(UsageError, match="holds no results"):
        ResultsFile(path, resume=True)
    assert path.read_text() == text


@pytest.mark.parametrize("before", ["", "\n"])
def test_a_run_killed_within_its_first_line_can_be_resumed(tmp_path: Path, before: str) -> None:
    path = tmp_path / "r.jsonl"
    for length in (1, 5, 12, 40):
        path.write_text(before + dumps(LINES[0])[:length])
        assert resume(path) == set()
        assert path.read_text() == ""
        path.unlink()


def test_results_of_another_input_are_not_mistaken_for_ours(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    other = Problem("1", 1, "Something else")
    write(path, OURS.solved(other, solution(other, "2")))
    with pytest.raises(UsageError, match="another problem '1'"):
        resume(path)


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text(dumps({**LINES[0], "schema": 99}) + "\n")
    with pytest.raises(UsageError, match="schema 99"):
        read_results(path)


def test_several_runs_share_a_file_that_one_process_goes_on_with(tmp_path: Path) -> None:
    """What the first of them writes is there after the second has put the file in order."""
    path = tmp_path / "r.jsonl"
    other = origin(seed=1)
    unfinished = {**other.solved(PROBLEMS[0], solution(PROBLEMS[0], "2")), "interrupted": True}
    write(path, unfinished)
    with ResultsFile(path, resume=True) as file:
        assert file.resume(OURS.settings_hash, ROWS) == {}
        file.write(LINES[0])
        assert file.resume(other.settings_hash, ROWS) == {}
        file.write(LINES[1])
        assert file.records == [LINES[0], LINES[1]]
    assert read_results(path).records == [LINES[0], LINES[1]]


def test_scores_of_a_reward_are_no_results_of_solving(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    write(path, LINES[0])
    assert len(read_solved(path).records) == 1
    write(
        path.with_name("s.jsonl"),
        {"schema": 2, "id": "1", "log_odds": [0.5], "tokens": 9, "seconds": 0.1},
    )
    with pytest.raises(UsageError, match="scores of a reward"):
        read_solved(path.with_name("s.jsonl"))


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text(dumps(LINES[0]))
    link.symlink_to(target)
    assert resume(link) == {"1"}
    assert link.is_symlink()
    assert target.read_text().endswith("\n")


def test_a_link_that_leads_to_itself_is_no_output(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").symlink_to(tmp_path / "b.jsonl")
    (tmp_path / "b.jsonl").symlink_to(tmp_path / "a.jsonl")
    with pytest.raises(UsageError, match="a link that leads to itself"):
        ResultsFile(tmp_path / "a.jsonl")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is full")
def test_a_full_disk_is_an_error_that_names_the_file() -> None:
    with (
        pytest.raises(ResourceError, match=r"cannot write to /dev/full: .*") as caught,
        ResultsFile(Path("/dev/full")) as file,
    ):
        file.write(LINES[0])
    assert "--resume" in str(caught.value.hint)


@pytest.mark.parametrize("room", [5, 600])
def test_a_full_disk_costs_no_line_of_a_file_that_is_resumed(tmp_path: Path, room: int) -> None:
    """Neither where the damaged lines are to go, nor where the file is written anew without them."""
    path = tmp_path / "r.jsonl"
    path.write_text(f"{dumps(LINES[0])}\nno JSON\n{dumps(LINES[1])}\n")
    before = path.read_bytes()
    with files_of_at_most(room), pytest.raises(ResourceError, match=r"to .*r\.jsonl") as caught:
        ResultsFile(path, resume=True)
    assert "--resume" in str(caught.value.hint)
    assert path.read_bytes() == before
    assert resume(path) == {"1", "2"}


@pytest.mark.parametrize("path", ["missing/r.jsonl", ".", "/"])
def test_an_output_that_cannot_be_written_is_known_at_once(tmp_path: Path, path: str) -> None:
    with pytest.raises(UsageError, match="cannot write"):
        ResultsFile(tmp_path / path)


@pytest.mark.parametrize(
    "change",
    [
        *({name: None} for name in ("line", "rows", "settings", "versions", "settings_hash", "at")),
        *(
            {name: "x"}
            for name in ("line", "rows", "tokens", "correct", "seed", "error", "timings")
        ),
        *({name: []} for name in ("settings", "versions", "shard", "answer", "problem", "pool")),
        {"shard": "3/2"},
        {"at": "yesterday"},
        {"tokens": float("nan")},
        {"rows": True},
        {"line": -1},
        {"agreement": float("inf")},
        {"settings": {"method": []}},
        {"versions": {"numpy": 2}},
        {"timings": {"solve_seconds": None}},
        {"error": {"kind": "NoAnswer"}},
        {"pool": {"classes": [0], "log_odds": [None], "weights": [1.0], "tokens": []}},
    ],
    ids=str,
)
def test_a_field_of_the_wrong_type_is_named_with_its_line(tmp_path: Path, change: dict) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text(f"{dumps(LINES[0])}\n{json.dumps({**LINES[1], **change})}\n")
    contents = read_solved(path)
    assert contents.records == [LINES[0]]
    (fault,) = contents.faults
    assert fault.startswith(f"line 2: `{next(iter(change))}` is ")
    with pytest.raises(UsageError, match="is damaged: line 2: "):
        merge({path: contents})


@pytest.mark.parametrize(
    "name", ["line", "rows", "settings", "versions", "at", "answer", "correct"]
)
def test_a_missing_field_is_named_with_its_line(tmp_path: Path, name: str) -> None:
    path = tmp_path / "r.jsonl"
    short = {key: value for key, value in LINES[1].items() if key != name}
    path.write_text(f"{dumps(LINES[0])}\n\n{dumps(short)}\n")
    assert read_solved(path).faults == (f"line 3: `{name}` is missing",)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("[" * 100_000, "nested too deeply"),
        ('{"schema": 2, "id": ' + "9" * 5000 + "}", "no JSON"),
        ('{"schema": 2}', "`id` is missing"),
        ('{"schema": 1, "id": "x"}', "`settings` is missing"),
        ("[1]", "no JSON object"),
        ("\ufeff\x00", "no JSON"),
    ],
    ids=["deep", "digits", "id", "old", "list", "zero"],
)
def test_a_file_of_other_lines_holds_no_results(tmp_path: Path, line: str, says: str) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text(line + "\n", encoding="utf-8")
    with pytest.raises(UsageError, match=f"holds no results of pfsolve.*{says}"):
        read_solved(path)


HOLDING = """
import sys
from pathlib import Path
from pfsolve.results.lock import FileLock
lock = FileLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_file_that_another_process_writes_to_is_refused_with_its_id(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    write(path, LINES[0])
    (tmp_path / "link").symlink_to(path)
    command = [sys.executable, "-c", HOLDING, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        for name in (path, tmp_path / "link"):
            with pytest.raises(PfsolveError, match=f"process {other.pid} is writing to "):
                ResultsFile(name, resume=True)
        other.kill()  # which releases nothing by itself
    assert resume(path) == {"1"}
    assert {each.name for each in tmp_path.iterdir()} == {"r.jsonl", "link"}


def test_the_lock_is_released_however_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    with ResultsFile(path) as file:
        with pytest.raises(PfsolveError, match=f"process {os.getpid()} is writing to {path}"):
            ResultsFile(path, resume=True)
        file.write(LINES[0])
    with pytest.raises(UsageError, match="exists already"):
        ResultsFile(path)
    with pytest.raises(RuntimeError), ResultsFile(path, resume=True):
        raise RuntimeError
    file = ResultsFile(path, resume=True)
    file.close()
    file.close()
    assert [each.name for each in tmp_path.iterdir()] == ["r.jsonl"]
