"""Files of schema 1, as pfsolve 0.1.0 and the small model left them, still count."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from pfsolve.problems import Problem
from pfsolve.results.file import ResultsFile, read_solved
from pfsolve.results.line import Origin, hash_of, upgraded
from pfsolve.results.merge import merge
from pfsolve.results.summary import summarise
from pfsolve.settings import merge as merged_settings
from tests.conftest import SCHEMA_1
from tests.results.conftest import solution

RESULTS = SCHEMA_1 / "results.jsonl"


def problems() -> list[Problem]:
    rows = [json.loads(line) for line in (SCHEMA_1 / "problems.jsonl").read_text().splitlines()]
    return [Problem(row["id"], n, row["problem"], row["answer"]) for n, row in enumerate(rows, 1)]


def origin() -> Origin:
    """What a run of today under the settings of the old one says of itself."""
    settings = json.loads(RESULTS.read_text().splitlines()[0])
    then = {"weights": "score", "programs": 0, "ess_threshold": 1}  # at every step, once null
    now = merged_settings({**settings["settings"], **then})
    return Origin(now, settings["versions"], rows=3)


def test_a_line_has_the_words_of_today() -> None:
    old = json.loads(RESULTS.read_text().splitlines()[0])
    line = upgraded(old)
    assert line["schema"] == 2
    assert line["agreement"] == old["confidence"]
    assert "confidence" not in line
    assert (old["settings"]["weights"], line["settings"]["weights"]) == ("level", "score")
    assert old["settings_hash"] != line["settings_hash"] == origin().settings_hash
    assert upgraded(dict(line)) == line, "what has them stays as it is"


def test_a_run_record_has_the_words_of_today() -> None:
    old = json.loads((SCHEMA_1 / "records" / "p1.json").read_text())
    record = upgraded(old)
    assert [event["event"] for event in record["events"]][:2] == ["Began", "StepScored"]
    assert record["events"][1]["log_odds"] == old["events"][1]["log_scores"]
    assert record["particles"][0]["log_odds"] == old["particles"][0]["log_weights"]
    alone = {name: value for name, value in old.items() if name not in {"schema", "settings_hash"}}
    assert upgraded(alone)["particles"] == record["particles"], "as a single problem's record"


@pytest.mark.parametrize("odd", [None, 1, "x", [], [1], {"pool": 1}])
def test_odd_values_do_no_harm(odd: object) -> None:
    names = ("pool", "settings", "particles", "events", "versions", "settings_hash")
    assert upgraded(dict.fromkeys(names, odd))["schema"] == 2


def test_a_result_from_before_a_setting_existed_has_its_default() -> None:
    now = dict(origin().solved(problems()[0], solution(problems()[0], "8")))
    younger = {name: of for name, of in now["settings"].items() if name != "deduplicate"}
    before = now | {"settings": younger, "settings_hash": "of fewer settings"}
    assert upgraded(before)["settings_hash"] == now["settings_hash"]
    other = before | {"settings": younger | {"final": "vote"}}
    assert upgraded(other)["settings_hash"] != now["settings_hash"]
    assert upgraded(before | {"schema": 3}) == before | {"schema": 3}


def test_a_result_from_before_programs_had_none_and_went_on_to_the_end() -> None:
    row = problems()[0]
    now = dict(origin().solved(row, solution(row, "8")))
    new = ("programs", "program_temperature", "early_stop")
    older = {name: of for name, of in now["settings"].items() if name not in new}
    before = upgraded(now | {"settings": older, "settings_hash": "of fewer settings"})

    def hash_with(**change: object) -> str:
        return hash_of(now["settings"] | change, now["versions"])

    assert before["settings_hash"] == hash_with(early_stop=False)
    assert before["settings_hash"] == hash_with(early_stop=False, program_temperature=0.3)
    for change in ({"programs": 0.5}, {"programs": None}, {"early_stop": True}):
        assert before["settings_hash"] != hash_with(**{"early_stop": False} | change)
    warmer = hash_with(programs=0.5, program_temperature=0.7)
    assert warmer != hash_with(programs=0.5, program_temperature=0.3)


def test_a_result_from_before_policies_had_a_sampling_of_their_own_kept_every_token() -> None:
    row = problems()[0]
    usual = Origin(replace(origin().settings, top_p=1.0, top_k=0, min_p=0.0), {}, rows=3)
    now = dict(usual.solved(row, solution(row, "8")))
    for name, own in (("top_p", 0.8), ("top_k", 20), ("min_p", 0.1)):
        older = {key: of for key, of in now["settings"].items() if key != name}
        before = upgraded(now | {"settings": older, "settings_hash": "of fewer settings"})
        assert before["settings_hash"] == now["settings_hash"]
        assert before["settings_hash"] != hash_of(now["settings"] | {name: own}, {})


def test_a_result_from_before_todays_defaults_counts_as_what_was_done() -> None:
    """Its null of `ess_threshold` was at every step, and settings that it lacks had other defaults."""
    row = problems()[0]
    now = dict(origin().solved(row, solution(row, "8")))
    assert (
        hash_of(now["settings"] | {"ess_threshold": None}, now["versions"]) == now["settings_hash"]
    )
    for name in ("ess_threshold", "softmax_temperature", "final"):
        older = {key: of for key, of in now["settings"].items() if key != name}
        before = upgraded(now | {"settings": older, "settings_hash": "of fewer settings"})
        assert before["settings_hash"] == now["settings_hash"]
        today = now["settings"] | {name: getattr(merged_settings(), name) or "vote"}
        assert hash_of(today, now["versions"]) != now["settings_hash"]


def test_resume_leaves_finished_rows_alone(tmp_path: Path) -> None:
    path = Path(shutil.copy(RESULTS, tmp_path))
    with ResultsFile(path, resume=True) as file:
        finished = file.resume(origin().settings_hash, problems())
        assert set(finished) == {"p1", "p2", "p3"}
    assert path.read_bytes() == RESULTS.read_bytes()


def test_an_old_part_and_a_new_one_join(tmp_path: Path) -> None:
    old, new = tmp_path / "old.jsonl", tmp_path / "new.jsonl"
    lines = RESULTS.read_text().splitlines(keepends=True)
    old.write_text("".join(line for line in lines if '"id": "p2"' not in line))
    problem = problems()[1]
    with ResultsFile(new) as file:
        file.write(origin().solved(problem, solution(problem, "8")))
    records = merge({path: read_solved(path) for path in (old, new)})
    assert [record["id"] for record in records] == ["p1", "p2", "p3"]
    assert {record["schema"] for record in records} == {2}


def test_a_summary_counts_them() -> None:
    (summary,) = summarise(read_solved(RESULTS).records)
    assert (summary.problems, summary.right, summary.graded) == (3, 2, 3)
