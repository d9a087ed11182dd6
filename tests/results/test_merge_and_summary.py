"""Parts of a run join to the whole and nothing else does; summaries count what there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from pfsolve.errors import UsageError
from pfsolve.files import dumps
from pfsolve.problems import Shard
from pfsolve.results.file import Contents
from pfsolve.results.line import ResultLine
from pfsolve.results.merge import merge, missing
from pfsolve.results.summary import summarise, wilson
from tests.results.conftest import BAD, PROBLEMS, ROWS, origin, solution

A, B, C = Path("a.jsonl"), Path("b.jsonl"), Path("c.jsonl")


def part(shard: str | None = None, **settings: object) -> list[ResultLine]:
    whole = origin(shard, **settings)
    held = [row for row in ROWS if shard is None or Shard.parse(shard).holds(row.id)]
    return [
        whole.failed(row) if row is BAD else whole.solved(row, solution(row, row.answer))
        for row in held
    ]


def contents(records: list[ResultLine], *, torn: bool = False) -> Contents:
    return Contents(tuple((dumps(r).encode(), r) for r in records), torn)


def test_shards_join_to_the_whole_in_the_inputs_order() -> None:
    parts = {path: contents(part(f"{i}/3")) for i, path in enumerate((A, B, C), 1)}
    records = merge(parts)
    assert [record["id"] for record in records] == [row.id for row in ROWS]
    assert missing(records) == (0, [])


def test_a_shard_that_is_not_there_is_named() -> None:
    records = merge({A: contents(part("1/3")), C: contents(part("3/3"))})
    assert missing(records) == (len(ROWS) - len(records), ["2/3"])


def test_different_settings_do_not_join_and_the_difference_is_named() -> None:
    with pytest.raises(UsageError, match="particles 8 and 16"):
        merge({A: contents(part("1/2")), B: contents(part("2/2", particles=16))})
    with pytest.raises(UsageError, match="seed 0 and 1"):
        merge({A: contents(part("1/2")), B: contents(part("2/2", seed=1))})


def test_contradicting_results_do_not_join() -> None:
    changed = part("1/2")
    changed[0] = {**changed[0], "answer": "17"}
    with pytest.raises(UsageError, match="different results"):
        merge({A: contents(part("1/2")), B: contents(changed)})


def test_the_same_part_twice_is_no_harm() -> None:
    assert len(merge({A: contents(part()), B: contents(part())})) == len(ROWS)


def test_a_finished_result_wins_over_a_failed_one() -> None:
    whole = origin()
    failed = [whole.failed(PROBLEMS[0], UsageError("no"))]
    good = [whole.solved(PROBLEMS[0], solution(PROBLEMS[0], "2"))]
    for parts in ({A: failed, B: good}, {A: good, B: failed}):
        (record,) = merge({path: contents(records) for path, records in parts.items()})
        assert record["answer"] == "2"


def test_a_torn_part_is_to_be_finished_first() -> None:
    with pytest.raises(UsageError, match="not finished"):
        merge({A: contents(part(), torn=True)})


def test_a_problem_in_the_wrong_shard_is_noticed() -> None:
    forged = [{**record, "shard": "2/2"} for record in part("1/2")]
    with pytest.raises(UsageError, match="does not hold"):
        merge({A: contents(forged)})


def test_a_summary_counts_each_problem_once_and_time_side_by_side_once() -> None:
    records = part()
    for number, record in enumerate(records):
        record["at"] = (
            f"2026-01-01T00:00:0{number % 4 + 2}+00:00"  # 2 s each, half of them together
        )
    (summary,) = summarise([*records, records[0]])
    assert (summary.rows, summary.problems, summary.failed) == (9, 9, 1)
    assert (summary.right, summary.graded, summary.accuracy) == (8, 8, 1.0)
    assert summary.tokens == 800
    assert summary.seconds == 5.0, "from second 0 to 5, always with something to do"


def test_settings_are_summed_up_apart() -> None:
    one, other = summarise([*part(), *part(particles=2)])
    assert (one.settings["particles"], other.settings["particles"]) == (8, 2)


def test_wilsons_interval_agrees_with_published_values() -> None:
    """Newcombe 1998 (Statistics in Medicine 17), table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29."""
    for right, n, low, high in [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ]:
        assert wilson(right, n) == pytest.approx((low, high), abs=1e-4)
