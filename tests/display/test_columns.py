"""A table on a terminal: the rows keep their names at any width, and what has no room is named.

The screens in `screens/` are made again by `python -m tests.display.test_columns`; look at them then.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from pfsolve.display.columns import Table, fitted
from pfsolve.display.report.comparison import comparison_tables
from pfsolve.display.report.probe import probe_tables
from pfsolve.display.report.summary import summary_table
from pfsolve.results.summary import Summary
from tests.display.terminal import screen
from tests.display.test_comparison import COMPARISON

SCREENS = Path(__file__).parent / "screens"
WIDTHS = (60, 80, 160)


def lines_of(table: Table, width: int) -> list[str]:
    return [line.plain for line in fitted(table, screen(width).out)]


def test_where_there_is_room_nothing_is_wrapped_or_left_out() -> None:
    table = Table(("name", "size", "what it is"), [("qwen", "1.1 GB", "a policy"), ("s", "–", "b")])
    assert lines_of(table, 40) == [
        "name    size  what it is",
        "qwen  1.1 GB  a policy",
        "s          –  b",
    ]


def test_what_is_dispensable_goes_first_then_the_last() -> None:
    table = Table(("name", "a", "b", "c"), [("qwen2.5-math", "1 111", "2 222", "3 333")], spare="a")
    assert lines_of(table, 33)[-1] == "qwen2.5-math  1 111  2 222  3 333"
    assert lines_of(table, 32)[1:] == ["qwen2.5-math  2 222  3 333", "no room for: a"]
    assert lines_of(table, 19)[1:] == ["qwen2.5-math  2 222", "no room for: a, c"]
    assert lines_of(table, 5)[0] == "name", "the first stays whatever happens"


def test_a_wide_column_that_goes_makes_room_for_others() -> None:
    table = Table(("name", "a", "wide", "b"), [("qwen", "1", "1" * 30, "2")], spare="b")
    assert lines_of(table, 20) == ["name  a  b", "qwen  1  2", "no room for: wide"]


def test_titles_are_wrapped_before_a_column_goes() -> None:
    table = Table(("name", "95 % interval"), [("f1", "0.1")])
    assert lines_of(table, 14) == ["name      95 %", "      interval", "f1         0.1"]


def test_values_that_are_words_stand_to_the_left_and_are_wrapped() -> None:
    table = Table(("probe", "head.npz"), [("from", "a file of many rows, 12"), ("n", "8")])
    assert lines_of(table, 25) == [
        "probe  head.npz",
        "from   a file of many",
        "       rows, 12",
        "n      8",
    ]


_CELLS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=30)


@given(
    st.integers(1, 5).flatmap(
        lambda n: st.lists(st.lists(_CELLS, min_size=n, max_size=n), min_size=1, max_size=5)
    ),
    st.integers(1, 100),
    st.booleans(),
)
def test_no_line_is_wider_than_the_terminal(rows: list[list[str]], width: int, prose: bool) -> None:
    header = [f"c{index}" for index in range(len(rows[0]))]
    lines = lines_of(Table(header, rows, prose=prose and len(header) > 1), width)
    names = max(cell_len(word) for row in rows for word in [*row[0].split(), "c0"])
    body = [line for line in lines if not line.startswith("no room for")]
    assert max(map(cell_len, body)) <= max(width, names, 16)


def _summary(particles: int, **more: object) -> Summary:
    settings = {"policy": "qwen2.5-math-1.5b-instruct", "particles": particles, "seed": 0, **more}
    settings |= {"reward": "self-evaluation", "temperature": 0.8}
    return Summary("x", settings, 500, 480, 7, 480, 371, 1_234_567, 4321.0)


def _kind(auc: float) -> dict[str, object]:
    baselines = {"log_prob": 0.53, "mean_log_prob": 0.51, "entropy": 0.5, "length": 0.55}
    step = {"problems": 231, "auc": auc, "interval": (auc - 0.04, auc + 0.04)}
    steps = [step | {"step": number, "baselines": baselines} for number in (1, 2, None)]
    made = {"depths": (0.5, 1.0), "components": 32, "ridge": 0.1}
    return made | {"problems": 231, "solutions": 924, "steps": steps}


def film(width: int) -> str:
    """The tables that are widest, as plain text."""
    about = {
        "policy": "small",
        "policy_sha256": "f00d" * 16,
        "files": [{"file": "train.jsonl", "rows": 2, "sha256": "beef" * 16}],
        "settings": {"particles": 8, "temperature": 0.5},
        "measured": {"text": _kind(0.62), "program": _kind(0.5)},
    }
    tables = {
        "bench": [*comparison_tables(COMPARISON)],
        "results summary": [summary_table([_summary(8), _summary(64, method="pg")])],
        "reward show": [*probe_tables(about, Path("head.npz"))],
    }
    lines = []
    for title, parts in tables.items():
        lines.append(f"--- {title}")
        for part in parts:
            lines += lines_of(part, width)
    return "".join(f"{line}\n" for line in lines)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_screen_is_as_it_was_when_somebody_looked(width: int) -> None:
    assert film(width) == (SCREENS / f"tables_{width}.txt").read_text("utf-8")


@pytest.mark.parametrize("width", WIDTHS)
def test_names_of_rows_are_whole(width: int) -> None:
    text = film(width)
    names = {line.method for line in COMPARISON.lines} | {"policy_sha256", "from"}
    for name in names:
        assert f"\n{name} " in text
    assert text.count("qwen2.5-math-1.5b-instruct,") == 2


if __name__ == "__main__":
    for wide in WIDTHS:
        (SCREENS / f"tables_{wide}.txt").write_text(film(wide), "utf-8")
