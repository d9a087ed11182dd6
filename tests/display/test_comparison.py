"""A comparison's table says what was measured, and its plot can be looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from pfsolve.display.report.comparison import check_plot, comparison_tables, draw_comparison
from pfsolve.errors import UsageError
from pfsolve.lab.bench.report import Comparison, Difference, Line, OfKind
from pfsolve.wording import thousands


def line(method: str, n: int, accuracy: float, tokens: float, **more: object) -> Line:
    values = {
        "method": method,
        "n": n,
        "problems": 60,
        "seeds": 3,
        "accuracy": accuracy,
        "interval": (accuracy - 0.1, accuracy + 0.1),
        "vote": accuracy,
        "oracle": accuracy + 0.1,
        "tokens": tokens,
        "reward_tokens": 12.4,
        "seconds": None,
        "tokens_per_second": None,
    }
    return Line(**{**values, **more})  # type: ignore[arg-type]


COMPARISON = Comparison(
    (
        line(
            "pf",
            8,
            0.625,
            2512.3,
            seconds=31.26,
            tokens_per_second=80.37,
            interval=(0.531, 0.722),
            equal_tokens=Difference(9.4, 0.031, (-0.01, 0.072), False),
            equal_n=Difference(8.0, 0.04, None, False),
        ),
        line("sc", 1, 0.5, 300.0),
        line("sc", 8, 0.6, 2400.0, interval=None),
    ),
    "sc",
    {},
)


def test_a_row_for_each_method_and_size() -> None:
    (table,) = comparison_tables(COMPARISON)
    header, (pf, sc, _) = list(table.header), table.rows
    shown = dict(zip(header, pf, strict=True))
    assert shown["method"] == "pf"
    assert shown["tokens"] == thousands(2512)
    assert shown["right %"] == "62.5"
    assert shown["95 %"] == "53 to 72"
    assert shown["over sc, same tokens"] == "+3.1 (-1.0 to +7.2), n 9.4"
    assert shown["same n"] == "+4.0, n 8.0"
    assert (shown["s"], shown["tokens/s"]) == ("31.3", "80.4")
    assert sc[header.index("over sc, same tokens")] == ""


def test_a_baseline_that_is_too_small_is_said() -> None:
    beyond = line("pf", 8, 0.6, 100.0, equal_tokens=Difference(20.0, 0.1, None, True))
    (table,) = comparison_tables(Comparison((beyond,), "sc", {}))
    (row,) = table.rows
    assert any("beyond its rollouts" in cell for cell in row)


def test_programs_bring_a_table_of_the_kinds() -> None:
    texts = OfKind("text", 4.0, 0.975, 0.5)
    mixed = (texts, OfKind("program", 3.25, 0.7, 0.6))
    lines = (
        line("pf", 8, 0.6, 100.0, kinds=mixed, sandbox_seconds=1.26),
        line("greedy", 1, 0.5, 100.0, kinds=(texts,)),
        line("sc", 8, 0.5, 100.0),
    )
    _, table = comparison_tables(Comparison(lines, "sc", {}))
    assert [tuple(row) for row in table.rows] == [
        ("pf", "8", "text", "4.0", "97.5", "50.0", ""),
        ("pf", "8", "program", "3.2", "70.0", "60.0", "1.3"),
        ("greedy", "1", "text", "4.0", "97.5", "50.0", ""),
    ]
    assert table.header[2:] == ("kind", "particles", "with an answer %", "right %", "sandbox s")
    assert len(list(comparison_tables(Comparison(lines[1:], "sc", {})))) == 1, "texts alone"


@pytest.mark.parametrize(("ending", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_a_plot_is_drawn(tmp_path: Path, ending: str, start: bytes) -> None:
    path = tmp_path / f"plot.{ending}"
    check_plot(path)
    draw_comparison(COMPARISON, path)
    assert path.read_bytes().startswith(start)


def test_a_plot_of_another_kind_is_refused() -> None:
    with pytest.raises(UsageError, match=r"plot\.doc"):
        check_plot(Path("plot.doc"))
