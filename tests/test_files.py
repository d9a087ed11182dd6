"""Files are replaced whole or not at all; digests are the same on every machine; JSON is strict."""

from __future__ import annotations

import hashlib
import json
import math
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pfsolve.files import (
    check_writable,
    digest,
    dumps,
    fingerprint,
    flush,
    json_safe,
    number_of,
    read_text,
    replacing,
    sha256_of,
    write_text,
)
from tests.faults import files_of_at_most

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=20,
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "some.txt"
    path.write_text("old")
    return path


def test_the_file_is_the_old_one_until_all_is_written(file: Path) -> None:
    with replacing(file) as part:
        part.write(b"new")
        part.flush()
        assert file.read_text() == "old"
    assert file.read_text() == "new"
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_writer_that_fails_leaves_the_old_file_and_nothing_else(
    file: Path, error: type[BaseException]
) -> None:
    with pytest.raises(error), replacing(file) as part:
        raise error(part.write(b"half"))
    assert file.read_text() == "old"
    assert list(file.parent.iterdir()) == [file]


def test_a_full_disk_leaves_the_old_file_and_is_told_by_the_files_name(file: Path) -> None:
    with files_of_at_most(1000), pytest.raises(OSError, match="too large") as caught:
        write_text(file, "new" * 1000)
    assert caught.value.filename == str(file)
    assert file.read_text() == "old"
    assert list(file.parent.iterdir()) == [file]


def test_a_file_whose_folder_is_none_is_told_by_its_name(file: Path) -> None:
    with pytest.raises(NotADirectoryError) as caught:
        write_text(file / "below", "new")
    assert caught.value.filename == str(file / "below")


def test_a_writer_that_fails_makes_no_new_file(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), replacing(tmp_path / "new") as part:
        part.write(bytes(1 // 0))
    assert list(tmp_path.iterdir()) == []


def test_permissions_stay_and_a_new_file_has_the_usual_ones(file: Path) -> None:
    file.chmod(0o640)
    write_text(file, "new")
    assert file.stat().st_mode & 0o777 == 0o640
    before = os.umask(0o027)
    try:
        write_text(file.with_name("other"), "new")
    finally:
        os.umask(before)
    assert file.with_name("other").stat().st_mode & 0o777 == 0o640


def test_a_symbolic_link_is_replaced_and_its_target_stays(file: Path) -> None:
    link = file.with_name("link")
    link.symlink_to(file)
    write_text(link, "new")
    assert not link.is_symlink()
    assert (link.read_text(), file.read_text()) == ("new", "old")


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_text(tmp_path / "no" / "file", "new")


def test_text_is_utf_8_with_its_line_ends_as_they_are(file: Path) -> None:
    write_text(file, "∑\r\n")
    assert file.read_bytes() == "∑\r\n".encode()
    flush(file)
    assert sha256_of(file) == hashlib.sha256("∑\r\n".encode()).hexdigest()


def test_digests_are_the_same_on_every_machine() -> None:
    assert digest({"b": [1, 2.5, None], "a": "é"}) == digest({"a": "é", "b": [1, 2.5, None]})
    assert digest({"a": 1}) == "165b44bb3d3e0923"  # of '{"a": 1}', by b2sum -l 64
    assert len(digest("x", size=12)) == 24
    assert number_of("23", b"pfsolve seed") != number_of("23", b"pfsolve shard")


def test_whether_a_file_can_be_written_leaves_no_trace(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.write_text("as it was")
    check_writable(old)
    check_writable(tmp_path / "new")
    assert old.read_text() == "as it was"
    assert list(tmp_path.iterdir()) == [old]
    with pytest.raises(OSError, match="old"):
        check_writable(old / "below a file")


def test_a_link_to_a_file_that_is_yet_to_come_stays(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "new")
    check_writable(link)
    assert list(tmp_path.iterdir()) == [link]


@given(st.text())
def test_every_text_has_a_number_of_64_bits(text: str) -> None:
    assert 0 <= number_of(text, b"test") < 2**64
    assert number_of(text, b"test") == number_of(text, b"test")


def finite(value: Any) -> bool:
    """Whether there is no number in it that JSON lacks."""
    if isinstance(value, dict):
        return all(map(finite, value.values()))
    if isinstance(value, list | tuple):
        return all(map(finite, value))
    return not isinstance(value, float) or math.isfinite(value)


@given(VALUES)
def test_any_value_becomes_strict_json(value: Any) -> None:
    safe = json_safe(value)
    assert json.loads(dumps(safe)) == safe
    if finite(value):
        assert dumps(value) == dumps(safe)
    else:
        with pytest.raises(ValueError, match="not JSON compliant"):
            dumps(value)


def test_what_a_terminal_would_obey_or_hide_is_escaped_in_json() -> None:
    text = "\x1b\x9b\u202e\u2066\u200b\u2028\ufeff\U000e0041"
    line = dumps([f"½ {text}"])
    assert "½" in line
    assert line.isprintable()
    assert json.loads(line) == [f"½ {text}"]


def test_null_takes_the_place_of_what_json_lacks() -> None:
    assert json_safe({"a": (1.5, math.inf), "b": math.nan}) == {"a": [1.5, None], "b": None}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_text_is_read_with_its_byte_order_mark_or_without(file: Path, encoding: str) -> None:
    file.write_text("x = 'π'", encoding=encoding)
    assert read_text(file) == "x = 'π'"
    file.write_bytes(b"caf\xe9")
    with pytest.raises(UnicodeDecodeError):
        read_text(file)


@pytest.mark.parametrize("size", [0, 1, 1000, 3_000_000])
def test_a_fingerprint_is_of_the_bytes_whatever_the_name_and_the_time(
    tmp_path: Path, size: int
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(bytes(size))
    two.write_bytes(bytes(size))
    os.utime(two, (0, 0))
    assert fingerprint(one) == fingerprint(two)
    two.write_bytes(bytes(size + 1))
    assert fingerprint(one) != fingerprint(two)


@pytest.mark.parametrize("at", [0, 1_500_000, 2_999_999])
def test_a_file_that_differs_at_its_ends_or_all_along_the_middle_has_another_fingerprint(
    file: Path, at: int
) -> None:
    data = bytearray(3_000_000)
    file.write_bytes(data)
    before = fingerprint(file)
    changed = 1 if at % 1_500_000 else 50_000  # a matrix in the middle: less than 2 % of the file
    data[at : at + changed] = b"x" * len(data[at : at + changed])
    file.write_bytes(data)
    assert fingerprint(file) != before
