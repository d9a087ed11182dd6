"""What the live table looks like: a search as lines that fit a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from statistics import median
from typing import TYPE_CHECKING

from pfsolve.display.text import keep_end, keep_start, last_line, last_line_of_code, readable_answer
from pfsolve.events.search import ParticleRow
from pfsolve.wording import duration, one_line, percent, plural, roughly, speed

if TYPE_CHECKING:
    from rich.text import Text

    from pfsolve.display.solve import Copied, SolveView

# Cells of each column with the space before it; between the slot's number and the text.
_LOG_ODDS = "Δ log-odds"
_WIDTHS = {"bar": 8, "percent": 6, "kind": 8, _LOG_ODDS: 11, "steps": 6, "tokens": 7}
_VALUES = ("kind", _LOG_ODDS, "steps", "tokens")
_DISPENSABLE = (_LOG_ODDS, "kind", "bar", "tokens", "steps")  # the last goes first
_NARROWEST_TEXT = 24  # cells; columns give way before the text gets narrower than this
_WRITES = "›"

# What the headline goes without where there is no room, the first first.
_HEADLINE = ("speed", "tokens", "ess", "writing", "left", "resampled", "seconds")

_SAME = 40  # characters by whose end lines are told apart: their start may not be known any more
_EIGHTHS = " ▏▎▍▌▋▊▉"
_FINISH = {
    "max_steps": "out of steps",
    "truncated": "too long",
    "loop": "repeats itself",
    "settled": "not needed any more",
    "out_of_time": "out of time",
    "failed": "program failed",
}


def table(view: SolveView, width: int, height: int) -> list[Text]:
    """A headline, one row a particle, the leading answers. Kinds are told only if there are programs.

    Log-odds are told less their median over the particles that live: weights follow from the
    differences alone. While some particles write, those that wait for them are dim.

    Lines have at most `width` cells and there are at most `height` - 1 of them (but one at least),
    so that the cursor, and later the prompt, has a line of its own. Particles that have begun are
    shown, in slot order; where there is no room for all of them, the heaviest. The others are counted.
    """
    rows = view.rows
    lines = [_headline(view, width)]
    if rows:
        answers = _answers(view, width)
        room = height - 1 - len(lines)
        if room < len(answers) + 4:
            answers = []
        room -= len(answers)
        mixed = any(row.kind == "program" for row in rows)
        layout = _Layout.fitting(len(rows), width, kinds=mixed)
        if room > 2:
            lines.append(layout.head())
            room -= 1
        shown = view.begun
        twice = min(1.0, 2 / max(1, len(shown)))  # a bar of equal weights is half full
        full = max(twice, *(row.weight for row in rows))
        look = _Look.of(view)
        if len(shown) > room or len(shown) < len(rows):
            shown = _heaviest(rows, shown, max(1, room - 1))
        lines += [layout.line(slot, rows[slot], full, look) for slot in shown]
        if others := _others(view, shown):
            lines.append(others)
        lines = lines[: max(1, height - 1 - len(answers))] + answers
    for line in lines:
        line.no_wrap = True
        line.truncate(width, overflow="ellipsis")
    return lines


def _headline(view: SolveView, width: int) -> Text:
    from rich.text import Text

    if not view.rows:
        prompt = f"prompt of {plural(view.prompt_tokens, 'token')}"
        return Text(f"{plural(view.n, 'particle')} · {prompt}", "dim")
    begun = len(view.begun)
    writing = sum(row.writes for row in view.rows)
    waiting = sum(view.rows[slot].finish is None for slot in view.begun) - writing
    left = view.seconds_left() if view.active else None
    said = {
        "step": f"step {view.step}",
        "ess": f"ESS {view.ess:.1f} of {begun}" if view.scored else plural(view.n, "particle"),
        "resampled": "resampled" if view.copies else "",
        "writing": f"{writing} writing, {waiting} waiting" if writing and waiting else "",
        "tokens": plural(view.tokens, "token"),
        "speed": speed(view.tokens, view.seconds) or "",
        "seconds": duration(view.seconds),
        "left": f"about {roughly(left)} left" if left else "",
    }
    parts = {name: part for name, part in said.items() if part}
    for name in _HEADLINE:
        if len(" · ".join(parts.values())) > width:
            parts.pop(name, None)
    step = parts.pop("step")
    return Text.assemble((step, "bold"), *(f" · {part}" for part in parts.values()))


def _heaviest(rows: tuple[ParticleRow, ...], slots: list[int], count: int) -> list[int]:
    """The heaviest `count` of these slots, in their order."""
    return sorted(sorted(slots, key=lambda slot: -rows[slot].weight)[:count])


def _others(view: SolveView, shown: list[int]) -> Text | None:
    """What is said of the particles that are not shown."""
    from rich.text import Text

    hidden = [view.rows[slot].weight for slot in view.begun if slot not in shown]
    parts = []
    if hidden:
        parts.append(
            f"{plural(len(hidden), 'more particle')} with {percent(sum(hidden))} of the weight"
        )
    if view.active and (waiting := len(view.rows) - len(view.begun)):
        parts.append(f"{waiting} more may follow")
    return Text(f"… {' · '.join(parts)}", "dim") if parts else None


def _answers(view: SolveView, width: int) -> list[Text]:
    """The leading answers, in line with the particles: bar and share of the weight, answer."""
    from rich.text import Text

    indent = " " * (len(str(view.n - 1)) + 1)
    lines = []
    for answer, share in view.leading_answers():
        line = Text(indent).append(_bar(share, 1.0), "green").append(f"{percent(share):>6}  ")
        lines.append(line.append(keep_start(answer, width - line.cell_len), "bold"))
    return lines


def written_last(row: ParticleRow) -> str:
    """What a particle has come to: its answer, or the last line that it wrote."""
    if row.answer is not None:
        return readable_answer(row.answer)
    return last_line_of_code(row.text) if row.kind == "program" else last_line(row.text)


@dataclass(frozen=True, slots=True)
class _Look:
    """What a row is seen against.

    Attributes:
        middle: the median of the log-odds of all particles that live and have some.
        some_write: whether any particle writes, so that others wait.
        copies: by slot, as in `SolveView`.
        colours: as in `View`.
    """

    middle: float
    some_write: bool
    copies: Mapping[int, Copied]
    colours: bool

    @staticmethod
    def of(view: SolveView) -> _Look:
        log_odds = [row.log_odds for row in view.rows if row.log_odds is not None]
        middle = median([each for each in log_odds if isfinite(each)] or [0.0])
        return _Look(middle, any(row.writes for row in view.rows), view.copies, view.colours)

    def log_odds(self, row: ParticleRow) -> str:
        """Log-odds relative to the others: "+1.3", "−0.4", "dead", "–"."""
        if row.log_odds is None:
            return "–"
        if not isfinite(row.log_odds):
            return "dead"
        shown = f"{row.log_odds - self.middle:+.1f}"
        return "0.0" if float(shown) == 0.0 else shown.replace("-", "−")

    def copied(self, slot: int, row: ParticleRow) -> Copied | None:
        """What was copied into a slot, as long as the copy has written nothing to show."""
        copy = self.copies.get(slot)
        if copy is None or copy.line[-_SAME:] != written_last(row)[-_SAME:]:
            return None
        return copy


def _bar(share: float, full: float) -> str:
    cells = _WIDTHS["bar"]
    whole, part = divmod(max(0, min(8 * cells, round(8 * cells * share / full))), 8)
    return ("█" * whole + (_EIGHTHS[part] if part else "")).ljust(cells)


@dataclass(frozen=True, slots=True)
class _Layout:
    """Which columns there are, and how wide those are that depend on the data and the terminal."""

    columns: dict[str, int]
    slot: int
    text: int

    @staticmethod
    def fitting(n: int, width: int, *, kinds: bool) -> _Layout:
        """The columns for n particles: all, less those that leave too little for the text."""
        columns = {name: cells for name, cells in _WIDTHS.items() if kinds or name != "kind"}
        dispensable = [name for name in _DISPENSABLE if name in columns]
        slot = len(str(n - 1))
        free = width - slot - 4  # a space after the slot, one around the mark of those that write
        while dispensable and free - sum(columns.values()) < _NARROWEST_TEXT:
            del columns[dispensable.pop()]
        return _Layout(columns, slot, max(0, free - sum(columns.values())))

    def head(self) -> Text:
        from rich.text import Text

        weight = "weight".ljust(self.columns.get("bar", 0) + self.columns["percent"])
        values = [name.rjust(self.columns[name]) for name in _VALUES if name in self.columns]
        return Text(" " * (self.slot + 1) + weight + "".join(values), "dim")

    def line(self, slot: int, row: ParticleRow, full: float, look: _Look) -> Text:
        from rich.text import Text

        waits = look.some_write and not row.writes and row.finish is None
        line = Text(style="dim" if row.weight <= 0 or waits else "")
        line.append(f"{slot:>{self.slot}} ", "dim")
        if "bar" in self.columns:
            line.append(_bar(row.weight, full), "green" if row.finish else "cyan")
        line.append(percent(row.weight).rjust(self.columns["percent"]))
        values = {
            "kind": row.kind,
            _LOG_ODDS: look.log_odds(row),
            "steps": str(row.steps),
            "tokens": str(row.tokens),
        }
        for name in _VALUES:
            if name in self.columns:
                style = "" if name == _LOG_ODDS else "dim"
                line.append(values[name].rjust(self.columns[name]), style)
        line.append(f" {_WRITES if row.writes else ' '} ", "cyan")
        return line.append_text(self._end(row, look.copied(slot, row), look.colours))

    def _end(self, row: ParticleRow, copied: Copied | None, colours: bool) -> Text:
        """What a particle writes, what it has come to, or of which other one it is a copy."""
        from rich.text import Text

        program = row.kind == "program"
        copy = "" if copied is None else f"copied from {copied.source}"
        if row.finish is None and copied is not None:
            line = Text().append(copy, "cyan")
            if colours and copied.dropped:
                dropped = keep_end(copied.dropped, self.text - len(copy) - 2)
                line.append("  ").append(dropped, "dim strike")
            return line
        if row.finish is None:
            return Text(keep_end(written_last(row), self.text))
        if row.error is not None:
            return Text(keep_start(one_line(row.error), self.text), "dim")
        printed = program and row.finish == "end"
        reason = copy or ("printed" if printed else _FINISH.get(row.finish, row.finish))
        if row.answer is None:
            return Text(f"no answer · {reason}", "dim")
        answer = keep_start(readable_answer(row.answer), self.text - len(reason) - 3)
        return Text().append(answer, "green").append(f" · {reason}", "dim")
