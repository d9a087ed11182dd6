"""A comparison's table says what was measured, and its plot can be looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from pfsolve.display.report.comparison import check_plot, comparison_table, draw_comparison
from pfsolve.errors import UsageError
from pfsolve.lab.bench.report import Comparison, Difference, Line
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
    table = comparison_table(COMPARISON)
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
    (row,) = comparison_table(Comparison((beyond,), "sc", {})).rows
    assert any("beyond its rollouts" in cell for cell in row)


@pytest.mark.parametrize(("ending", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_a_plot_is_drawn(tmp_path: Path, ending: str, start: bytes) -> None:
    path = tmp_path / f"plot.{ending}"
    check_plot(path)
    draw_comparison(COMPARISON, path)
    assert path.read_bytes().startswith(start)


def test_a_plot_of_another_kind_is_refused() -> None:
    with pytest.raises(UsageError, match=r"plot\.doc"):
        check_plot(Path("plot.doc"))
