"""Results files: JSON lines that are only ever appended to, read back, and resumed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from pfsolve.errors import ResourceError, UsageError
from pfsolve.files import dumps, flush, replacing
from pfsolve.problems import BadRow, Problem
from pfsolve.results.checking import Fault, parsed
from pfsolve.results.line import SCHEMA, ResultLine
from pfsolve.results.lock import FileLock
from pfsolve.results.resuming import as_decided, is_finished, regraded
from pfsolve.settings import Settings


@dataclass(frozen=True, slots=True)
class Contents:
    """A results file as it lies on the disk."""

    # The bytes of each line that is not blank, and its result, None where it holds none.
    lines: tuple[tuple[bytes, ResultLine | None], ...] = ()
    torn: bool = False  # the last line has no line break; it may hold a result all the same
    # What is wrong with each line without a result, a torn last one aside: "line 3: `rows` is missing".
    faults: tuple[str, ...] = ()

    @property
    def records(self) -> list[ResultLine]:
        return [record for _, record in self.lines if record is not None]


def read_results(path: Path) -> Contents:
    """Read a results file in any state that a run may have left it in.

    Raises:
        UsageError: it cannot be read, holds something else, or was written by a newer pfsolve.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", "give a results file") from error
    lines: list[tuple[bytes, ResultLine | None]] = []
    faults = []
    whole, last = data.split(b"\n")[:-1], data.split(b"\n")[-1]
    for number, line in enumerate([*whole, last], 1):
        if not line.strip():
            continue
        try:
            lines.append((line, parsed(line)))
        except Fault as fault:
            lines.append((line, None))
            if number <= len(whole):
                faults.append(f"line {number}: {fault}")
    contents = Contents(tuple(lines), bool(last.strip()), tuple(faults))
    newest = max((record["schema"] for record in contents.records), default=SCHEMA)
    if newest > SCHEMA:
        raise UsageError(
            f"{path} has schema {newest}, and this pfsolve knows {SCHEMA}",
            "use the pfsolve that wrote it, or a newer one",
        )
    only_torn = contents.torn and len(lines) == 1 and _START.startswith(last[: len(_START)])
    if lines and not contents.records and not only_torn:
        first = f" ({faults[0]})" if faults else ""
        raise UsageError(f"{path} holds no results of pfsolve{first}", "name another file")
    return contents


def read_solved(path: Path) -> Contents:
    """Read a file of results of solving.

    Raises:
        UsageError: as in `read_results`, or it holds scores of a reward.
    """
    contents = read_results(path)
    if any("log_odds" in record for record in contents.records):
        raise UsageError(
            f"{path} holds scores of a reward, not results of solving",
            "`pfsolve reward eval FILE -o` with it sums those up",
        )
    return contents


def fault_lines(faults: Sequence[str], most: int = 5) -> list[str]:
    """What to tell of damaged lines: the first of them, and the number of the others."""
    more = len(faults) - most
    return [*faults[:most], *([f"and {more} lines more"] if more > 0 else [])]


def not_written(error: OSError, path: Path | None = None) -> ResourceError:
    """The error for a file that the disk does not take: `path`, or what the system's error names."""
    return ResourceError(
        f"cannot write to {path or error.filename}: {error.strerror}",
        "what is finished is kept; with room on the disk, the same command does the rest "
        "(a solve: with --resume)",
    )


_START = b'{"schema": '  # of every line
_OTHERS = (".csv", ".tsv", ".gz")  # endings of files that hold something else


