"""What reaches stdout: an answer alone on its line, tables, JSON; and notes on stderr."""

from __future__ import annotations

import contextlib
import io
import json
import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pfsolve.display.columns import Table
from pfsolve.display.output import Answer, Code, InOrder, Output, Prose, Shown
from pfsolve.display.surface import watching
from pfsolve.environment import Environment
from pfsolve.errors import ResourceError
from pfsolve.events.work import BytesCame, PlaceChosen, PlaceRefused, PolicyChosen

HALF = r"\frac{1}{2}"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def given_to(stream: io.StringIO, *parts: Shown, value: object = None, **how: bool) -> str:
    """What arrives on stdout."""
    environment = Environment(stdout=stream, variables={"TERM": "xterm", "NO_COLOR": "1"})
    Output(environment, **how).give(value, lambda: parts)
    return stream.getvalue()


# -- what is hidden --

HIDDEN = "a\x1b]0;title\x1b\\\x1b[31m\x9b2J[b]b[/b]\u202e\u200bc\r\x85\ud800"


@pytest.mark.parametrize("kind", [io.StringIO, Terminal])
@pytest.mark.parametrize(
    "part",
    [
        HIDDEN,
        Answer(HIDDEN),
        Answer("4", problem_id=HIDDEN),
        Prose(HIDDEN),
        Code(HIDDEN),
        Table(["name", HIDDEN], [[HIDDEN, HIDDEN]]),
    ],
)
def test_nothing_that_a_terminal_would_obey_reaches_stdout(
    kind: type[io.StringIO], part: Shown
) -> None:
    written = given_to(kind(), part)
    assert not [char for char in written if char not in "\t\n" and not char.isprintable()]
    if not (kind is io.StringIO and isinstance(part, Answer) and part.problem_id):
        assert "a[b]b[/b]c" in written


def test_nothing_that_a_terminal_would_obey_reaches_stderr() -> None:
    stream = Terminal()
    environment = Environment(stderr=stream, variables={"TERM": "xterm", "NO_COLOR": "1"})
    environment.complain(f"{HIDDEN} is wrong", HIDDEN)
    Output(environment).note(HIDDEN)
    with watching(environment, verbose=1) as display:
        display(PolicyChosen(HIDDEN, HIDDEN))
        display(PlaceChosen(HIDDEN, HIDDEN, 0, 100))
        display(BytesCame(HIDDEN, 50, 100))
        display(PlaceRefused(HIDDEN, "/", HIDDEN))
    written = re.sub(
        r"\x1b\[(\?25[hl]|\d*[AKm]|[12]?[JK])|\r", "", stream.getvalue()
    )  # of the display
    assert written.count("a[b]b[/b]c") >= 6
    assert not [char for char in written if char != "\n" and not char.isprintable()]


def test_json_escapes_what_a_terminal_would_obey() -> None:
    value = HIDDEN[:-1] + "é\u2028\u2066\ufeff"
    written = given_to(io.StringIO(), value=value, as_json=True)
    assert written.rstrip("\n").isprintable()
    assert "é" in written
    assert json.loads(written) == value


# -- answers --


def test_a_terminal_gets_readable_text_in_bold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")  # rich looks at it too
    stream = Terminal()
    Output(Environment(stdout=stream, variables={"TERM": "xterm"})).give(
        None, lambda: [Answer(HALF)]
    )
    assert stream.getvalue() == "\x1b[1m1/2\x1b[0m\n"


def test_latex_on_request() -> None:
    assert given_to(Terminal(), Answer(HALF), raw=True) == f"{HALF}\n"


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (HALF, HALF),
        ("\\begin{pmatrix}\n1 \\\\\n2\n\\end{pmatrix}\n", r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}"),
        ("[bold]4[/x]", "[bold]4[/x]"),
        ("\x1b[31m4\r\n", "4"),
        ("x" * 500, "x" * 500),
    ],
)
def test_a_pipe_gets_the_latex_as_it_is_on_exactly_one_line(answer: str, line: str) -> None:
    assert given_to(io.StringIO(), Answer(answer)) == line + "\n"


def test_an_answer_wider_than_the_terminal_is_not_broken_into_lines() -> None:
    assert given_to(Terminal(), Answer("x + " * 80 + "1")).count("\n") == 1


