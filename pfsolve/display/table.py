"""What the live table looks like: a search as lines that fit a terminal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pfsolve.display.text import (
    keep_end,
    keep_start,
    last_line,
    last_line_of_code,
    one_line,
    readable_answer,
)
from pfsolve.events import ParticleRow
from pfsolve.wording import duration, percent, plural, speed

if TYPE_CHECKING:
    from rich.text import Text

    from pfsolve.display.solve import SolveView

# Cells of each column with the space before it; between the slot's number and the text.
_WIDTHS = {"bar": 8, "percent": 6, "kind": 8, "score": 6, "steps": 6, "tokens": 7, "from": 5}
_VALUES = ("kind", "score", "steps", "tokens", "from")
_DISPENSABLE = ("score", "kind", "bar", "tokens", "steps", "from")  # the last goes first
_NARROWEST_TEXT = 24  # cells; columns give way before the text gets narrower than this

_EIGHTHS = " ▏▎▍▌▋▊▉"
_FINISH = {
    "max_steps": "out of steps",
    "truncated": "too long",
    "loop": "repeats itself",
    "settled": "not needed any more",
    "out_of_time": "out of time",
    "failed": "the program failed",
}


def table(view: SolveView, width: int, height: int) -> list[Text]:
    """A headline, one row a particle, the leading answers. Kinds are told only if there are programs.

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
        if len(shown) > room or len(shown) < len(rows):
            shown = _heaviest(rows, shown, max(1, room - 1))
        lines += [layout.line(slot, rows[slot], full) for slot in shown]
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
    parts = [f"step {view.step}"]
    if view.scored:
        parts.append(f"ESS {view.ess:.1f} of {len(view.begun)}")
        parts.append("resampled" if view.resampled == view.scored else "not resampled")
    else:
        parts.append(plural(view.n, "particle"))
    parts.append(plural(view.tokens, "token"))
    if rate := speed(view.tokens, view.seconds):
        parts.append(rate)
    parts.append(duration(view.seconds))
    while len(parts) > 2 and len(" · ".join(parts)) > width:
        del parts[2]
    return Text.assemble((parts[0], "bold"), *(f" · {part}" for part in parts[1:]))


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
        free = width - slot - 3  # a space after the slot, two before the text
        while dispensable and free - sum(columns.values()) < _NARROWEST_TEXT:
            del columns[dispensable.pop()]
        return _Layout(columns, slot, max(0, free - sum(columns.values())))

    def head(self) -> Text:
        from rich.text import Text

        weight = "weight".ljust(self.columns.get("bar", 0) + self.columns["percent"])
        values = [name.rjust(self.columns[name]) for name in _VALUES if name in self.columns]
        return Text(" " * (self.slot + 1) + weight + "".join(values), "dim")

    def line(self, slot: int, row: ParticleRow, full: float) -> Text:
        from rich.text import Text

        line = Text(style="dim" if row.weight <= 0 else "")
        line.append(f"{slot:>{self.slot}} ", "dim")
        if "bar" in self.columns:
            line.append(_bar(row.weight, full), "green" if row.finish else "cyan")
        line.append(percent(row.weight).rjust(self.columns["percent"]))
        values = {
            "kind": row.kind,
            "score": "–" if row.score is None else f"{row.score:.2f}",
            "steps": str(row.steps),
            "tokens": str(row.tokens),
            "from": "·" if row.ancestor == slot else str(row.ancestor),
        }
        for name in _VALUES:
            if name in self.columns:
                style = "" if name == "score" else "dim"
                line.append(values[name].rjust(self.columns[name]), style)
        return line.append("  ").append_text(self._end(row))

    def _end(self, row: ParticleRow) -> Text:
        """What a particle writes, or what it has come to."""
        from rich.text import Text

        program = row.kind == "program"
        if row.finish is None:
            end = last_line_of_code(row.text) if program else last_line(row.text)
            return Text(keep_end(end, self.text))
        if row.error is not None:
            return Text(keep_start(one_line(row.error), self.text), "dim")
        reason = (
            "printed" if program and row.finish == "end" else _FINISH.get(row.finish, row.finish)
        )
        if row.answer is None:
            return Text(f"no answer · {reason}", "dim")
        answer = keep_start(readable_answer(row.answer), self.text - len(reason) - 3)
        return Text().append(answer, "green").append(f" · {reason}", "dim")
