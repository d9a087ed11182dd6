"""A genealogy as a picture in SVG, with the ESS and the log-odds of its columns below it.

Positions are in pixels. All colours are classes, of which the page's style says what they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log2

from pfsolve.display.page.genealogy import Cell, Genealogy, Written
from pfsolve.display.page.markup import plain
from pfsolve.display.text import keep_end, readable_answer
from pfsolve.wording import one_line, percent

LEVELS = 7  # colours of weights
_LEFT, _TOP, _RIGHT = 64, 40, 150
_CHART, _GAP = 72, 34  # height of a chart, and what is above it
_TITLE = 300  # characters of a step's text that the mouse finds


@dataclass(frozen=True, slots=True)
class Layout:
    """Where columns and lanes are; the fewer there are, the wider apart.

    Args:
        columns: the number of them.
        lanes: the number of them.
    """

    columns: int
    lanes: int

    @property
    def across(self) -> int:
        """From one column to the next."""
        return next(
            (width for most, width in ((6, 110), (12, 76), (24, 50)) if self.columns <= most), 36
        )

    @property
    def down(self) -> int:
        """From one lane to the next."""
        return next(
            (height for most, height in ((8, 32), (16, 24), (32, 17)) if self.lanes <= most), 13
        )

    @property
    def radius(self) -> float:
        return round(self.down * 0.29, 1)

    @property
    def bottom(self) -> int:
        """The end of the lanes."""
        return _TOP + self.down * self.lanes

    @property
    def width(self) -> int:
        return self.x(self.columns) + _RIGHT

    def x(self, column: int) -> int:
        """The middle of a column; 0 is the prompt."""
        return _LEFT + self.across * column

    def y(self, lane: int) -> float:
        """The middle of a lane."""
        return _TOP + self.down * (lane + 0.5)


def level(weight: float | None, lanes: int) -> str:
    """The class of a weight: "w0" for none, "w4" for an equal share and more, "wx" where it is not known."""
    if weight is None:
        return "wx"
    if weight <= 0:
        return "w0"
    return f"w{max(1, min(LEVELS - 1, 4 + int(log2(weight * max(1, lanes)) // 1)))}"


def drawing(found: Genealogy, chosen: int | None, answers: Sequence[str | None]) -> str:
    """The whole picture.

    Args:
        chosen: index of the particle that the answer is taken from.
        answers: of each particle.
    """
    layout = Layout(found.columns, found.lanes)
    best: set[int] = set()  # the cells that the answer comes of
    place = found.places[chosen] if chosen is not None else None
    while place is not None:
        best.add(place)
        place = found.cells[place].parent
    charts, height = _charts(found, layout)
    parts = [
        f'<svg id="tree" width="{layout.width}" height="{height}" viewBox="0 0 {layout.width} {height}" '
        'font-size="12" role="group" aria-label="genealogy">',
        *_axes(layout),
        *(_edge(index, found, layout, best) for index in range(len(found.cells))),
        f'<circle class="prompt" cx="{layout.x(0)}" cy="{_middle(layout):g}" r="4"/>',
        *(_cell(index, found, layout, best) for index in range(len(found.cells))),
        *_answers(found, layout, chosen, answers),
        *charts,
        "</svg>",
    ]
    return "\n".join(parts)


def _middle(layout: Layout) -> float:
    return (_TOP + layout.bottom) / 2


def _axes(layout: Layout) -> list[str]:
    every = 1 if layout.across >= 50 or layout.columns <= 24 else 2
    size = min(12, layout.down - 1)
    lanes = range(0, layout.lanes, 1 if layout.down >= 17 else 4)
    return [
        f'<text class="axis" x="{layout.x(0)}" y="16" text-anchor="middle">prompt</text>',
        f'<text class="axis" x="12" y="{_TOP - 6}">lane</text>',
        *(
            f'<text class="axis" x="{layout.x(column)}" y="16" text-anchor="middle">{column}</text>'
            for column in range(1, layout.columns + 1, every)
        ),
        *(
            f'<text class="axis" x="24" y="{layout.y(lane) + 4:g}" text-anchor="middle" '
            f'font-size="{size}">{lane}</text>'
            for lane in lanes
        ),
    ]


def _edge(index: int, found: Genealogy, layout: Layout, best: set[int]) -> str:
    """The line from a cell's parent; a short one where it begins again at the prompt."""
    cell = found.cells[index]
    x, y = layout.x(cell.column), layout.y(cell.lane)
    classes = ["e", level(cell.weight, found.lanes)]
    classes += ["wait"] if not cell.wrote else []
    classes += [] if cell.lives else ["fade"]
    classes += ["best"] if index in best else []
    if cell.parent is not None:
        before = found.cells[cell.parent]
        x0, y0 = float(layout.x(before.column)), layout.y(before.lane)
    elif cell.column == 1:
        x0, y0 = float(layout.x(0)), _middle(layout)
    else:
        return (
            f'<path class="{" ".join([*classes, "again"])}" '
            f'd="M{x - layout.across * 0.4:g} {y:g}H{x}"/>'
        )
    if y0 == y:
        line = f"M{x0:g} {y0:g}H{x}"
    else:
        middle = (x0 + x) / 2
        line = f"M{x0:g} {y0:g}C{middle:g} {y0:g} {middle:g} {y:g} {x} {y:g}"
    return f'<path class="{" ".join(classes)}" d="{line}"/>'


