"""Joins the parts of a run that was split by --shard."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pfsolve.errors import UsageError
from pfsolve.problems import Shard
from pfsolve.results.file import Contents
from pfsolve.results.line import ResultLine
from pfsolve.results.resuming import is_finished


def merge(parts: Mapping[Path, Contents]) -> list[ResultLine]:
    """The records of all parts, in the order of the input.

    The same row in two parts is fine where both say the same; a finished result wins over one that
    was interrupted or failed.

    Raises:
        UsageError: the parts are of different settings or inputs, contradict each other, or are
            damaged.
    """
    merged: dict[str, tuple[Path, ResultLine]] = {}
    first: tuple[Path, ResultLine] | None = None
    for path, contents in parts.items():
        if contents.torn or contents.faults:
            what = f"damaged: {contents.faults[0]}" if contents.faults else "not finished"
            raise UsageError(
                f"{path} is {what}",
                "finish that run first: pfsolve -f ... --resume",
            )
        for record in contents.records:
            first = first or (path, record)
            _check_alike(first, (path, record))
            _check_shard(path, record)
            known = merged.get(record["id"])
            if known is None or not is_finished(known[1]):
                merged[record["id"]] = (path, record)
            elif is_finished(record) and _said(known[1]) != _said(record):
                raise UsageError(
                    f"{known[0]} and {path} have different results for problem {record['id']!r}",
                    "one seed gives one result on the same machine: leave one of the files out",
                )
    return sorted((record for _, record in merged.values()), key=lambda r: (r["line"], r["id"]))


def missing(records: list[ResultLine]) -> tuple[int, list[str]]:
    """The number of rows that have no result, and the shards that are wholly absent."""
    rows = max((record["rows"] for record in records), default=0)
    shards = {shard for record in records if (shard := record.get("shard"))}
    absent = []
    if shards:
        count = Shard.parse(next(iter(shards))).count
        absent = [f"{i}/{count}" for i in range(1, count + 1) if f"{i}/{count}" not in shards]
    return max(0, rows - len(records)), absent


def _said(record: ResultLine) -> tuple[object, ...]:
    return record.get("problem"), record.get("answer"), record.get("seed")


def _check_alike(one: tuple[Path, ResultLine], other: tuple[Path, ResultLine]) -> None:
    (path, a), (other_path, b) = one, other
    if a["settings_hash"] != b["settings_hash"]:
        mine, theirs = a["settings"], b["settings"]
        differing = [
            f"{name} {mine.get(name)} and {value}"
            for name, value in theirs.items()
            if mine.get(name) != value
        ]
        raise UsageError(
            f"{path} and {other_path} are of different settings: "
            f"{', '.join(differing) or 'another file of the policy'}",
            "pfsolve results summary compares runs; merge joins the parts of one",
        )
    if a["rows"] != b["rows"]:
        raise UsageError(
            f"{path} is of an input of {a['rows']} rows, {other_path} of one of {b['rows']}",
            "the parts of one run come from the same file",
        )


def _check_shard(path: Path, record: ResultLine) -> None:
    shard = record.get("shard")
    if shard and not Shard.parse(shard).holds(record["id"]):
        raise UsageError(
            f"{path} says shard {shard}, which does not hold problem {record['id']!r}",
            "the file was changed after the run",
        )
