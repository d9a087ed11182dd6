"""How good a reward is, as tables; and what has been left out, as lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from pfsolve.display.columns import Table
from pfsolve.wording import duration, thousands

if TYPE_CHECKING:
    from pfsolve.lab.evaluation.curves import Curve
    from pfsolve.lab.evaluation.early_auc import EarlyAuc
    from pfsolve.lab.evaluation.evaluate import Report
    from pfsolve.lab.evaluation.intervals import Interval

COMPLAINTS = 20  # told one by one

_CHOSEN = {
    "given": "as given",
    "cross-fitted": "best on all rows; f1 is cross-fitted",
    "same rows": "best on these rows, which flatters f1",
}


def report_tables(report: Report) -> Iterator[Table]:
    """A report as tables: what steps say and what it cost, calibration, what rollouts say."""
    yield Table(("measure", "value", "95 % interval", ""), [*_of_steps(report), *_totals(report)])
    if report.of_steps.reliability:
        bins = [
            (f"{b.low:.1f} to {b.high:.1f}", thousands(b.steps), f"{b.score:.3f}", f"{b.right:.3f}")
            for b in report.of_steps.reliability
        ]
        yield Table(("score", "steps", "mean score", "right"), bins)
    if report.curves:
        yield _of_rollouts(report.curves)
    if report.early_auc:
        header = ("after step", "AUC within a problem", "95 % interval", "written by")
        yield Table(header, list(_of_rounds(report.early_auc)))


def _of_steps(report: Report) -> Iterator[tuple[str, ...]]:
    of = report.of_steps
    for name, value, remark in (
        ("step_auc", of.step_auc, f"by length alone {_number(of.step_auc_by_length)}"),
        ("f1", of.f1, f"by length alone {_number(of.f1_by_length)}"),
        ("accuracy_wrong", of.accuracy_wrong, "first error found, in wrong solutions"),
        ("accuracy_right", of.accuracy_right, "no error seen, in right ones"),
        ("threshold", of.threshold, _CHOSEN.get(of.chosen or "", "")),
        ("brier", of.brier, "0 is best"),
        ("ece", of.ece, "0 is best"),
    ):
        if value is not None:
            span = of.intervals.get(name)
            yield name, _number(value), _span(span), remark


def _totals(report: Report) -> Iterator[tuple[str, ...]]:
    if report.labelled:
        yield "labelled", thousands(report.labelled), "", "solutions"
    if report.rollouts:
        yield "rollouts", thousands(report.rollouts), "", "problems"
    if report.left_out:
        yield "left out", thousands(report.left_out), "", "rows"
    rate = report.tokens_per_second
    yield "steps", thousands(report.steps), "", f"{thousands(report.tokens)} tokens read"
    if rate is not None:
        yield "tokens_per_second", f"{rate:.1f}", "", duration(report.seconds)


def _of_rollouts(curves: Mapping[str, Curve]) -> Table:
    """Accuracies in percent, a row for each method, a column for each of some numbers of rollouts."""
    n_max = len(curves["majority_vote"].accuracy)
    shown = sorted({1 << k for k in range(n_max.bit_length())} | {n_max})
    header = ("% right of rollouts", *map(str, shown), f"95 % at {n_max}", "over the majority")
    rows = []
    for name, curve in curves.items():
        span, gain = curve.intervals[-1], curve.gain_interval
        rows.append(
            (
                name.replace("_", " "),
                *(f"{100 * curve.accuracy[n - 1]:.1f}" for n in shown),
                "" if span is None else f"{100 * span[0]:.0f} to {100 * span[1]:.0f}",
                ""
                if gain is None or name in ("majority_vote", "oracle")
                else f"{100 * curve.gain:+.1f} ({100 * gain[0]:+.1f} to {100 * gain[1]:+.1f})",
            )
        )
    return Table(header, rows, spare=[str(n) for n in shown[1:-1]])


def _of_rounds(early_auc: Sequence[EarlyAuc]) -> Iterator[tuple[str, ...]]:
    for of in early_auc:
        step = "the end" if of.step is None else str(of.step)
        yield step, _number(of.auc), _span(of.interval), f"{100 * of.written:.0f} %"


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" if value == 0.0 or abs(value) >= 1e-3 else f"{value:.1e}"


def _span(span: Interval | None) -> str:
    return "" if span is None else f"{span[0]:.3f} to {span[1]:.3f}"


def complaint_lines(complaints: Sequence[str]) -> list[str]:
    """Lines about rows that are left out: the first of them one by one, the others counted."""
    more = len(complaints) - COMPLAINTS
    return [*complaints[:COMPLAINTS], *([f"… and {thousands(more)} more"] if more > 0 else [])]
