"""The page of a run: who descends from whom, all that was written, and nothing of it as markup."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from pfsolve.display.page.drawing import Layout, drawing, level
from pfsolve.display.page.genealogy import Genealogy, genealogy
from pfsolve.display.page.markup import formula, mathml, prose, shown
from pfsolve.display.page.page import page
from pfsolve.results.line import ResultLine, alone
from pfsolve.results.run_record import read_record
from tests.results.conftest import PROBLEMS, solution

RECORDS = sorted((Path(__file__).parent.parent / "schema1" / "records").iterdir())
HOSTILE = (
    "<script>alert(1)</script>", "</script>", "<img src=x onerror=alert(1)>", '"><b onclick="x">',
    r"$\text{<script>alert(2)</script>}$", r"$x<y$ \(\text{</math><svg onload=alert(3)>}\)",
    r"\[\href{javascript:alert(4)}{x}\]", "<!--", "]]>", "&lt;script&gt;", r"$&#60;script&#62;$",
    "\x00\x1b]0;t\x07",
    "\u202e\u2066\u200f", "\ud800", "**<i>b</i>**", "# <h1>", "{{x}}", "javascript:alert(5)",
)  # fmt: skip


def wrote(step: int, texts: dict[int, str], finish: str | None = None, kind: str = "text") -> dict:
    return {
        "event": "StepWritten", "step": step, "particles": list(texts), "texts": list(texts.values()),
        "tokens": [1] * len(texts), "finishes": [finish] * len(texts), "kinds": [kind] * len(texts),
    }  # fmt: skip


def scored(step: int, weights: list[float], ess: float) -> dict[str, Any]:
    log_odds = [None if weight == 0 else weight for weight in weights]
    return {
        "event": "StepScored",
        "step": step,
        "log_odds": log_odds,
        "weights": weights,
        "ess": ess,
    }


def particle(*steps: str, weight: float = 0.5, answer: str | None = "4", **more: Any) -> dict:
    values = {"steps": list(steps), "log_odds": [0.5] * len(steps), "ancestors": [0] * len(steps)}
    return {**values, "tokens": 1, "weight": weight, "answer": answer, "finish": "boxed", **more}


def record(particles: list[dict], events: list[dict] | None = None, **more: Any) -> ResultLine:
    line: Any = alone(solution(PROBLEMS[0], "4"), particles=True)
    line |= {"particles": particles, "chosen": 0, "events": events or []}
    return line | more  # type: ignore[no-any-return]


# Three particles: 1 is copied over 0 after the first step; 2 fails, and begins again at the prompt.
THREE = [
    wrote(1, {0: "a", 1: "b", 2: "c"}),
    {"event": "ProgramRan", "step": 1, "particle": 2, "error": "NameError: c", "output": "0\n"},
    {"event": "Rewound", "step": 1, "particles": [2], "steps": [0]},
    wrote(2, {2: "d"}),
    scored(2, [0.0, 0.75, 0.25], 1.6),
    {"event": "Resampled", "step": 2, "ancestors": [1, 1, 2], "weights": [1 / 3] * 3},
    wrote(3, {0: "e", 1: "f", 2: "g"}, "boxed"),
    scored(3, [0.5, 0.0, 0.5], 2.0),
]
FINAL = [particle("b", "e"), particle("b", "f", weight=0.0), particle("d", "g")]


def edges(found: Genealogy) -> Iterator[tuple[int, int, int | None, str]]:
    """Of each cell: column, lane, the lane of its parent, what it holds."""
    for cell in found.cells:
        parent = None if cell.parent is None else found.cells[cell.parent].lane
        yield cell.column, cell.lane, parent, found.written[cell.written].text


def test_a_genealogy_from_events() -> None:
    found = genealogy(record(FINAL, THREE))
    assert (found.columns, found.lanes, found.whole) == (3, 3, True)
    assert list(edges(found)) == [
        (1, 0, None, "a"), (1, 1, None, "b"), (1, 2, None, "c"),
        (2, 0, 0, "a"), (2, 1, 1, "b"), (2, 2, None, "d"),
        (3, 0, 1, "e"), (3, 1, 1, "f"), (3, 2, 2, "g"),
    ]  # fmt: skip
    assert [cell.wrote for cell in found.cells] == [True] * 3 + [False, False] + [True] * 4
    lives = [(cell.column, cell.lane) for cell in found.cells if cell.lives]
    assert lives == [(1, 1), (2, 1), (2, 2), (3, 0), (3, 2)], "(3, 1) has no weight"
    assert [(cell.column, cell.lane) for cell in found.cells if cell.ends] == [(1, 2), (2, 0)]
    assert found.ess == [None, 1.6, 2.0]
    assert [found.written[step].text for step in found.chain(found.final[0])] == ["b", "e"]
    failed = next(step for step in found.written if step.text == "c")
    assert (failed.finish, failed.error, failed.output) == ("failed", "NameError: c", "0\n")


def test_weights_after_a_return_to_the_prompt_are_not_those_of_what_was_dropped() -> None:
    events = [
        wrote(1, {0: "a", 1: "b"}),
        {"event": "Rewound", "step": 1, "particles": [1], "steps": [0]},
        scored(1, [0.75, 0.25], 1.6),
        wrote(2, {0: "c", 1: "d"}),
    ]
    found = genealogy(record([particle("a", "c"), particle("d")], events))
    assert [cell.weight for cell in found.cells] == [0.75, None, 0.5, 0.5]
    assert [cell.parent for cell in found.cells] == [None, None, 0, None]


def test_positions_and_lines_of_the_drawing() -> None:
    layout = Layout(3, 3)
    assert [layout.x(column) for column in range(4)] == [64, 174, 284, 394]
    assert [layout.y(lane) for lane in range(3)] == [56, 88, 120]
    svg = drawing(genealogy(record(FINAL, THREE)), 0, ["4", None, "5"])
    assert '<path class="e wx best" d="M64 88H174"/>' in svg, "from the prompt to b"
    assert '<path class="e w5 wait best" d="M174 88H284"/>' in svg, "b waits"
    assert '<path class="e w4 best" d="M284 88C339 88 339 56 394 56"/>' in svg, "and is copied"
    assert '<path class="e w3 again" d="M240 120H284"/>' in svg, "d begins again at the prompt"
    assert svg.count('class="cell"') == 7
    assert svg.count('class="dead') == 2
    assert svg.count('class="done') == 2
    assert svg.count('class="end') == 2
    assert svg.index('<circle class="w4 best" cx="394" cy="56"') > 0


@pytest.mark.parametrize(
    ("weight", "name"),
    [(None, "wx"), (0.0, "w0"), (1e-9, "w1"), (0.25, "w4"), (0.2, "w3"), (0.5, "w5"), (1.0, "w6")],
)
def test_a_weights_colour_is_relative_to_an_equal_share(weight: float | None, name: str) -> None:
    assert level(weight, 4) == name


@pytest.mark.parametrize(
    "events",
    [
        [],
        [scored(1, [0.75, 0.25], 1.6)],  # from before steps were told of
        THREE,  # of other particles
        [{"event": "StepWritten"}],
        [{"no": 1}, 5],
        [wrote(1, {0: "a", 1: "a"}), {"event": "Resampled", "ancestors": 3}],
        [wrote(1, {0: "a", 10**9: "a"})],  # of a picture that no memory holds
    ],
)
def test_without_fitting_events_the_particles_say_it(events: list[Any]) -> None:
    particles = [particle("a", "b"), particle("a", "c", ancestors=[0, 1])]
    found = genealogy(record(particles, events))
    assert not found.whole
    assert list(edges(found)) == [(1, 0, None, "a"), (2, 0, 0, "b"), (2, 1, 0, "c")]
    assert [found.chain(last) for last in found.final] == [[0, 1], [0, 2]]
    assert "final particles alone" in page(record(particles, events))


class _Reader(HTMLParser):
    """The elements of a page, their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.words = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in ("meta",):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.words += data


