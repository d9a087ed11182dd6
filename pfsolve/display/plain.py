"""What a watcher gets where nothing can be redrawn: lines, and few of them."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

from pfsolve.display.population import SolveView
from pfsolve.events import Event, ModelLoaded, StepScored
from pfsolve.wording import format_bytes, percent

if TYPE_CHECKING:
    from rich.console import Console


class Silent:
    """A listener that says nothing, for --quiet; also the interface every display has."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass

    def __call__(self, event: Event) -> None:
        pass


class PlainLines(Silent):
    """One line for each model that is loaded; from verbose 1 on, one for each step."""

    def __init__(self, console: Console, verbose: int = 0) -> None:
        self._console = console
        self._verbose = verbose
        self._population = SolveView()

    def __call__(self, event: Event) -> None:
        self._population = self._population.after(event)
        if isinstance(event, ModelLoaded):
            print_dim(self._console, model_line(event))
        elif isinstance(event, StepScored) and self._verbose >= 1:
            print_dim(self._console, step_line(self._population))


def model_line(event: ModelLoaded) -> str:
    """ "policy some-model on CPU, 1.12 GB + 905 MB cache" """
    line = f"{event.role} {event.name} on {event.device}, {format_bytes(event.weight_bytes)}"
    return line + (f" + {format_bytes(event.cache_bytes)} cache" if event.cache_bytes else "")


def step_line(population: SolveView) -> str:
    """ "step 3 · ESS 5.2 of 8 · 42 (61 %) · 7/3 (20 %)" """
    parts = [f"step {population.step}", f"ESS {population.ess:.1f} of {population.n}"]
    parts += [f"{answer} ({percent(share)})" for answer, share in population.leading_answers()]
    return " · ".join(parts)


def print_dim(console: Console, line: str) -> None:
    """Print a line that is not a result; never wrapped, no markup in it."""
    from rich.text import Text

    console.print(Text(line, style="dim"), soft_wrap=True)