@pytest.mark.parametrize("answer", [r"\\", r"\left", "{}"])
def test_an_answer_of_which_nothing_would_be_left_is_shown_as_it_is(answer: str) -> None:
    assert answer in given_to(Terminal(), Answer(answer))


@pytest.mark.parametrize(
    ("answer", "correct", "piped", "seen"),
    [
        ("42", True, "42\n", "a b  42  right\n"),
        (HALF, False, f"{HALF}\n", "a b  1/2  wrong\n"),
        ("x\n\x1b[31my", None, "x y\n", "a b  x y\n"),
        (None, None, "\n", "a b  no answer\n"),
        (None, False, "\n", "a b  no answer  wrong\n"),
    ],
)
def test_one_of_many_is_its_answer_in_a_pipe_and_says_whose_it_is_on_a_terminal(
    answer: str | None, correct: bool | None, piped: str, seen: str
) -> None:
    row = Answer(answer, "a\nb", correct)
    assert given_to(io.StringIO(), row) == piped
    assert given_to(Terminal(), row) == seen


def test_a_terminal_is_told_that_the_answer_is_one_and_a_pipe_gets_it_alone() -> None:
    assert given_to(Terminal(), Answer(HALF, titled=True)) == "Answer  1/2\n"
    assert given_to(io.StringIO(), Answer(HALF, titled=True)) == f"{HALF}\n"


# -- prose and code --


def test_prose_is_readable_on_a_terminal_and_markdown_in_a_pipe_or_raw() -> None:
    prose = Prose("**So** $x = \\frac{1}{2}$\n\x1b[2Jis\tit.")
    plain = "**So** $x = \\frac{1}{2}$\nis    it.\n"
    assert given_to(Terminal(), prose) == "So x = 1/2\nis    it.\n"
    assert given_to(io.StringIO(), prose) == plain
    assert given_to(Terminal(), prose, raw=True) == plain


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("We _do_ it, (_really_) _so be it!_", "We do it, (really) so be it!"),
        ("x_1 and y_2, $a_n$ and $b_n$", "x₁ and y₂, aₙ and bₙ"),
        ("__init__ is ____ there", "__init__ is ____ there"),
        (r"\(_2F_1\) and $_nC_k$", "₂F₁ and ₙCₖ"),
    ],
)
def test_an_underscore_of_prose_is_no_subscript(written: str, seen: str) -> None:
    assert given_to(Terminal(), Prose(written)) == f"{seen}\n"


def test_code_is_indented_on_a_terminal_and_a_block_in_a_pipe() -> None:
    code = Code("\nif x:\n\tprint('`' * 3, '````')\n", "python")
    assert given_to(Terminal(), code) == "    if x:\n        print('`' * 3, '````')\n"
    block = "`````python\nif x:\n    print('`' * 3, '````')\n`````\n"
    assert given_to(io.StringIO(), code) == block, "no line of the code may end the block"


def test_of_a_long_output_a_terminal_gets_the_end() -> None:
    code = Code("\n".join(map(str, range(100))), last=3)
    assert given_to(Terminal(), code).split("\n    ") == [
        "    … 97 lines more",
        *("97", "98", "99\n"),
    ]
    assert given_to(io.StringIO(), code).count("\n") == 102


def test_parts_are_set_apart() -> None:
    parts = (Prose("So."), Code("4"), Answer("4"))
    assert given_to(Terminal(), *parts) == "So.\n\n    4\n\n4\n"
    assert given_to(io.StringIO(), *parts) == "So.\n\n```\n4\n```\n\n4\n"


# -- tables, text and JSON --


def test_tables_are_set_apart_and_a_pipe_gets_tabs() -> None:
    table = Table(("name", "size"), [("[b]a", "1"), ("b", "22")])
    text = "name\tsize\n[b]a\t1\nb\t22\n"
    assert given_to(io.StringIO(), table, table) == f"{text}\n{text}"
    lines = given_to(Terminal(), table).splitlines()
    assert [line.split() for line in lines] == [["name", "size"], ["[b]a", "1"], ["b", "22"]]
    assert lines[1].endswith(" 1"), "numbers stand to the right"


