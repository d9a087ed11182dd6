"""A comparison of methods: its table, and its plot of accuracy against tokens."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

from pfsolve.display.columns import Table
from pfsolve.errors import UsageError
from pfsolve.files import check_writable
from pfsolve.wording import thousands

if TYPE_CHECKING:
    from pfsolve.lab.bench.report import Comparison, Difference, Line
    from pfsolve.lab.evaluation.intervals import Interval

PLOTS = (".png", ".svg", ".pdf")


def comparison_tables(comparison: Comparison) -> Iterator[Table]:
    """A row for each method and size; where there are programs, also one for each kind of particle."""
    yield _methods(comparison)
    if any(of.kind == "program" for line in comparison.lines for of in line.kinds):
        yield _kinds(comparison)


def _methods(comparison: Comparison) -> Table:
    against = comparison.baseline
    header = ["method", "n", "tokens", "right %", "95 %", "vote", "oracle"]
    if against:
        header += [f"over {against}, same tokens", "same n"]
    header += ["reward tokens", "s", "tokens/s"]
    rows = [_row(line, against is not None) for line in comparison.lines]
    spare = ["tokens/s", "s", "reward tokens", "oracle", "vote"]
    return Table(header, rows, spare=[*spare, "same n"] if against else spare)


def _row(line: Line, compared: bool) -> list[str]:
    row = [
        line.method,
        str(line.n),
        thousands(round(line.tokens)),
        f"{100 * line.accuracy:.1f}",
        _span(line.interval),
        f"{100 * line.vote:.1f}",
        f"{100 * line.oracle:.1f}",
    ]
    if compared:
        row += [_difference(line.equal_tokens), _difference(line.equal_n)]
    return [
        *row,
        thousands(round(line.reward_tokens)),
        *("" if time is None else f"{time:.1f}" for time in (line.seconds, line.tokens_per_second)),
    ]


def _kinds(comparison: Comparison) -> Table:
    header = ("method", "n", "kind", "particles", "with an answer %", "right %", "sandbox s")
    rows = [
        (
            line.method,
            str(line.n),
            of.kind,
            f"{of.particles:.1f}",
            f"{100 * of.answered:.1f}",
            f"{100 * of.right:.1f}",
            f"{line.sandbox_seconds:.1f}" if of.kind == "program" else "",
        )
        for line in comparison.lines
        for of in line.kinds
    ]
    return Table(header, rows)


def _span(span: Interval | None) -> str:
    return "" if span is None else f"{100 * span[0]:.0f} to {100 * span[1]:.0f}"


def _difference(of: Difference | None) -> str:
    """A gain in points, its interval, and the baseline's size: "+3.1 (-1.0 to +7.2), n 9.4"."""
    if of is None:
        return ""
    text = f"{100 * of.gain:+.1f}"
    if of.interval is not None:
        text += f" ({100 * of.interval[0]:+.1f} to {100 * of.interval[1]:+.1f})"
    return f"{text}, n {of.n:.1f}" + (" is beyond its rollouts" if of.beyond else "")


def check_plot(path: Path) -> None:
    """Refuse a plot that could not be drawn, before hours of work.

    Raises:
        UsageError: another ending, it cannot be written, or matplotlib is missing.
    """
    from importlib.util import find_spec

    if path.suffix.lower() not in PLOTS:
        raise UsageError(f"--plot {path} is no {', '.join(PLOTS)}", f"name it {path.stem}.png")
    if find_spec("matplotlib") is None:
        raise UsageError(
            "--plot needs the package matplotlib, which is not installed",
            "`pip install matplotlib` installs it",
        )
    try:
        check_writable(path)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}", "name another file") from error


def draw_comparison(comparison: Comparison, path: Path) -> None:
    """Accuracy against generated tokens, a curve for each method, as in arXiv:2502.01618, figure 2.

    Raises:
        UsageError: the file cannot be written.
    """
    import matplotlib

    matplotlib.use("Agg")  # no window, on a server either
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7.0, 4.5), layout="constrained")
    methods = dict.fromkeys(line.method for line in comparison.lines)
    for method, marker in zip(methods, cycle("os^Dv"), strict=False):
        lines = [line for line in comparison.lines if line.method == method]
        tokens = [line.tokens for line in lines]
        accuracy = [100 * line.accuracy for line in lines]
        spans = [line.interval or (line.accuracy, line.accuracy) for line in lines]
        reach = [
            [100 * (line.accuracy - low) for line, (low, _) in zip(lines, spans, strict=True)],
            [100 * (high - line.accuracy) for line, (_, high) in zip(lines, spans, strict=True)],
        ]
        # Intervals overlap, and curves may lie on each other.
        look = {"marker": marker, "markersize": 5, "capsize": 3, "elinewidth": 0.9}
        axes.errorbar(tokens, accuracy, yerr=reach, label=method, **look)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:.0f}")
    axes.set_xlabel("generated tokens a problem")
    axes.set_ylabel("right %")
    axes.grid(alpha=0.3)
    axes.legend()
    try:
        figure.savefig(path, dpi=200)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}", "name another file") from error
    finally:
        pyplot.close(figure)
