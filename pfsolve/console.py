"""The console that all but plain results go through: what it prints hides nothing from the reader."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from pfsolve.wording import visible


class CleanConsole(Console):
    """A console whose text cannot move the cursor, set a colour or turn the direction of writing.

    Text out of files, of models and of programs ends here, whichever way it came.
    """

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            if segment.control:  # the display's own
                yield segment
            else:
                yield segment._replace(text=visible(segment.text))
