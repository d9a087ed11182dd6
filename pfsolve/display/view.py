"""What all views have in common: the events of one subject, added up, and how that reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pfsolve.events import Event

if TYPE_CHECKING:
    from rich.text import Text

LINE_S = 30.0  # seconds from one plain line of progress to the next, at least


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A frozen value that each event turns into the next one. It holds no stream and no clock.

    Attributes:
        active: whether something is under way, to be redrawn as it changes.
        verbose: how often -v was given.
        colours: whether styles show where it is drawn.
    """

    active: bool = False
    verbose: int = 0
    colours: bool = True

    def after(self, event: Event, now: float = 0.0) -> View:
        """This view once `event` has happened, `now` seconds from any origin."""
        return self

    def news(self, event: Event) -> Text | None:
        """What is printed of the event just heard, on any surface."""
        return None

    def line(self, event: Event) -> str | None:
        """What is printed besides where nothing can be redrawn, if it is time for a line."""
        return None

    def draw(self, width: int, height: int) -> list[Text]:
        """The lines that are redrawn while `active`, or that stay on the screen thereafter.

        They have at most `width` cells, and there are at most `height` - 1 of them (but one at
        least), so that the cursor has a line of its own.
        """
        return []
