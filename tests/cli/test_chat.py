"""`pfsolve chat`: its commands, its prompt, and a session on a terminal."""

from __future__ import annotations

import io
import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from pfsolve.cli import chat_prompt, run
from pfsolve.cli.chat import Chat, completions
from pfsolve.cli.chat_prompt import Words, prompt
from pfsolve.cli.solve import RunOptions
from pfsolve.environment import Environment
from pfsolve.errors import EngineError, NoAnswer, ProblemTooLong
from pfsolve.results.history import History
from pfsolve.settings import SETTINGS, Settings, merge
from pfsolve.solver.loaded import FREE
from tests.cli.conftest import cli_environment
from tests.results.conftest import PROBLEMS, solution

ERRORS = {"none": NoAnswer("no answer"), "long": ProblemTooLong("long"), "bad": EngineError("x")}


class Echo:
    """A solver whose answer to a problem is its length; a word that names an error raises it."""

    opened: list[Echo]

    def __init__(self, settings: Settings, **_: Any) -> None:
        self.settings = settings
        self.asked: list[tuple[str, int | None]] = []
        self.is_open = True
        if settings.policy == "nowhere":
            raise EngineError("cannot be loaded")
        Echo.opened.append(self)

    def reloads(self, settings: Settings) -> list[str]:
        changed = {name for name in SETTINGS if hasattr(settings, name)}
        differ = {n for n in changed if getattr(settings, n) != getattr(self.settings, n)}
        return sorted(differ - FREE)

    def using(self, settings: Settings) -> Echo:
        self.settings = settings
        return self

    def solve(self, problem: str, *, seed: int | None = None, **_: Any) -> Any:
        self.asked.append((problem, seed))
        if problem in ERRORS:
            raise ERRORS[problem]
        return solution(PROBLEMS[0], str(len(problem)))

    def close(self) -> None:
        self.is_open = False


@pytest.fixture
def says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[str, str]]:
    """What a session with these lines prints on stdout and on stderr."""
    monkeypatch.setattr("pfsolve.solver.solver.Solver", Echo)
    Echo.opened = []

    def say(*lines: str, **flags: Any) -> tuple[str, str]:
        variables = {f"PFSOLVE_{k}_DIR": str(tmp_path / k.lower()) for k in ("CONFIG", "STATE")}
        out, err = io.StringIO(), io.StringIO()
        environment = Environment(stdout=out, stderr=err, variables=variables)
        waiting: Iterator[str] = iter(lines)
        with Chat(environment, flags, RunOptions()) as session:
            session.load(merge(flags))
            session.run(lambda: next(waiting, None))
        assert not any(each.is_open for each in Echo.opened)
        return out.getvalue(), err.getvalue()

    return say


def test_a_problem_a_line_and_the_same_once_more_with_another_seed(
    says: Any, tmp_path: Path
) -> None:
    out, _ = says("x" * 12, "", "  y=1\nz=2 ", "/again", "/quit", "never", seed=3)
    assert out.splitlines() == ["12", "7", "7"]
    (solver,) = Echo.opened
    problems, seeds = zip(*solver.asked, strict=True)
    assert problems == ("x" * 12, "y=1\nz=2", "y=1\nz=2")
    assert seeds[:2] == (None, None), "that of the settings"
    assert seeds[2] not in (None, 3)
    assert len(History(tmp_path / "state").runs()) == 3, "for pfsolve show"


def test_show_has_the_last_solution_or_all_that_was_written(says: Any) -> None:
    out, err = says("/show", "1 + 1", "/show", "/show all", "/show some")
    assert "there is no solution yet" in err
    assert "/show some is unknown" in err
    answer, *shown = out.splitlines()
    assert answer == "5"
    assert shown[:2] == ["> What is 1 + 1?", ""]
    assert sum(line.startswith("## text") for line in shown) == len(
        solution(PROBLEMS[0], "5").particles
    )