def test_text_in_the_last_column_is_wrapped_on_a_terminal_and_numbers_stay_whole() -> None:
    text = "so it is " * 30
    table = Table(("step", "score", "text"), [("1", "0.125", text.strip())], prose=True)
    assert given_to(io.StringIO(), table) == f"step\tscore\ttext\n1\t0.125\t{text.strip()}\n"
    lines = given_to(Terminal(), table).splitlines()
    assert [line.split()[:3] for line in lines[:2]] == [
        ["step", "score", "text"],
        ["1", "0.125", "so"],
    ]
    assert " ".join(" ".join(lines[1:]).split()) == f"1 0.125 {text.strip()}"


def test_json_is_one_strict_line_and_nothing_else_is_made() -> None:
    def never() -> Iterable[Shown]:
        raise AssertionError

    stream = io.StringIO()
    output = Output(Environment(stdout=stream, variables={}), as_json=True)
    output.give({"a": float("-inf"), "b": ("ü", 1)}, never)
    output.skip()
    assert stream.getvalue() == '{"a": null, "b": ["ü", 1]}\n'


@pytest.mark.parametrize("as_json", [False, True])
def test_results_come_each_as_soon_as_it_is_there_or_as_one_list(as_json: bool) -> None:
    stream = io.StringIO()
    seen: list[str] = []

    def values() -> Iterable[int]:
        for value in (1, 2):
            seen.append(stream.getvalue())
            yield value

    environment = Environment(stdout=stream, variables={})
    Output(environment, as_json=as_json).give_each(values(), lambda value: [f"<{value}>"])
    if as_json:
        assert json.loads(stream.getvalue()) == [1, 2]
    else:
        assert seen == ["", "<1>\n"]


def test_notes_are_plain_text_on_stderr_unless_quiet() -> None:
    stream = io.StringIO()
    environment = Environment(stderr=stream, variables={})
    Output(environment, as_json=True).note("[bold]3 left out")
    Output(environment, quiet=True).note("nothing")
    assert stream.getvalue() == "[bold]3 left out\n"


def test_an_aside_follows_what_stands_on_the_terminal() -> None:
    out, err = Terminal(), Terminal()
    environment = Environment(stdout=out, stderr=err, variables={"NO_COLOR": "1"})
    output = Output(environment)
    output.give(None, lambda: [Answer("4")])
    output.aside("said " * 30)
    assert "4\n" in out.getvalue()
    assert out.getvalue().split() == ["4", *["said"] * 30]
    assert max(map(len, out.getvalue().splitlines())) <= 80, "between words"
    assert err.getvalue() == ""


def test_an_aside_is_for_a_reader_at_a_terminal() -> None:
    pipe, terminal = io.StringIO(), Terminal()
    for stream in (pipe, terminal):
        variables = {"TERM": "xterm", "NO_COLOR": "1"}
        environment = Environment(stdout=io.StringIO(), stderr=stream, variables=variables)
        for how in ({"as_json": True}, {"quiet": True}):
            Output(environment, **how).aside("nothing")
        Output(environment).aside("said")
    assert (pipe.getvalue(), terminal.getvalue()) == ("", "said\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is full")
def test_a_full_disk_is_told_as_that_of_standard_output() -> None:
    stdout = Path("/dev/full").open("w")  # noqa: SIM115
    with pytest.raises(ResourceError, match="cannot write to standard output: "):
        Output(Environment(stdout=stdout), as_json=True).give({"answer": "2"})
    with contextlib.suppress(OSError):
        stdout.close()


# -- the order of answers --


@given(st.permutations(range(6)))
def test_lines_come_in_the_inputs_order_however_they_are_finished(order: list[int]) -> None:
    shown: list[int | None] = []
    lines: InOrder[int] = InOrder(shown.append)
    for position in order:
        lines(position, position)
        assert shown == list(range(len(shown))), "nothing out of order"
    lines.close()
    assert shown == list(range(6))


def test_lines_that_never_came_keep_their_places_at_the_end() -> None:
    """After Ctrl-C the third answer must not stand on the second line."""
    shown: list[str | None] = []
    lines: InOrder[str] = InOrder(shown.append)
    for position, answer in [(0, "a"), (2, "c"), (4, "e")]:
        lines(position, answer)
    assert shown == ["a"]
    lines.close()
    assert shown == ["a", None, "c", None, "e"]


def test_as_they_come_means_at_once() -> None:
    shown: list[str | None] = []
    lines: InOrder[str] = InOrder(shown.append, as_they_come=True)
    lines(2, "c")
    lines(0, "a")
    lines.close()
    assert shown == ["c", "a"]
