"""The last runs, each in a file of its own, to be looked at again.

Any number of processes may keep and read runs at the same time: a file is there whole or not at all, and
one that another process has removed meanwhile is no error.
"""

from __future__ import annotations

import re
import secrets
import string
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pfsolve.errors import PfsolveError, UsageError
from pfsolve.files import dumps, write_text
from pfsolve.results.line import ResultLine
from pfsolve.results.run_record import read_record

KEPT = 20  # runs; older ones are removed

# The time in UTC, to the microsecond, and the id.
_NAME = re.compile(r"\d{8}T\d{12}-(?P<id>[a-z]{4})\.json")


@dataclass(frozen=True, slots=True)
class KeptRun:
    """A run in the history."""

    id: str  # four letters
    path: Path

    def read(self) -> ResultLine:
        """The run's result with its particles.

        Raises:
            UsageError: the file is damaged, or gone.
        """
        return read_record(self.path)


class History:
    """The last runs. Its folder is made when the first is kept.

    Args:
        state_dir: where the user's programs keep what they know of earlier runs.
    """

    def __init__(self, state_dir: Path) -> None:
        self._folder = state_dir / "history"

    def keep(self, line: ResultLine) -> None:
        """Keep the record of a run, readable for this user only; remove the oldest.

        Raises:
            OSError: the folder cannot be written to.
            ValueError: a text is no Unicode.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        letters = "".join(secrets.choice(string.ascii_lowercase) for _ in range(4))
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{letters}.json"
        write_text(self._folder / name, dumps(line) + "\n", mode=0o600)
        for run in self.runs()[KEPT:]:
            run.path.unlink(missing_ok=True)

    def runs(self) -> list[KeptRun]:
        """The newest first; none where nothing has been kept."""
        try:
            names = sorted((path.name for path in self._folder.iterdir()), reverse=True)
        except OSError:
            return []
        found = ((name, _NAME.fullmatch(name)) for name in names)
        return [KeptRun(match["id"], self._folder / name) for name, match in found if match]

    def find(self, which: str) -> ResultLine:
        """The run that is meant.

        Args:
            which: 1 for the last, 2 for the one before it, ..., an id, or the path of a run's record.

        Raises:
            UsageError: there is none, or it cannot be read.
            PfsolveError: nothing has been kept.
        """
        runs = self.runs()
        by_name = {run.id: run for run in runs} | {str(n): run for n, run in enumerate(runs, 1)}
        if which in by_name:
            return by_name[which].read()
        if Path(which).is_file():
            return read_record(Path(which))
        if not runs and which.isdecimal():
            raise PfsolveError(
                "no run has been kept yet", 'try: pfsolve "Solve x^2=4", and then: pfsolve show'
            )
        raise UsageError(
            f"there is no run {which!r}",
            "pfsolve show --list lists them; it may also be the path of a record that --record has made",
        )
