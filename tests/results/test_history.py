"""The last runs: kept whole and private, found again, and no trouble to anybody."""

from __future__ import annotations

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pfsolve.errors import ExitCode, PfsolveError, UsageError, exit_code
from pfsolve.results.history import KEPT, History
from pfsolve.results.line import ResultLine, alone
from pfsolve.results.run_record import read_record
from tests.conftest import SCHEMA_1
from tests.results.conftest import PROBLEMS, origin, solution


def line(answer: str = "2", **more: Any) -> ResultLine:
    return alone(solution(PROBLEMS[0], answer, **more), particles=True)


def test_a_run_is_found_by_its_number_its_id_and_its_path(tmp_path: Path) -> None:
    history = History(tmp_path)
    for answer in ("1", "2", "3"):
        history.keep(line(answer))
    assert [run.read()["answer"] for run in history.runs()] == ["3", "2", "1"]
    assert history.find("1") == history.runs()[0].read()
    assert history.find("3")["answer"] == "1"
    middle = history.runs()[1]
    assert history.find(middle.id)["answer"] == history.find(str(middle.path))["answer"] == "2"
    assert history.find("1")["particles"][0]["steps"] == ["\\boxed{3}"]


@pytest.mark.parametrize("which", ["4", "0", "-1", "abcd", "", "/nowhere/else.json"])
def test_there_is_no_such_run(which: str, tmp_path: Path) -> None:
    history = History(tmp_path)
    history.keep(line())
    with pytest.raises(UsageError, match="there is no run") as caught:
        history.find(which)
    assert "--list" in str(caught.value.hint)


def test_nothing_kept_is_told_apart_from_a_wrong_name(tmp_path: Path) -> None:
    with pytest.raises(PfsolveError, match="no run has been kept yet") as caught:
        History(tmp_path / "missing").find("1")
    assert exit_code(caught.value) == ExitCode.ERROR
    assert History(tmp_path / "missing").runs() == []


def test_the_oldest_is_removed_and_nothing_else(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.keep(line("0"))
    (tmp_path / "history" / "notes.txt").write_text("a user's own")
    for n in range(1, KEPT + 2):
        history.keep(line(str(n)))
    found = [run.read()["answer"] for run in history.runs()]
    assert found == [str(n) for n in range(KEPT + 1, 1, -1)]
    assert (tmp_path / "history" / "notes.txt").exists()


def test_it_is_for_this_user_alone(tmp_path: Path) -> None:
    history = History(tmp_path / "state" / "pfsolve")
    history.keep(line())
    (run,) = history.runs()
    assert stat.S_IMODE(run.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(run.path.parent.stat().st_mode) == 0o700


def test_many_may_write_at_the_same_time(tmp_path: Path) -> None:
    def keep(n: int) -> None:
        History(tmp_path).keep(line(str(n)))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(keep, range(3 * KEPT)))
    runs = History(tmp_path).runs()
    assert len({run.read()["answer"] for run in runs}) == len(runs) == KEPT


def test_a_folder_that_cannot_be_made_is_an_error_of_the_systems_kind(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        History(tmp_path / "file").keep(line())
    with pytest.raises(ValueError, match="surrogates"):
        History(tmp_path).keep({**line(), "problem": "\ud800"})
    assert History(tmp_path).runs() == []


def test_a_record_of_a_search_without_a_solution_is_one_too(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    failed = origin().failed(PROBLEMS[0], PfsolveError("in circles"))
    path.write_text(json.dumps({**failed, "particles": []}))
    assert read_record(path)["error"]["message"] == "in circles"
    assert read_record(SCHEMA_1 / "records" / "p1.json")["agreement"] > 0, "of schema 1"


GOOD = line()


@pytest.mark.parametrize(
    "content",
    [
        "", "[]", "null", "7", '"x"', "{}", "{", "[" * 100_000,
        *(json.dumps({**GOOD, **bad}) for bad in (
            {"particles": None}, {"particles": [1]}, {"particles": [{}]}, {"seed": None},
            {"particles": [{**GOOD["particles"][0], "steps": [1]}]}, {"problem": 5},
            {"answer": []}, {"chosen": 1}, {"chosen": "0"}, {"schema": "2"}, {"timings": {}},
            {"candidates": [{}]}, {"error": "x", "particles": []}, {"correct": []}, {"expected": 5},
            {"settings": 5}, {"tokens": 10**400}, {"agreement": 10**400}, {"at": "noon"},
            *({"particles": [{**GOOD["particles"][0], **bad}]} for bad in (
                {"kind": []}, {"output": 5}, {"error": 5}, {"log_odds": [10**400]},
            )),
        )),
    ],
)  # fmt: skip
def test_what_is_no_record_is_refused_in_one_line(content: str, tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text(content)
    with pytest.raises(UsageError, match=r"r\.json holds no record of a run"):
        read_record(path)


def test_a_record_of_a_newer_pfsolve_is_told(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text(json.dumps({**GOOD, "schema": 99}))
    with pytest.raises(UsageError, match="schema 99"):
        read_record(path)
    with pytest.raises(UsageError, match="cannot read"):
        read_record(tmp_path / "gone.json")
