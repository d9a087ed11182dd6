"""Runs resumed, torn, damaged, doubled and merged in any order, against a plain list of what is done."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pfsolve.errors import NoAnswer, PfsolveError, UsageError
from pfsolve.files import dumps
from pfsolve.problems import Problem, Shard
from pfsolve.results.file import ResultsFile, read_results, read_solved
from pfsolve.results.line import ResultLine
from pfsolve.results.merge import merge, missing
from tests.results.conftest import PROBLEMS, ROWS, origin, solution

CASES = int(os.environ.get("FUZZ_CASES", "25"))

SHARDS = (None, "1/2", "2/2")
HASH, OTHER = origin().settings_hash, {"seed": 1}

# What a line may hold whose problem is as good as not done.
DAMAGE = [
    b"", b"x", b"{}", b"null", b'{"schema": 2', b'{"schema": 2, "id": "1"}', b"\xff\xfe", b"[" * 3000,
    b'{"schema": 2, "id": 1, "line": 1}', b'{"schema": "2"}',
]  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """A line that is not blank."""

    id: str = ""  # empty for one that is damaged
    finished: bool = False
    answer: str | None = None
    mine: bool = True  # of these settings


@dataclass
class File:
    """What a results file ought to hold."""

    shard: str | None
    entries: list[Entry] = field(default_factory=list)
    torn: bool = False  # the last one has no line break
    bad: int = 0  # damaged lines that were set aside

    @property
    def rows(self) -> list[Any]:
        return [row for row in ROWS if self.shard is None or Shard.parse(self.shard).holds(row.id)]

    @property
    def damaged(self) -> list[Entry]:
        """Those that are to be set aside: a torn one is only cut off."""
        whole = self.entries[:-1] if self.torn else self.entries
        return [entry for entry in whole if not entry.id]

    @property
    def readable(self) -> bool:
        """Whether it is known for a results file at all."""
        only_torn = self.torn and len(self.entries) == 1
        return not self.entries or only_torn or any(entry.id for entry in self.entries)

    @property
    def done(self) -> dict[str, str | None]:
        """The answers of the problems that need not be solved again; of several the first."""
        own = {row.id for row in self.rows if isinstance(row, Problem)}
        found: dict[str, str | None] = {}
        for entry in self.entries:
            if entry.mine and entry.finished and entry.id in own:
                found.setdefault(entry.id, entry.answer)
        return found

    def resume(self) -> None:
        self.bad += len(self.damaged)
        self.entries = [e for e in self.entries if e.id and (e.finished or not e.mine)]
        self.torn = False


class Runs(RuleBasedStateMachine):
    """Three results files: of a whole input, and of its two shards."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.files = [File(shard) for shard in SHARDS]

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    def path(self, number: int) -> Path:
        return self.folder / f"{number}.jsonl"

    def make(self, file: File, row: Any, how: str, answer: str) -> tuple[ResultLine, Entry]:
        """A line as a run ends a row in one of four ways, and what it counts as."""
        mine = how != "other"
        source = origin(file.shard) if mine else origin(file.shard, **OTHER)
        if not isinstance(row, Problem):  # a malformed row is looked at again
            return source.failed(row), Entry(row.id, mine=mine)
        if how == "failed":
            return source.failed(row, PfsolveError("x")), Entry(row.id)
        if how == "no answer":
            return source.failed(row, NoAnswer("x")), Entry(row.id, True)
        cut = how == "interrupted"
        line = source.solved(row, solution(row, answer, interrupted=cut))
        return line, Entry(row.id, not cut, answer, mine)

    def append(self, number: int, data: bytes, entry: Entry | None, *, torn: bool = False) -> None:
        """Bytes that no run of ours writes, at the end of a file that is whole."""
        file = self.files[number]
        with self.path(number).open("ab") as stream:
            stream.write(data if torn else data + b"\n")
        if entry is not None:
            file.entries.append(entry)
            file.torn = torn

    @rule(
        number=st.integers(0, 2),
        ends=st.lists(
            st.tuples(
                st.integers(0, 20),
                st.sampled_from(["solved", "solved", "no answer", "failed", "interrupted"]),
                st.sampled_from("23"),
            ),
            max_size=5,
        ),
    )
    def run(self, number: int, ends: list[tuple[int, str, str]]) -> None:
        """A run begins or is resumed, and writes some lines."""
        file, path = self.files[number], self.path(number)
        if not file.readable:
            with pytest.raises(UsageError):
                ResultsFile(path, resume=True)
            return
        with ResultsFile(path, resume=True) as results:
            assert len(results.moved) == len(file.damaged)
            finished = results.resume(HASH, file.rows)
            assert {key: line["answer"] for key, line in finished.items()} == file.done
            file.resume()
            for which, how, answer in ends:
                left = [row for row in file.rows if row.id not in file.done]
                if left:
                    line, entry = self.make(file, left[which % len(left)], how, answer)
                    results.write(line)
                    file.entries.append(entry)

    @rule(
        number=st.integers(0, 2),
        at=st.integers(0, 20),
        how=st.sampled_from(["solved", "solved", "failed", "other"]),
        answer=st.sampled_from("23"),
    )
    def double(self, number: int, at: int, how: str, answer: str) -> None:
        """A line is there twice, or one of other settings is put beside it."""
        file = self.files[number]
        if not file.torn:
            row = file.rows[at % len(file.rows)]
            line, entry = self.make(file, row, how, answer)
            self.append(number, dumps(line).encode(), entry)

    @rule(number=st.integers(0, 2), cut=st.integers(1, 10_000))
    def kill(self, number: int, cut: int) -> None:
        """The process ends, or the power, while a line is written: some of it is there."""
        file = self.files[number]
        if file.torn:
            return
        line, entry = self.make(file, file.rows[cut % len(file.rows)], "solved", "2")
        data = dumps(line).encode()
        cut = 1 + cut % len(data)
        self.append(number, data[:cut], entry if cut == len(data) else Entry(), torn=True)

    @rule(number=st.integers(0, 2), at=st.integers(0, 20), damage=st.sampled_from(DAMAGE))
    def damage(self, number: int, at: int, damage: bytes) -> None:
        """A line in the middle is another one, or blank."""
        file, path = self.files[number], self.path(number)
        whole = len(file.entries) - file.torn
        if not whole:
            return
        at %= whole
        lines = [line for line in path.read_bytes().split(b"\n") if line.strip()]
        lines[at] = damage
        path.write_bytes(b"\n".join([*lines, *([] if file.torn else [b""])]))
        file.entries[at] = Entry()
        if not damage:
            del file.entries[at]
            if not any(line.strip() for line in lines):
                path.write_bytes(b"")

    @rule(every=st.booleans(), backwards=st.booleans())
    def join(self, every: bool, backwards: bool) -> None:
        """`pfsolve results merge` on all there is, or on what is not damaged."""
        numbers = [
            n
            for n, file in enumerate(self.files)
            if file.entries and (every or not (file.torn or file.damaged))
        ]
        if not numbers:
            return
        numbers = numbers[::-1] if backwards else numbers
        files = [self.files[n] for n in numbers]
        problem = self._expected_refusal(files)
        try:
            records = merge({self.path(n): read_solved(self.path(n)) for n in numbers})
        except UsageError as error:
            note(str(error))
            assert problem, "what can be merged was refused"
            return
        assert not problem, "what cannot be merged was merged"
        best: dict[str, Entry] = {}
        for entry in (entry for file in files for entry in file.entries):
            if entry.id not in best or not best[entry.id].finished:
                best[entry.id] = entry
        assert {record["id"]: record["answer"] for record in records} == {
            key: entry.answer for key, entry in best.items()
        }
        assert missing(records)[0] == len(ROWS) - len(best)

    @staticmethod
    def _expected_refusal(files: list[File]) -> bool:
        if any(file.torn or file.damaged or not file.readable for file in files):
            return True
        entries = [entry for file in files for entry in file.entries]
        if len({entry.mine for entry in entries}) > 1:
            return True
        said: dict[str, str | None] = {}
        finished = [entry for entry in entries if entry.finished]
        return any(said.setdefault(entry.id, entry.answer) != entry.answer for entry in finished)

    @invariant()
    def holds(self) -> None:
        """What lies on the disk is what the list says, and no damaged line is lost."""
        for number, file in enumerate(self.files):
            path = self.path(number)
            bad = path.with_name(f"{path.name}.bad")
            assert (bad.read_bytes().count(b"\n") if bad.exists() else 0) == file.bad
            if not path.exists():
                assert not file.entries
                continue
            if not file.readable:
                with pytest.raises(UsageError):
                    read_results(path)
                continue
            contents = read_results(path)
            assert [record and record["id"] for _, record in contents.lines] == [
                entry.id or None for entry in file.entries
            ]
            assert contents.torn == file.torn
            assert len(contents.faults) == len(file.damaged)
            for line, record in contents.lines:
                assert record is None or json.loads(line)["id"] == record["id"]


TestRuns = Runs.TestCase
TestRuns.settings = settings(
    max_examples=CASES,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def test_the_list_knows_the_problems() -> None:
    shards = [{row.id for row in File(shard).rows} for shard in SHARDS]
    assert shards[0] == {row.id for row in ROWS} == shards[1] | shards[2]
    assert {problem.id for problem in PROBLEMS} < shards[0]