def test_what_needs_no_load_is_set_at_once_and_the_rest_loads_again(says: Any) -> None:
    _, err = says("/set seed 7 --max-steps=3", "/set method islands", "/set context=512", "1")
    first, second = Echo.opened
    assert err.count("loading again: another context") == 1
    assert (first.settings.context, second.settings.context) == (None, 512)
    now = second.settings
    assert (now.seed, now.max_steps, now.method) == (7, 3, "islands")
    assert not first.asked
    assert second.asked


def test_unset_goes_back_to_what_holds_otherwise(says: Any) -> None:
    _, err = says("/set seed 7 time 2m", "/unset seed particles", "/unset time", particles=4)
    settings = Echo.opened[-1].settings
    assert (settings.seed, settings.time, settings.particles) == (None, None, 8)
    assert "name settings that have been set" not in err
    _, err = says("/unset", "/unset seed", particles=4)
    assert err.count("that is particles") == 2


@pytest.mark.parametrize(
    ("line", "error", "hint"),
    [
        ("/set particles none", "particles is 'none', which is no whole number", "1 to 256"),
        ("/set particles 9 method islands", "particles is 9", "use /set particles 8"),
        ("/set beam_width 3", "beam_width=3 has no effect", "/set method beam"),
        ("/set particle 3", "unknown setting 'particle'", "'particles'"),
        ("/set seed 1 particles", "particles has no value", "/set NAME VALUE"),
        ("/set parallel 2", "parallel is for a file", "pfsolve -f FILE"),
        ("/set policy 'a b", "a quotation mark is missing", "add it"),
        ("/set policy nowhere", "cannot be loaded", ""),
        ("/agian", "there is no command '/agian'", "did you mean /again?"),
        ("/again", "there is no problem yet", ""),
        ("exit", "'exit' is no problem", "did you mean /quit?"),
        ("help", "'help' is no problem", "did you mean /help?"),
        ("none", "no answer", ""),
        ("long", "long", ""),
    ],
)
def test_a_failure_is_told_and_changes_nothing(line: str, error: str, hint: str, says: Any) -> None:
    out, err = says(line, "four")
    told = err[err.index("Error: ") :].splitlines()
    assert error in told[0]
    assert hint in told[1] if hint else True
    assert out == "4\n", "the session goes on"
    assert Echo.opened[-1].settings == Settings()
    assert len(Echo.opened) == (2 if "nowhere" in line else 1)


def test_after_a_failure_of_the_engine_models_are_loaded_again(says: Any) -> None:
    out, _ = says("bad", "four")
    assert out == "4\n"
    assert [solver.asked for solver in Echo.opened] == [[("bad", None)], [("four", None)]]


def test_set_alone_shows_settings_and_help_the_commands(says: Any) -> None:
    out, err = says("/set", "/set final", "/help", particles=4)
    rows = dict(line.split("\t")[:2] for line in out.splitlines())
    assert rows.keys() >= (SETTINGS.keys() - {"parallel"})
    assert (rows["particles"], rows["method"], rows["seed"]) == ("4", "pf", "")
    assert "values: vote|weighted-vote|argmax" in err
    assert {"/set [NAME [VALUE]]...", "/unset NAME...", "/quit"} <= rows.keys()


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("/s", ["/set", "/show"]),
        ("/set part", ["particles"]),
        ("/set method p", ["pf", "pg"]),
        ("/set seed 7 ear", ["early_stop"]),
        ("/set early_stop o", ["on", "off"]),
        ("/set no_such ", []),
        ("/unset ", ["particles"]),
        ("/show a", ["all"]),
        ("/help ", []),
        ("/nothing ", []),
        ("Solve /s", []),
    ],
)
def test_completion(text: str, offered: list[str]) -> None:
    session = Chat(Environment(), {"particles": 4}, RunOptions())
    found = Words(completions(session)).get_completions(Document(text), CompleteEvent())
    assert [each.text for each in found] == offered


