"""The plain display: one line a model, one a step when asked, and never an escape code."""

from __future__ import annotations

import io

import pytest

from pfsolve.display.plain import PlainLines, Silent
from pfsolve.environment import Environment
from pfsolve.events import (
    Began,
    Ended,
    Event,
    ModelLoaded,
    ParticleRow,
    Progressed,
    Resampled,
    StepScored,
)

MODEL = ModelLoaded("policy", "qwen2.5-coder-1.5b", "CPU", 1_117_000_000, 905_000_000)
ROWS = (
    ParticleRow(0.5, None, 1, 10, 0, "text", r"\frac{7}{3}", "boxed"),
    ParticleRow(0.5, None, 1, 10, 1, "text\x1b[31m [bold]", None, None),
)
EVENTS: list[Event] = [
    MODEL,
    Began("p", 2, 100),
    Progressed(1, 2.0, ROWS, 20, 1.0),
    StepScored(1, (1.0, 0.0), (0.73, 0.27), 1.65, -0.7),
    Resampled(1, (0, 0)),
    Progressed(2, 2.0, ROWS, 30, 2.0),
    StepScored(2, (1.0, 0.0), (0.99, 0.01), 1.02, -0.7),
    Ended(ROWS, 30, 2.0),
]


def printed(verbose: int) -> str:
    stream = io.StringIO()
    with PlainLines(Environment(stderr=stream, variables={}).err, verbose) as display:
        for event in EVENTS:
            display(event)
    return stream.getvalue()


def test_by_default_only_the_models_are_told() -> None:
    assert printed(0) == "policy qwen2.5-coder-1.5b on CPU, 1.12 GB + 905 MB cache\n"


def test_verbose_adds_a_line_for_each_step() -> None:
    assert printed(1).splitlines()[1:] == [
        "step 1 · ESS 1.6 of 2 · 7/3 (73 %)",
        "step 2 · ESS 1.0 of 2 · 7/3 (99 %)",
    ]


def test_a_model_without_a_cache_claims_none() -> None:
    stream = io.StringIO()
    display = PlainLines(Environment(stderr=stream, variables={}).err)
    display(ModelLoaded("reward", "prm", "Metal", 90_000_000, 0))
    assert stream.getvalue() == "reward prm on Metal, 90 MB\n"


@pytest.mark.parametrize("verbose", [0, 1])
def test_a_dumb_terminal_gets_plain_text_too(verbose: int) -> None:
    stream = io.StringIO()
    stream.isatty = lambda: True  # type: ignore[method-assign]
    environment = Environment(stderr=stream, variables={"TERM": "dumb"})
    with PlainLines(environment.err, verbose) as display:
        for event in EVENTS:
            display(event)
    assert stream.getvalue() == printed(verbose)


def test_silence_listens_to_everything_and_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with Silent() as display:
        for event in EVENTS:
            display(event)
    assert capfd.readouterr() == ("", "")
