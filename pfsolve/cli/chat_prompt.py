"""The line that `pfsolve chat` reads: a prompt with history and completion."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.input import create_input
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.key_binding.key_processor import KeyPressEvent
from prompt_toolkit.output import create_output

if TYPE_CHECKING:
    from pfsolve.environment import Environment

PROMPT = "pfsolve> "


class _Cleared(Exception):
    """Ctrl-C at the prompt; `KeyboardInterrupt` is of a signal then."""


class Words(Completer):
    """Completes commands, and after one of them what may follow it.

    Args:
        commands: of each what its words may be, given those before the last.
    """

    def __init__(self, commands: Mapping[str, Callable[[list[str]], Collection[str]]]) -> None:
        self._commands = commands

    def get_completions(self, document: Document, event: CompleteEvent) -> Iterator[Completion]:
        before = document.text_before_cursor
        if not before.startswith("/"):
            return
        *words, incomplete = before.split(" ")
        if not words:
            choices: Collection[str] = self._commands
        elif words[0] in self._commands:
            choices = self._commands[words[0]]([word for word in words[1:] if word])
        else:
            choices = ()
        for choice in choices:
            if choice.startswith(incomplete):
                yield Completion(choice, start_position=-len(incomplete))


def prompt(
    environment: Environment, completer: Completer, *, history: bool
) -> Callable[[], str | None]:
    """Reads a line at each call; None at the end, which is Ctrl-D.

    Ctrl-C clears what is written. A text of several lines that is pasted is one line, and so is what
    Alt-Enter parts. The prompt is written to stderr: stdout is for answers.

    Args:
        history: whether lines are kept for later sessions.
    """
    keys = KeyBindings()

    @keys.add("escape", "enter")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.newline(copy_margin=False)

    session: PromptSession[str] = PromptSession(
        PROMPT,
        input=create_input(environment.stdin),
        output=create_output(environment.stderr),
        history=_history(environment.state_dir) if history else InMemoryHistory(),
        completer=completer,
        complete_while_typing=False,
        key_bindings=keys,
        prompt_continuation=lambda width, number, wraps: " " * width,
        enable_suspend=True,
        interrupt_exception=_Cleared,
    )

    def read() -> str | None:
        while True:
            try:
                return session.prompt()
            except _Cleared:
                continue
            except EOFError:
                return None

    return read


def _history(folder: Path) -> History:
    """Lines of earlier sessions, readable for this user only; of this one alone where none can be kept."""
    file = folder / "chat_history"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.touch(mode=0o600)
        with file.open("ab"):
            return FileHistory(str(file))
    except OSError:
        return InMemoryHistory()
