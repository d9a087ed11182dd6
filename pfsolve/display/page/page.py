"""The page of a run: a pure function from its record to HTML.

Its style and its script are the two files beside this module. A policy in the page forbids every other
script and style, and all that would come from elsewhere.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from importlib.resources import files

from pfsolve.display.page.again import command_line
from pfsolve.display.page.drawing import LEVELS, about, drawing
from pfsolve.display.page.genealogy import Cell, Genealogy, genealogy
from pfsolve.display.page.markup import formula, plain, prose, shown
from pfsolve.display.solution import best_particle, summary
from pfsolve.results.line import ParticleLine, ResultLine
from pfsolve.wording import percent, plural

_LONGEST_OUTPUT = 20_000  # characters of what a program printed
_LEGEND = (
    "no weight",
    "under 1/4 of an equal share",
    "1/4",
    "1/2",
    "an equal share",
    "2",
    "4 and more",
)


def page(record: ResultLine) -> str:
    """The whole page."""
    found = genealogy(record)
    style, script = (
        (files("pfsolve.display.page") / name).read_text("utf-8")
        for name in ("page.css", "page.js")
    )
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    problem = record["problem"] or ""
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{plain(' '.join(problem.split())[:80])} · pfsolve</title>",
            f"<style>{style}</style>",
            "</head>",
            "<body>",
            *_head(record),
            *_tree(record, found),
            *_vote(record),
            *_particles(record, found),
            *_dropped(found),
            *_again(record),
            '<dialog id="panel" aria-label="a step"><button id="close" type="button">Close</button>'
            '<div id="inside"></div></dialog>',
            f"<script>{script}</script>",
            "</body>",
            "</html>",
            "",
        ]
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _head(record: ResultLine) -> Iterator[str]:
    yield f'<header><div class="prose problem">{prose(record["problem"] or "")}</div>'
    answer = record["answer"]
    if answer is not None:
        right = {True: " · right", False: " · wrong", None: ""}[record.get("correct")]
        yield f'<p class="result">{formula(answer)}<small>{right}</small></p>'
    if (expected := record.get("expected")) is not None:
        yield f"<p>The right answer is {formula(expected)}.</p>"
    yield f'<p class="meta">{plain(summary(record, verbose=1))}</p></header>'


def _tree(record: ResultLine, found: Genealogy) -> Iterator[str]:
    if not found.columns:
        return
    yield "<section><h2>Genealogy</h2>"
    if not found.whole:
        yield '<p class="meta">This record holds the steps of the final particles alone.</p>'
    yield '<p class="legend"><span>weight, as a multiple of an equal share:</span>'
    for number in range(LEVELS):
        mark = f'<svg width="14" height="14"><circle class="w{number}" cx="7" cy="7" r="5"/></svg>'
        yield f"<span>{mark} {_LEGEND[number]}</span>"
    yield "</p>"
    answers = [particle["answer"] for particle in record["particles"]]
    chosen = _chosen(record)
    yield f'<div class="scroll" id="scroll">{drawing(found, chosen, answers)}</div>'
    yield (
        '<p class="meta hint">Circles are steps of texts, squares of programs; a dot has finished, a cross '
        "is dead, a bar was dropped; faded branches have no offspring at the end. Arrow keys move, "
        "Enter opens a step, Escape closes it.</p></section>"
    )


def _vote(record: ResultLine) -> Iterator[str]:
    candidates = record.get("candidates") or []
    if not candidates:
        return
    yield '<section><h2>Vote</h2><div class="scroll"><table><thead><tr><th>answer</th><th>share</th>'
    yield "<th></th><th>particles</th></tr></thead><tbody>"
    for each in candidates:
        chosen = ' class="chosen"' if each["answer"] == record["answer"] else ""
        yield (
            f"<tr{chosen}><td>{formula(each['answer'])}</td><td>{percent(each['share'])}</td>"
            f'<td><svg width="160" height="12"><rect class="bar" y="2" height="8" rx="2" '
            f'width="{160 * each["share"]:.1f}"/></svg></td>'
            f"<td>{plain(each['particles'])}</td></tr>"
        )
    yield "</tbody></table></div></section>"


def _chosen(record: ResultLine) -> int | None:
    best = best_particle(record)
    return next((i for i, each in enumerate(record["particles"]) if each is best), None)


def _particles(record: ResultLine, found: Genealogy) -> Iterator[str]:
    """What each particle has written; a step stands once, with the first that has it."""
    if not record["particles"]:
        return
    yield '<section id="particles"><h2>Particles</h2>'
    chosen, places = _chosen(record), _by_step(found)
    owner: dict[int, int] = {}
    for number, particle in enumerate(record["particles"]):
        chain = found.chain(found.final[number])
        is_open = " open" if number == chosen else ""
        yield f'<details id="p{number}"{is_open}><summary>{_summary(number, particle, chosen)}</summary>'
        shared = [step for step in chain if step in owner]
        if shared:
            other = owner[shared[-1]]
            steps = (
                "All its steps" if shared == chain else f"Its first {plural(len(shared), 'step')}"
            )
            verb = "is" if len(shared) == 1 and shared != chain else "are"
            yield (
                f'<p class="meta">{steps} {verb} also of <a href="#p{other}">particle {other}</a>, '
                "and shown there.</p>"
            )
        for step in chain[len(shared) :]:
            owner[step] = number
            yield from _step(step, found, places[step])
        yield from _came_of(particle.get("output"), particle.get("error"))
        yield "</details>"
    yield "</section>"


def _summary(number: int, particle: ParticleLine, chosen: int | None) -> str:
    answer, finish = particle["answer"], particle.get("finish")
    parts = [
        f"{plain(particle.get('kind', 'text'))} {number}",
        f"{percent(particle['weight'])} of the weight",
        "no answer" if answer is None else formula(answer),
        "<b>the answer is taken from it</b>" if number == chosen else None,
        None if finish is None else plain(finish).replace("_", " "),
    ]
    return " · ".join(part for part in parts if part)


def _dropped(found: Genealogy) -> Iterator[str]:
    """The steps that no final particle has, by the cell where their branch ends."""
    known = {step for last in found.final for step in found.chain(last)}
    places = _by_step(found)
    parts: list[str] = []
    before = {step.before for step in found.written}
    for last in range(len(found.written)):
        steps = [step for step in found.chain(last) if step not in known]
        if not steps or last in before:
            continue
        known.update(steps)
        cell = places[last]
        step = found.written[last]
        parts.append(f"<details><summary>{plain(about(cell, step))}</summary>")
        if (start := found.written[steps[0]].before) is not None:
            at = places[start]
            parts.append(f'<p class="meta">It continues step {at.column}, lane {at.lane}.</p>')
        for each in steps:
            parts += _step(each, found, places[each])
        parts += _came_of(step.output, step.error)
        parts.append("</details>")
    if parts:
        yield '<section id="dropped"><h2>Dropped branches</h2>'
        yield from parts
        yield "</section>"


def _by_step(found: Genealogy) -> dict[int, Cell]:
    """The cell that each step was written in."""
    return {cell.written: cell for cell in found.cells if cell.wrote}


def _step(index: int, found: Genealogy, cell: Cell) -> Iterator[str]:
    step = found.written[index]
    before = "" if step.before is None else f' data-b="{step.before}"'
    yield f'<div class="step" id="s{index}"{before}><p class="meta">{plain(about(cell, step))}</p>'
    if step.kind == "program":
        yield f"<pre>{plain(step.text.strip(chr(10)))}</pre>"
    else:
        yield f'<div class="prose">{prose(step.text)}</div>'
    yield "</div>"


def _came_of(output: str | None, error: str | None) -> Iterator[str]:
    """What a program printed, and why it failed."""
    if output:
        more = len(output) - _LONGEST_OUTPUT
        cut = f"\n… {plural(more, 'character')} more" if more > 0 else ""
        text = plain(output[:_LONGEST_OUTPUT].rstrip("\n"))
        yield f'<p class="meta">It prints</p><pre class="output">{text}{cut}</pre>'
    if error:
        yield f'<p class="meta">It fails</p><pre class="output error">{plain(error)}</pre>'


def _again(record: ResultLine) -> Iterator[str]:
    command = command_line(record)
    yield f"<section><h2>Again</h2><pre>{plain(command)}</pre>"
    if shown(command) != command:
        yield '<p class="meta">The problem holds characters that cannot be shown.</p>'
    tables = (
        ("Settings", record.get("settings")),
        ("Versions", record.get("versions")),
        ("Times", record.get("timings")),
    )
    for name, values in tables:
        if not isinstance(values, dict) or not values:
            continue
        yield f'<details><summary>{name}</summary><div class="scroll"><table>'
        for key, value in values.items():
            yield f"<tr><td>{plain(key)}</td><td>{plain('' if value is None else value)}</td></tr>"
        yield "</table></div></details>"
    yield f'<p class="meta">{plain(record.get("at", ""))}</p></section>'
