"""Reading rows: both kinds, run records, and a bad row costs no other and is named by its line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pfsolve.errors import UsageError
from pfsolve.events.search import Resampled
from pfsolve.lab.evaluation.labelled import Attempt, Labelled, Rollouts, read_labelled
from pfsolve.particle import Finish, Particle, Step
from pfsolve.problems import Problem
from pfsolve.results.line import Origin
from pfsolve.results.run_record import RunRecords
from pfsolve.settings import Settings
from pfsolve.solution import Solution

LABELLED = {"problem": "1 + 1?", "steps": ["One and one", "is three."], "first_error": 1}
ROLLOUTS = {
    "id": "two",
    "problem": "2 + 2?",
    "answer": 4,
    "solutions": [
        {"steps": ["It is 4.\n\n", ""], "answer": "4"},
        {"steps": ["So it is", "5."], "answer": 5},
        {"steps": ["\n"], "answer": None},
    ],
}


def written(path: Path, *rows: object) -> Path:
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def complaint(tmp_path: Path, row: object) -> str:
    """What is said of a row that follows a good one."""
    found = read_labelled(written(tmp_path / "f.jsonl", LABELLED, row))
    assert len(found.rows) == 1
    (line,) = found.complaints
    assert line.startswith("line 2: ")
    return line


def test_one_file_may_hold_both_kinds(tmp_path: Path) -> None:
    found = read_labelled(written(tmp_path / "f.jsonl", LABELLED, "", ROLLOUTS))
    first, second = found.rows
    assert first == Labelled(Problem("1", 1, "1 + 1?"), ("One and one", "is three."), 1)
    assert second == Rollouts(
        Problem("two", 3, "2 + 2?", "4"),
        (
            Attempt(("It is 4.\n\n",), "4"),
            Attempt(("So it is", "5."), "5"),
            Attempt((), None),
        ),
    )
    assert found.complaints == ()
    assert found.describe() == "1 labelled solution, 1 problem with 3 rollouts"


@pytest.mark.parametrize("name", ["gsm8k.json", "gsm8k.jsonl"])
def test_processbench_is_read_as_it_is_published(tmp_path: Path, name: str) -> None:
    row = {"id": "gsm8k-7", "generator": "x", "problem": "1 + 1?", "steps": ["One", "is three."]}
    rows = [row | {"final_answer_correct": False, "label": 1}, row | {"id": "b", "label": -1}]
    document = json.dumps(rows, indent=2)
    found = read_labelled(written(tmp_path / name, *([document] if name[-1] == "n" else rows)))
    labelled = [each for each in found.rows if isinstance(each, Labelled)]
    assert [(each.problem.id, each.first_error) for each in labelled] == [("gsm8k-7", 1), ("b", -1)]
    assert found.complaints == ()


def test_gzip_and_a_byte_order_mark(tmp_path: Path) -> None:
    data = b"\xef\xbb\xbf" + json.dumps(LABELLED).encode() + b"\r\n"
    (tmp_path / "f.jsonl.gz").write_bytes(gzip.compress(data))
    assert len(read_labelled(tmp_path / "f.jsonl.gz").rows) == 1


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("no JSON", "no JSON"),
        ({"steps": ["a"], "first_error": 0}, 'no field "problem"'),
        ({**LABELLED, "first_error": 2}, '"first_error" is 2'),
        ({**LABELLED, "first_error": -2}, '"first_error" is -2'),
        ({**LABELLED, "first_error": True}, '"first_error" is true'),
        ({**LABELLED, "first_error": None}, '"first_error" is null'),
        ({"problem": "p", "steps": ["a"], "label": 1}, '"label" is 1'),
        ({**LABELLED, "steps": []}, "there are no steps"),
        ({**LABELLED, "steps": "all in one"}, '"steps" is'),
        ({**LABELLED, "steps": ["a", 7]}, "a step is 7"),
        ({**LABELLED, "steps": ["a", " \n"]}, "step 1 is blank"),
        ({**LABELLED, "steps": ["a", "b\0"]}, "NUL"),
        ({**LABELLED, "steps": ["a", "b\ud800"]}, "half a character"),
        ({"problem": "p", "steps": ["a"]}, 'neither "first_error" nor "solutions"'),
        ({"problem": "p", "solutions": [{"steps": ["a"], "answer": "1"}]}, "no right"),
        ({**ROLLOUTS, "solutions": []}, "there are no solutions"),
        ({**ROLLOUTS, "solutions": [7]}, "a solution is 7"),
        ({**ROLLOUTS, "solutions": [{"steps": ["a"]}]}, 'no field "answer"'),
        ({**ROLLOUTS, "solutions": [{"answer": "4"}]}, 'no field "steps"'),
        ({**ROLLOUTS, "solutions": [{"steps": ["a"], "answer": ["4"]}]}, "answer is ['4']"),
        ({"problem": "p", "answer": "4", "settings_hash": "ab"}, "keeps no steps"),
    ],
)
def test_a_malformed_row_is_named_by_its_line(tmp_path: Path, row: object, said: str) -> None:
    assert said in complaint(tmp_path, row)


NAMES = st.sampled_from(
    ["problem", "answer", "steps", "first_error", "solutions", "particles", "ancestors", "events",
     "settings", "expected"]
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=12,
)


@given(
    st.lists(
        JSON
        | JSON.map(lambda value: {**ROLLOUTS, "solutions": value})
        | st.dictionaries(NAMES, JSON).map(lambda some: {"problem": "p", **some})
        | JSON.map(
            lambda value: {
                "problem": "p",
                "particles": [{"ancestors": [0], "steps": ["a"], "answer": None}, value],
            }
        ),
        min_size=1,
        max_size=4,
    )
)
def test_whatever_a_file_holds_every_row_is_accounted_for(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Any]
) -> None:
    path = written(tmp_path_factory.mktemp("any") / "f.jsonl", LABELLED, *map(json.dumps, rows))
    found = read_labelled(path)
    assert len(found.rows) + len(found.complaints) == 1 + len(rows)


def test_a_file_without_a_usable_row_is_an_error_that_says_what_a_row_is(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="neither labelled solutions nor rollouts") as caught:
        read_labelled(written(tmp_path / "f.jsonl", {"problem": "p"}))
    assert '"first_error"' in str(caught.value.hint)
    with pytest.raises(UsageError, match="cannot read"):
        read_labelled(tmp_path / "absent.jsonl")
    with pytest.raises(UsageError, match="neither"):
        read_labelled(tmp_path)


def recorded(
    folder: Path,
    name: str,
    slots: list[list[int]],
    *,
    reward: str = "none",
    expected: str | None = "4",
    events: tuple[Resampled, ...] = (),
    interrupted: bool = False,
    finish: Finish = Finish.BOXED,
) -> None:
    """A run record as a solve writes it; slots: of each particle, who wrote each step."""

    def particle(index: int, line: list[int]) -> Particle:
        texts = [f"step {k} of {slot}\n\n" for k, slot in enumerate(line)]
        writers = [*line, line[-1]]
        steps = [
            Step((1,), text.encode(), slot, log_odds=0.0)
            for text, slot in zip([*texts, f"\\boxed{{{4 + index}}}"], writers, strict=True)
        ]
        return Particle(tuple(steps), finish)

    particles = tuple(particle(i, line) for i, line in enumerate(slots))
    settings = Settings(policy="small", temperature=0.5, seed=0, reward=reward)
    solution = Solution(
        problem="2 + 2?", answer="4", agreement=1.0, candidates=(), particles=particles,
        weights=(1 / len(slots),) * len(slots), log_evidence=0.0, settings=settings, seed=1,
        versions={}, tokens=10, reward_tokens=0, seconds=1.0, load_seconds=1.0, interrupted=interrupted,
    )  # fmt: skip
    records = RunRecords(folder)
    for event in events:
        records.hear(name, event)
    versions = {"policy_sha256": "0" * 64}
    problem = Problem(name, 1, "2 + 2?", expected)
    records.write(name, Origin(settings, versions, 1).solved(problem, solution, particles=True))


@pytest.mark.parametrize(
    "scores", [[1.0, None], [1.0, True], [1.0, float("nan")], [1.0], "1", None]
)
def test_scores_that_are_not_all_there_are_none(scores: object, tmp_path: Path) -> None:
    recorded(tmp_path, "a", [[0], [1]])
    record = json.loads((tmp_path / "a.json").read_text())
    record["particles"][0]["log_odds"] = scores
    (tmp_path / "a.json").write_text(json.dumps(record))
    row = read_labelled(tmp_path).rows[0]
    assert isinstance(row, Rollouts)
    assert [attempt.log_odds for attempt in row.attempts] == [None, (0.0, 0.0)]


def test_the_score_of_a_blank_step_goes_with_it(tmp_path: Path) -> None:
    recorded(tmp_path, "a", [[0]])
    record = json.loads((tmp_path / "a.json").read_text())
    record["particles"][0] |= {"steps": ["x", " ", "y"], "log_odds": [1, -2.5, 3]}
    (tmp_path / "a.json").write_text(json.dumps(record))
    row = read_labelled(tmp_path).rows[0]
    assert isinstance(row, Rollouts)
    assert row.attempts == (Attempt(("x", "y"), "4", (1, 3)),)


def test_programs_of_a_record_are_left_out(tmp_path: Path) -> None:
    recorded(tmp_path, "a", [[0], [1], [2]])
    record = json.loads((tmp_path / "a.json").read_text())
    record["particles"][1] |= {"kind": "program", "output": "5\n", "error": None}
    (tmp_path / "a.json").write_text(json.dumps(record))
    row = read_labelled(tmp_path).rows[0]
    assert isinstance(row, Rollouts)
    assert [attempt.answer for attempt in row.attempts] == ["4", "6"]
    for particle in record["particles"]:
        particle["kind"] = "program"
    (tmp_path / "a.json").write_text(json.dumps(record))
    with pytest.raises(UsageError, match="no solutions"):
        read_labelled(tmp_path)


def test_a_folder_of_run_records_is_a_file_of_rollouts(tmp_path: Path) -> None:
    recorded(tmp_path, "b", [[0, 0], [1]], events=(Resampled(1, (0, 1), (0.5, 0.5)),))
    recorded(tmp_path, "a", [[0], [1], [2]], reward="self-evaluation")
    found = read_labelled(tmp_path)
    assert found.complaints == ()
    a, b = found.rows
    assert isinstance(a, Rollouts)
    assert isinstance(b, Rollouts)
    assert (a.problem.id, b.problem.id) == ("a", "b")
    assert (b.problem.text, b.problem.answer) == ("2 + 2?", "4")
    assert b.attempts == (
        Attempt(("step 0 of 0\n\n", "step 1 of 0\n\n", "\\boxed{4}"), "4", (0.0, 0.0, 0.0)),
        Attempt(("step 0 of 1\n\n", "\\boxed{5}"), "5", (0.0, 0.0)),
    )
    assert (a.origin["policy"], a.origin["reward"]) == ("small", "self-evaluation")
    assert a.origin["policy_sha256"] == "0" * 64, "versions count as well as settings"
    assert len(a.attempts) == 3
    single = read_labelled(tmp_path / "b.json")
    assert isinstance(single.rows[0], Rollouts)
    assert single.rows[0].attempts == b.attempts


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"slots": [[0, 0], [0, 1]]}, "resampled"),
        ({"slots": [[1, 1], [1, 1]]}, "resampled"),
        # no particle was lost, but by the reward's grace
        (
            {
                "slots": [[0], [1]],
                "reward": "self-evaluation",
                "events": (Resampled(1, (0, 1), (0.5, 0.5)),),
            },
            "resampled",
        ),
        ({"slots": [[0], [1]], "expected": None}, '"expected" is missing'),
        ({"slots": [[0], [1]], "interrupted": True}, "interrupted"),
        # half a solution has no answer, and is not wrong for that
        ({"slots": [[0], [1]], "finish": Finish.SETTLED}, "--no-early-stop"),
    ],
)
def test_records_that_are_no_independent_rollouts_are_left_out(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    recorded(tmp_path, "good", [[0], [1]])
    recorded(tmp_path, "other", **change)
    found = read_labelled(tmp_path)
    assert [row.problem.id for row in found.rows] == ["good"]
    (line,) = found.complaints
    assert line.startswith("other.json, line 1: ")
    assert said in line
