"""A part file only grows, never beyond its file, and is only begun where there is room."""

from __future__ import annotations

import errno
import os
import shutil
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import pytest

from pfsolve.errors import ResourceError
from pfsolve.models.transfer import PartFile, PlaceFailed, disk_trouble

Usage = namedtuple("Usage", "total used free")


def test_bytes_are_added_at_the_end_and_reported(tmp_path: Path) -> None:
    told: list[int] = []
    part = PartFile(tmp_path / "x.part", 10, told.append)
    part.append([b"abc", b"de"])
    again = PartFile(tmp_path / "x.part", 10, told.append)
    assert again.size == 5
    again.append([b"fghij"])
    assert again.is_whole
    assert again.path.read_bytes() == b"abcdefghij"
    assert told == [3, 5, 10]


def test_more_bytes_than_the_file_has_are_refused(tmp_path: Path) -> None:
    part = PartFile(tmp_path / "x.part", 4, lambda done: None)
    with pytest.raises(PlaceFailed, match="more than the 4 bytes"):
        part.append([b"abc", b"de"])
    assert part.path.read_bytes() == b"abc"


def test_a_part_longer_than_the_file_is_no_beginning_of_it(tmp_path: Path) -> None:
    path = tmp_path / "x.part"
    path.write_bytes(b"abcdef")
    assert PartFile(path, 5, lambda done: None).size == 0


def test_what_came_before_a_break_is_kept(tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"abc"
        raise ConnectionError

    part = PartFile(tmp_path / "x.part", 10, lambda done: None)
    with pytest.raises(ConnectionError):
        part.append(broken())
    assert part.path.read_bytes() == b"abc"


def test_cutting_drops_the_end_only(tmp_path: Path) -> None:
    part = PartFile(tmp_path / "x.part", 10, lambda done: None)
    part.append([b"abcdef"])
    part.cut(8)
    assert part.size == 6
    part.cut(2)
    assert part.path.read_bytes() == b"ab"


def test_room_is_needed_for_the_missing_bytes_and_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(0, 0, 1000))
    part = PartFile(tmp_path / "x.part", 1_001, lambda done: None)
    with pytest.raises(ResourceError) as caught:
        part.check_room()
    assert "1 kB are needed" in caught.value.message
    assert "PFSOLVE_MODELS_DIR" in str(caught.value.hint)
    part.append([b"a"])
    part.check_room()
    with pytest.raises(ResourceError):
        part.check_room(extra=1)


def test_trouble_with_the_disk_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match="is full"), disk_trouble(tmp_path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(ResourceError, match="Permission denied"), disk_trouble(tmp_path):
        raise PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "x"))