def _cell(index: int, found: Genealogy, layout: Layout, best: set[int]) -> str:
    """A mark where something was written, and a bar where it was dropped."""
    cell = found.cells[index]
    step = found.written[cell.written]
    x, y, r = layout.x(cell.column), layout.y(cell.lane), layout.radius
    fade = "" if cell.lives else " fade"
    bar = f'<path class="end{fade}" d="M{x + r + 3:g} {y - r:g}v{2 * r:g}"/>' if cell.ends else ""
    if not cell.wrote:
        return bar
    classes = f"{level(cell.weight, found.lanes)}{fade}{' best' if index in best else ''}"
    if step.kind == "program":
        mark = f'<rect class="{classes}" x="{x - r:g}" y="{y - r:g}" width="{2 * r:g}" height="{2 * r:g}"/>'
    else:
        mark = f'<circle class="{classes}" cx="{x}" cy="{y:g}" r="{r:g}"/>'
    if is_dead(cell, step):
        d = r * 0.8
        cross = f"M{x - d:g} {y - d:g}l{2 * d:g} {2 * d:g}m0 {-2 * d:g}l{-2 * d:g} {2 * d:g}"
        mark += f'<path class="dead{fade}" d="{cross}"/>'
    elif step.finish is not None:
        mark += f'<circle class="done{fade}" cx="{x}" cy="{y:g}" r="{r * 0.4:.1f}"/>'
    half = layout.down / 2
    return (
        f'<g class="cell" data-c="{cell.column}" data-l="{cell.lane}" data-s="{cell.written}" '
        f'tabindex="-1" role="button"><title>{plain(title(cell, step))}</title>'
        f'<rect class="hit" x="{x - half - 2:g}" y="{y - half:g}" width="{2 * half + 4:g}" '
        f'height="{2 * half:g}"/>{mark}</g>{bar}'
    )


def is_dead(cell: Cell, step: Written) -> bool:
    """Whether no answer can come of what was written."""
    return cell.weight == 0 or step.finish in ("failed", "loop")


def about(cell: Cell, step: Written) -> str:
    """A cell in a line: "step 3, lane 2 · 12 % of the weight · log-odds 1.20 · boxed"."""
    parts = [
        f"step {cell.column}, lane {cell.lane}",
        None if cell.weight is None else f"{percent(cell.weight)} of the weight",
        None if cell.log_odds is None else f"log-odds {cell.log_odds:.2f}",
        None if step.finish is None else str(step.finish).replace("_", " "),
        "dropped" if cell.ends else None,
    ]
    return " · ".join(part for part in parts if part)


def title(cell: Cell, step: Written) -> str:
    """What a mouse finds on a cell."""
    text = step.text.strip()
    return f"{about(cell, step)}\n{text[:_TITLE]}{'…' if len(text) > _TITLE else ''}"


def _answers(
    found: Genealogy, layout: Layout, chosen: int | None, answers: Sequence[str | None]
) -> list[str]:
    """The answer of each particle, behind the lane it ends in."""
    size = min(12, layout.down - 2)
    texts: list[str] = []
    for number, (place, answer) in enumerate(zip(found.places, answers, strict=True)):
        if place is None or place in found.places[:number]:
            continue
        shown = "no answer" if answer is None else keep_end(one_line(readable_answer(answer)), 18)
        times = found.places.count(place)
        shown += f" × {times}" if times > 1 else ""
        kind = " none" if answer is None else " chosen" if number == chosen else ""
        y = layout.y(found.cells[place].lane) + size / 3
        texts.append(
            f'<text class="answer{kind}" x="{layout.x(layout.columns) + 18}" y="{y:.1f}" '
            f'font-size="{size}">{plain(shown)}</text>'
        )
    return texts


def _charts(found: Genealogy, layout: Layout) -> tuple[list[str], int]:
    """ESS and log-odds below the lanes, and where they end."""
    parts: list[str] = []
    top = layout.bottom
    ess = [(column, value) for column, value in enumerate(found.ess, 1) if value is not None]
    odds = [
        (cell.column, cell.log_odds, level(cell.weight, found.lanes))
        for cell in found.cells
        if cell.log_odds is not None
    ]
    if ess:
        most = max(found.lanes, *(value for _, value in ess))
        top += _GAP
        to = _scale(0, most, top)
        points = " ".join(f"{layout.x(column)},{to(value):.1f}" for column, value in ess)
        parts += _frame("ESS", 0, most, top, layout)
        parts.append(f'<polyline class="line" points="{points}"/>')
        parts += [
            f'<circle class="point" cx="{layout.x(column)}" cy="{to(value):.1f}" r="3">'
            f"<title>step {column}: ESS {value:.2f}</title></circle>"
            for column, value in ess
        ]
        top += _CHART
    if odds:
        values = [value for _, value, _ in odds]
        low, high = min(values), max(values)
        low, high = (low, high) if high > low else (low - 1, high + 1)
        top += _GAP
        to = _scale(low, high, top)
        parts += _frame("log-odds", low, high, top, layout)
        parts += [
            f'<circle class="{kind}" cx="{layout.x(column)}" cy="{to(value):.1f}" r="3">'
            f"<title>step {column}: log-odds {value:.2f}</title></circle>"
            for column, value, kind in odds
        ]
        top += _CHART
    return parts, top + 16


def _scale(low: float, high: float, top: int) -> Callable[[float], float]:
    """A function from a value to its height in a chart."""
    return lambda value: top + _CHART * (high - value) / (high - low)


def _frame(name: str, low: float, high: float, top: int, layout: Layout) -> list[str]:
    """A chart's name, its two lines and what they stand for."""
    right = layout.x(layout.columns) + 12
    return [
        f'<text class="axis name" x="12" y="{top - 13}">{name}</text>',
        *(
            f'<path class="grid" d="M{_LEFT} {y}H{right}"/>'
            f'<text class="axis" x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{value:.3g}</text>'
            for y, value in ((top, high), (top + _CHART, low))
        ),
    ]
