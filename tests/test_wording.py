"""Numbers, time spans and values as people read them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pfsolve.wording import (
    duration,
    format_bytes,
    listed,
    percent,
    plural,
    read_duration,
    shortened,
    speed,
    thousands,
)


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0 %"), (0.001, "<1 %"), (0.12, "12 %"), (0.994, "99 %"), (0.9999, ">99 %"), (1, "100 %")],
)
def test_a_share(share: float, text: str) -> None:
    assert percent(share) == text


@given(st.floats(0, 1))
def test_a_share_takes_at_most_five_characters(share: float) -> None:
    assert len(percent(share)) <= 5
    assert (percent(share) == "0 %") == (share == 0)
    assert (percent(share) == "100 %") == (share == 1)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (512, "512 B"),
        (999.6, "1 kB"),
        (98_362_432, "98.4 MB"),
        (999_600_000, "1 GB"),
        (1_117_320_768, "1.12 GB"),
        (4_700_000_000_000, "4.7 TB"),
        (4_700_000_000_000_000, "4.7e+03 TB"),
    ],
)
def test_bytes(count: float, text: str) -> None:
    assert format_bytes(count) == text


def test_counts() -> None:
    assert thousands(1234567) == "1 234 567"
    assert plural(0, "row") == "0 rows"
    assert plural(1, "particle") == "1 particle"
    assert plural(1843, "token") == "1 843 tokens"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (3.44, "3.4 s"),
        (9.97, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (125, "2 min 05 s"),
        (3599.6, "1 h 00 min"),
        (3725, "1 h 02 min"),
    ],
)
def test_time_spans(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_speeds() -> None:
    assert speed(1843, 31) == "59 tokens/s"
    assert speed(9, 3) == "3.0 tokens/s"
    assert speed(9, 0) is None
    assert speed(0, 9) is None


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_value_is_shown_in_one_short_line(value: object) -> None:
    shown = shortened(value)
    assert 0 < len(shown) <= 60
    assert shown.isprintable()


def test_values_are_named_as_json_names_them() -> None:
    assert [shortened(value) for value in (None, True, 1, "a\n")] == ["null", "true", "1", r"'a\n'"]


@given(st.lists(st.text()))
def test_names_are_listed_in_one_printable_line(names: list[str]) -> None:
    assert listed(names).isprintable()
    assert listed(["a", "b"]) == "a, b"
    assert listed(["a" * 30, "b" * 40]) == "a" * 30 + ", ..."


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90), ("90s", 90), ("1.5", 1.5), (".5s", 0.5), ("2m", 120), ("1m30s", 90), ("1m30", 90),
        ("1h", 3600), ("1.5h", 5400), ("1h 02m", 3720), ("2 min 05 s", 125), (" 1H30M ", 5400), ("0", 0),
    ],
)  # fmt: skip
def test_a_time_span_is_read(text: str, seconds: float) -> None:
    assert read_duration(text) == seconds


@pytest.mark.parametrize(
    "text", [" ", "s", "soon", "-3", "1e3", "30s1m", "1d", "1:30", "inf", "nan", "2m2m", "1 30"]
)
def test_what_says_no_time_span_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(text)):
        read_duration(text)


@given(st.integers(0, 10**5))
def test_a_time_span_is_read_as_it_is_written(seconds: int) -> None:
    lost = seconds - read_duration(duration(seconds))  # hours are written without seconds
    assert 0 <= lost < (60 if seconds >= 3600 else 1)