def test_the_prompt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C clears, a paste of two lines is one, Alt-Enter parts lines, Ctrl-D ends; lines are kept."""
    environment = Environment(variables={"PFSOLVE_STATE_DIR": str(tmp_path / "s")})
    typed = "lost\x03\x1b[200~a\nb\x1b[201~\rc\x1b\rd\r/set\r\x04"
    up = "\x1b[A\r"

    def lines(keys: str, history: bool) -> list[str]:
        with create_pipe_input() as pipe:
            pipe.send_text(keys)
            monkeypatch.setattr(chat_prompt, "create_input", lambda stdin: pipe)
            monkeypatch.setattr(chat_prompt, "create_output", lambda stdout: DummyOutput())
            words = Words(completions(Chat(environment, {}, RunOptions())))
            read = prompt(environment, words, history=history)
            return list(iter(read, None))

    assert lines(typed, True) == ["a\nb", "c\nd", "/set"]
    assert lines(up + "\x04", True) == ["/set"]
    assert lines(up + "\x04", False) == [""]
    file = tmp_path / "s" / "chat_history"
    assert file.stat().st_mode & 0o777 == 0o600
    (tmp_path / "s2").write_text("")
    environment = Environment(variables={"PFSOLVE_STATE_DIR": str(tmp_path / "s2")})
    assert lines("1\r\x04", True) == ["1"], "also where nothing can be kept"


def test_in_a_pipe_it_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    environment = Environment(stdin=io.StringIO("1+1\n"))
    assert run(["chat", "--policy", "nowhere.gguf"], environment) == 2
    error, hint = capsys.readouterr().err.splitlines()
    assert error == "Error: pfsolve chat needs a terminal, and standard input is none"
    assert hint.endswith("| pfsolve")


class Terminal:
    """A process on a terminal of its own."""

    def __init__(self, config_dir: Path, *args: str) -> None:
        self._screen, end = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pfsolve", *args],
            env=cli_environment(config_dir, TERM="xterm", COLUMNS="80", LINES="24"),
            stdin=end,
            stdout=end,
            stderr=end,
            start_new_session=True,
            preexec_fn=_take_terminal,
        )
        os.close(end)
        self._unread = ""

    def type(self, keys: str) -> None:
        os.write(self._screen, keys.encode())

    def until(self, pattern: str) -> str:
        """What it shows until that is there, without what moves the cursor."""
        end = time.monotonic() + 60
        while not (found := re.search(pattern, self._unread)):
            assert select.select([self._screen], [], [], end - time.monotonic())[0], self._unread
            try:
                data = os.read(self._screen, 65536)
            except OSError:
                raise AssertionError(self._unread) from None
            if b"\x1b[6n" in data:  # where is the cursor?
                self.type("\x1b[1;1R")
            self._unread += re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", data.decode(errors="replace"))
        shown, self._unread = self._unread[: found.end()], self._unread[found.end() :]
        return shown


def _take_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def test_a_session_on_a_terminal(tmp_path: Path, small_path: Path) -> None:
    terminal = Terminal(
        tmp_path / "config",
        *("chat", "-n", "2", "--seed", "1", "--no-early-stop", "--programs", "0"),
        *("--max-steps", "1", "--max-step-tokens", "8", "--reward", "none", "--context", "256"),
    )
    terminal.until("Ctrl-D ends")
    terminal.until("pfsolve>")
    terminal.type("What is 1 + 1?\r")
    assert "seed 1" in terminal.until("/show all for more")
    terminal.until("pfsolve>")
    terminal.type("/set max_steps 1000\r")
    terminal.until("pfsolve>")
    terminal.type("Tell me all about numbers.\r")
    terminal.until("step 2")
    terminal.type("\x03")
    assert "stopping" in terminal.until("interrupted after ")
    terminal.until("pfsolve>")
    terminal.type("\x04")
    assert terminal.process.wait(timeout=30) == 0