def test_no_text_of_a_run_is_markup() -> None:
    text = "\n".join(HOSTILE)
    events = [
        wrote(1, {0: text, 1: text}, kind="program"),
        {"event": "ProgramRan", "step": 1, "particle": 1, "error": text, "output": text},
        {"event": "Rewound", "step": 1, "particles": [0, 1], "steps": [0, 0]},
        wrote(2, {0: text, 1: text}, text),
        scored(2, [0.5, 0.5], 2.0),
    ]
    particles = [
        particle(text, answer=text, finish=text),
        particle(text, answer=text, kind="program", output=text, error=text),
    ]
    usual = _Reader(page(record(FINAL, THREE)))
    for told in (events, []):
        candidates = [{"answer": text, "particles": 2, "share": 1.0}]
        more = {"problem": text, "answer": text, "expected": text, "candidates": candidates}
        hostile = record(particles, told, **more, versions={text: text}, at=text)
        hostile["settings"] |= {text: text, "policy": text}
        html = page(hostile)
        html.encode()
        found = _Reader(html)
        assert not found.open
        maths = {"math", "mrow", "mi", "mo", "mn", "mtext"}
        assert found.tags - usual.tags <= maths | {"b", "small"}
        assert found.attributes - usual.attributes <= {"display", "stretchy", "fence", "form"}
        assert html.count("<script") == html.count("</script>") == 1
        assert not any(
            name.startswith("on") or name in ("src", "style") for name in found.attributes
        )
        for raw in (
            "<img",
            "<svg onload",
            "<i>",
            "<!--",
            "\x00",
            "\x1b",
            "\u202e",
            "\u2066",
            "\u200f",
        ):
            assert raw not in html, raw
        assert found.words.count("<script>alert(1)</script>") >= 8


