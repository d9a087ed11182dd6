"""Run records: the whole solve in strict JSON, and a file of its own for every problem."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pfsolve.errors import NoAnswer, ResourceError, UsageError
from pfsolve.events.search import Began, ProgramRan, Progressed, Resampled, StepScored
from pfsolve.results.run_record import RunRecords, file_name
from pfsolve.solver.many import solve_many
from tests.faults import files_of_at_most
from tests.results.conftest import PROBLEMS, origin, solution


def test_a_record_tells_the_search_from_its_beginning(tmp_path: Path) -> None:
    records = RunRecords(tmp_path / "new" / "folder")
    for event in (
        Began("p", 2, 10),
        StepScored(1, (0.5, float("-inf")), (1.0, 0.0), 1.0, 0.1),
        Progressed(1, 1.0, (), 3, 0.5),
        Resampled(1, (0, 0), (0.5, 0.5)),
        ProgramRan(2, 1, "NameError: name 'x' (line 1)", "1\n"),
    ):
        records.hear("1", event)
    problem = PROBLEMS[0]
    solved = solution(problem, "2")
    path = records.write("1", origin().solved(problem, solved, particles=True))
    record = json.loads(path.read_text(), parse_constant=pytest.fail)
    names = [event["event"] for event in record["events"]]
    assert names == ["Began", "StepScored", "Resampled", "ProgramRan"]
    assert record["events"][1]["log_odds"] == [0.5, None]
    assert record["events"][2]["ancestors"] == [0, 0]
    assert record["events"][3]["error"] == "NameError: name 'x' (line 1)"
    assert record["particles"][0]["steps"] == ["\\boxed{2}"]
    assert record["answer"] == "2"


def test_a_search_that_failed_has_a_record_without_particles(tmp_path: Path) -> None:
    records = RunRecords(tmp_path)
    records.hear("1", Began("p", 2, 10))
    line = origin().failed(PROBLEMS[0], NoAnswer("in circles"))
    record = json.loads(records.write("1", line).read_text())
    assert (record["particles"], record["error"]["kind"]) == ([], "NoAnswer")
    assert [event["event"] for event in record["events"]] == ["Began"]


class Fails:
    """A solver that finds no answer."""

    def solve_all(self, problems: list, **how: Any) -> Iterator[tuple[Any, NoAnswer]]:
        return ((problem, NoAnswer("in circles")) for problem in problems)


def test_a_full_disk_is_told_by_the_records_name_with_what_resumes(tmp_path: Path) -> None:
    records = RunRecords(tmp_path)
    with files_of_at_most(10), pytest.raises(ResourceError, match=f"{tmp_path}/1.json: ") as caught:
        solve_many(Fails(), PROBLEMS[:1], origin(), records=records)  # type: ignore[arg-type]
    assert "--resume" in str(caught.value.hint)
    assert list(tmp_path.iterdir()) == []


@given(st.text(min_size=1), st.text(min_size=1))
def test_ids_of_any_kind_have_names_of_their_own(one: str, other: str) -> None:
    name = file_name(one)
    assert "/" not in name
    assert name not in {"", ".", ".."}
    assert len(name) < 120
    assert (file_name(other) == name) == (one == other)


def test_a_folder_that_cannot_be_made_is_known_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot write into the folder"):
        RunRecords(tmp_path / "file")