class ResultsFile:
    """A results file that is being written. Close it, or use it in a `with`.

    Args:
        path: a new or empty file, or with `resume` one of an earlier run. Its damaged lines, a torn
            last one aside, are moved into FILE.bad: their problems count as not done.

    Attributes:
        moved: what was wrong with each of them: "line 3: `rows` is missing".

    Raises:
        UsageError: it exists already, holds something else, or cannot be written.
        PfsolveError: another process is writing to it.
    """

    def __init__(self, path: Path, *, resume: bool = False) -> None:
        try:
            self.path = path.resolve()  # a link stays one when the file behind it is replaced
        except (OSError, RuntimeError):
            raise UsageError(
                f"cannot write {path}: it is a link that leads to itself", "name another file"
            ) from None
        if path.suffix.lower() in _OTHERS:
            raise UsageError(
                f"{path} is not the name of a results file: results are written as JSON lines",
                f"name it {path.with_suffix('.jsonl')}",
            )
        self._lock = FileLock(self.path)
        try:
            self._open(path, resume)
        except BaseException:
            self._lock.release()
            raise

    def _open(self, path: Path, resume: bool) -> None:
        contents = Contents()
        if path.is_file() and path.stat().st_size:
            if not resume:
                raise UsageError(
                    f"{path} exists already", "add --resume to continue it, or name another file"
                )
            contents = read_results(path)
        self._lines = list(contents.lines)
        self._torn = contents.torn
        self.moved = contents.faults
        self._new = not self.path.exists()
        try:
            self._file = self.path.open("ab")
        except OSError as error:
            raise UsageError(
                f"cannot write {path}: {error.strerror}", "name a file in a folder of yours"
            ) from error
        try:
            if self.moved:
                self._set_damaged_aside()
        except OSError as error:
            raise not_written(error, self.bad) from error

    @property
    def told(self) -> list[str]:
        """What to tell of the lines that were moved."""
        return [
            f"{self.path.name}, {line}; moved to {self.bad.name}"
            for line in fault_lines(self.moved)
        ]

    @property
    def bad(self) -> Path:
        """Where damaged lines are kept."""
        return self.path.with_name(f"{self.path.name}.bad")

    def _set_damaged_aside(self) -> None:
        torn = self._lines[-1:] if self._torn else []
        whole = self._lines[:-1] if self._torn else self._lines
        with self.bad.open("ab") as file:
            file.writelines(line + b"\n" for line, record in whole if record is None)
        flush(self.bad)  # before they are gone from where they were
        self._lines = [(line, record) for line, record in whole if record is not None] + torn
        self._replace((line for line, _ in self._lines), torn=self._torn)

    @property
    def records(self) -> list[ResultLine]:
        """All results that it holds now."""
        return [record for _, record in self._lines if record is not None]

    def whole(
        self, settings: Settings, problems: Sequence[Problem]
    ) -> tuple[Settings, Mapping[str, str]] | None:
        """Settings and versions of a run under these settings that has finished all these problems.

        None if there is no such run.
        """
        runs: dict[str, list[ResultLine]] = {}
        for _, record in self._lines:
            if record is not None and "log_odds" not in record and is_finished(record):
                runs.setdefault(record["settings_hash"], []).append(record)
        wanted = {(problem.id, problem.text) for problem in problems}
        for run in runs.values():
            decided = as_decided(settings, run[0])
            if decided and wanted <= {(record["id"], record.get("problem")) for record in run}:
                return decided, run[0]["versions"]
        return None

    def resume(
        self,
        settings_hash: str,
        rows: Iterable[Problem | BadRow],
        adopt: Callable[[ResultLine], ResultLine] = lambda record: record,
    ) -> dict[str, ResultLine]:
        """Prepare the file for more results, and return what is finished of these rows, by id.

        What an earlier run under these settings left unfinished, because it was interrupted or
        failed, is taken out, and so is a torn last line. Where a row's right answer is another one by
        now, its result is graded again. All else stays as it is.

        Args:
            adopt: gives a result as it counts now: see `pfsolve.results.resuming.adopting`.

        Raises:
            UsageError: a result belongs to another problem than the one of this id now.
        """
        rows = list(rows)
        problems = {row.id: row for row in rows if isinstance(row, Problem)}
        places = {row.line for row in rows}
        finished: dict[str, ResultLine] = {}
        kept = []
        for line, was in self._lines:
            record = None if was is None else adopt(was)
            if record is not None and record.get("settings_hash") == settings_hash:
                if not is_finished(record) and record.get("line") in places:
                    continue
                if is_finished(record) and (problem := problems.get(record["id"])):
                    if record.get("problem") != problem.text:
                        raise UsageError(
                            f"{self.path.name} has a result for another problem {record['id']!r}",
                            "it belongs to another input: name another file",
                        )
                    record = regraded(record, problem.answer)
                    if record is None:
                        continue
                    finished.setdefault(record["id"], record)
            if record is not was:
                line = dumps(record).encode()
            kept.append((line, record))
        if self._torn and kept and kept[-1][1] is None:
            kept.pop()
        if self._torn or kept != self._lines:
            self._replace(line for line, _ in kept)
        self._lines, self._torn = kept, False
        return finished

    def _replace(self, lines: Iterable[bytes], *, torn: bool = False) -> None:
        """Put these lines in the place of the file's, at one stroke; a torn one ends in no line break."""
        self._file.close()
        try:
            with replacing(self.path) as file:
                file.write(b"\n".join([*lines, *([] if torn else [b""])]))
        except OSError as error:
            raise not_written(error, self.path) from error
        self._file = self.path.open("ab")

    def write(self, record: ResultLine) -> None:
        """Append a line, which survives the end of this process from then on."""
        line = dumps(record).encode()
        try:
            self._file.write(line + b"\n")
            self._file.flush()
        except OSError as error:
            with suppress(OSError):  # it holds what could not be written, and tries again
                self._file.close()
            raise not_written(error, self.path) from error
        self._lines.append((line, record))

    def close(self) -> None:
        try:
            self._file.close()
        finally:
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._file.close()
            if error is not None and self._new and not self.path.stat().st_size:
                self.path.unlink()  # nothing has come of it
        finally:
            self.close()