def test_a_page_asks_for_nothing_from_elsewhere() -> None:
    html = page(record(FINAL, THREE))
    assert "default-src 'none'" in html
    assert "unsafe" not in html
    assert "http://" not in html.replace('xmlns="http://www.w3.org/1998/Math/MathML"', "")
    assert "https://" not in html


def test_every_text_of_every_branch_is_there_once() -> None:
    events = json.loads(json.dumps(THREE).replace('"b"', '"bravo"').replace('"c"', '"charlie"'))
    final = [particle("bravo", "e"), particle("bravo", "f", weight=0.0), particle("d", "g")]
    found = _Reader(page(record(final, events)))
    assert found.words.count("bravo") == 2, "as a step, and as what the mouse finds on its cell"
    assert "charlie" in found.words
    assert "NameError: c" in found.words
    assert "Its first 1 step is also of particle 0" in found.words


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_records_of_schema_1_have_a_page(path: Path) -> None:
    old = read_record(path)
    found = _Reader(page(old))
    for each in old["particles"]:
        for step in each["steps"]:
            for line in step.split("\n"):
                assert shown(line).strip("* ") in found.words or "\\" in line or "$" in line


def test_a_search_that_failed_has_a_page() -> None:
    line = record([], THREE, error={"kind": "NoAnswer", "message": "all <dead>"}, answer=None)
    for name in ("agreement", "candidates", "chosen", "tokens", "timings", "seed"):
        line.pop(name, None)  # type: ignore[misc]
    html = page(line)
    assert "all &lt;dead&gt;" in html
    assert html.count('class="cell"') == 7


def test_the_command_line_repeats_the_run() -> None:
    line = record(FINAL, THREE, problem="What is 'a' - b?")
    line["settings"] |= {"temperature": 0.7, "particles": 3, "policy": "small", "early_stop": False}
    html = _Reader(page(line)).words
    command = next(text for text in html.splitlines() if "pfsolve solve" in text)
    command = command[command.index("pfsolve solve") :]
    assert "--policy small" in command
    assert "--particles 3" in command
    assert "--temperature 0.7" in command
    assert "--no-early-stop" in command
    assert f"--seed {line['seed']}" in command
    assert command.startswith("pfsolve solve --")
    assert """-- 'What is '"'"'a'"'"' - b?'""" in command


def test_mathematics_becomes_mathml_and_the_unknown_stays_text() -> None:
    assert "<mfrac>" in (mathml(r"\frac{1}{2}", block=False) or "")
    assert "and</mtext>" in formula("2 and 3").replace(" ", "").replace("\N{NO-BREAK SPACE}", "")
    assert "<mfrac>" in formula(r"\frac{1}{2}")
    assert prose(r"so \(x^2\)").startswith('so <math display="inline">')
    assert 'display="block"' in prose(r"\[x\]")
    assert prose("costs $5 and $6") == "costs $5 and $6"
    for unknown in (r"$\foo{3}$", r"$\frac{1}$", r"$\href{x}{y}$", "$" + "{" * 900 + "$"):
        assert prose(unknown) == unknown
    assert prose(r"$\text{<b>}$").count("<b>") == 0
