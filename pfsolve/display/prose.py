r"""A solution's text on a terminal: its own lines, readable mathematics, simple Markdown, code.

A parser of Markdown would take `\(`, `_` and `*` of formulas for its own, and join lines that are broken
on purpose.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pfsolve.display.latex.symbols import BLOCKS
from pfsolve.display.latex.terminal import to_terminal
from pfsolve.display.text import BOLD, HEADING
from pfsolve.wording import clean_lines

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

WIDEST = 100  # cells of a line of text at most

_INDENT = "    "  # before a formula and before code

_PARAGRAPH = r"(?:(?!\n\n).)*?"  # as little as possible of one
_ENVIRONMENT = (
    rf"\\begin\{{(?P<name>(?:{'|'.join(sorted(BLOCKS))})\*?)\}}(?P<rows>{_PARAGRAPH})"
    r"\\end\{(?P=name)\}"
)
# What stands on lines of its own: code, and formulas, with what ends a sentence behind them.
_BLOCK = re.compile(
    r"^[ ]*```(?P<language>\w*)[^\n]*\n(?P<code>.*?)(?:^[ ]*```[ ]*(?:\n|\Z)|\Z)"
    rf"|(?P<formula>(?<!\\)\\\[{_PARAGRAPH}(?:\\\]|(?=\n\n)|\Z)|\$\${_PARAGRAPH}\$\$|{_ENVIRONMENT})"
    r"[.,;]?[ ]*\n?",
    re.DOTALL | re.MULTILINE,
)
_DELIMITER = re.compile(r"\A(?:\\\[|\$\$)|(?:\\\]|\$\$)\Z")
_ONLY_ROWS = re.compile(rf"\s*{_ENVIRONMENT}\s*", re.DOTALL)
_ROW_TOKEN = re.compile(
    r"\\(?:begin|end)\s*\{[^{}]*\}|\\\\(?:\[[\d.]+\w+\])?|\\.|[^\\{}&]+|.", re.DOTALL
)
_QUOTE = re.compile(r"(?:>[ ]?)+")
_ITEM = re.compile(r"[ ]*(?:(?:[-*•]|\d+[.)])[ ]+(?=\S))?")
# What is no subscript: emphasis, and a blank or a name such as __init__.
_EMPHASIS = re.compile(r"(?<![\w\\}$])_([^\W_](?:[^_$\\^{}]*[^\W_])?[!?.,;:)]*)_(?!\w)")
_BLANK = re.compile("__+")
# Formulas, and beside them names such as total_cost; log_b is none.
_NAME = re.compile(
    r"\$[^$]*\$|\\\(.*?\\\)|(?<![\\\w{^])(?!(?:log|lim|max|min|sum|prod|int|sup|inf)_)"
    r"(?P<name>(?=\w*(?:[A-Za-z]{3}\d*_|_[A-Za-z]{2}|_[A-Za-z]\w*_[A-Za-z]))[A-Za-z]\w*)(?![\w{])"
)
_CODE_SPAN = re.compile(r"(`[^`\n]+`)")
_STYLED = re.compile(rf"`([^`\n]+)`|{BOLD.pattern}")


def readable(text: str, console: Console) -> Iterator[Text]:
    """A text with LaTeX and Markdown in it as lines that fit the console.

    A line stays one, but for what has to be wrapped. A formula that is set apart is indented, with each
    of its rows on a line.
    """
    text = "\n".join(clean_lines(text)).strip("\n")
    width = max(20, min(WIDEST, console.width))
    position = 0
    for block in _BLOCK.finditer(text):
        yield from _lines(text[position : block.start()], console, width)
        if block["formula"] is None:
            yield from code_lines(block["code"], block["language"], console)
        else:
            for row in _rows(_DELIMITER.sub("", block["formula"])):
                yield from _wrapped(_styled(to_terminal(row).strip()), console, width, _INDENT)
        position = block.end()
    yield from _lines(text[position:], console, width)


def code_lines(code: str, language: str, console: Console) -> Iterator[Text]:
    """The lines of code, indented and never wrapped; Python with some colour where there is any."""
    from rich.text import Text

    code = "\n".join(clean_lines(code)).strip("\n")
    coloured = language == "python" and console.color_system is not None
    text = _highlighted(code) if coloured else Text(code)
    for line in text.split("\n"):
        yield Text.assemble(_INDENT, line) if line else line


def _highlighted(code: str) -> Text:
    from pygments.token import Comment, Keyword, Number, Operator, String
    from rich.style import Style
    from rich.syntax import ANSISyntaxTheme, Syntax

    # Colours that can be read on light and on dark.
    styles = {
        Comment: Style(dim=True),
        Keyword: Style(bold=True),
        Operator.Word: Style(bold=True),
        String: Style(color="green"),
        Number: Style(color="cyan"),
    }
    return Syntax("", "python", theme=ANSISyntaxTheme(styles)).highlight(code)


def _lines(text: str, console: Console, width: int) -> Iterator[Text]:
    """The lines between two blocks."""
    if not text.strip(" "):
        return
    text = re.sub(r"\n{3,}", "\n\n", text).rstrip(" ").removesuffix("\n")
    for line in text.split("\n"):
        if heading := HEADING.match(line):
            yield from _wrapped(_inline(line[heading.end() :], "bold"), console, width)
        elif quote := _QUOTE.match(line):
            bars = "│ " * min(quote[0].count(">"), width // 4)
            yield from _wrapped(_inline(line[quote.end() :]), console, width, bars, bars)
        else:
            item = _ITEM.match(line)
            mark = item[0] if item else ""
            shown = mark.replace("*", "-")[-width // 2 :]
            text_of = _inline(line[len(mark) :])
            yield from _wrapped(text_of, console, width, shown, " " * len(shown))


def _inline(line: str, style: str = "") -> Text:
    """A line of prose with its mathematics readable."""
    pieces = _CODE_SPAN.split(line)
    for number in range(0, len(pieces), 2):
        piece = pieces[number]
        if piece.strip():
            before, after = (" " if edge.isspace() else "" for edge in (piece[0], piece[-1]))
            piece = _BLANK.sub(lambda blank: r"\_" * len(blank[0]), _EMPHASIS.sub(r"\1", piece))
            piece = _NAME.sub(lambda n: n[0].replace("_", r"\_") if n["name"] else n[0], piece)
            pieces[number] = before + to_terminal(piece).strip() + after
    return _styled("".join(pieces), style)


def _styled(line: str, style: str = "") -> Text:
    """A line whose bold words are bold, and whose code is coloured."""
    from rich.text import Text

    text, position = Text(style=style), 0
    for match in _STYLED.finditer(line):
        text.append(line[position : match.start()])
        text.append(*((match[1], "cyan") if match[1] else (match[2].replace("`", ""), "bold")))
        position = match.end()
    return text.append(line[position:])


def _wrapped(
    text: Text, console: Console, width: int, before: str = "", again: str | None = None
) -> Iterator[Text]:
    """A line on as many as it needs, with something `before` the first, and `again` before the others."""
    from rich.text import Text

    start = before
    for line in text.wrap(console, max(10, width - len(before))):
        line.rstrip()
        yield Text.assemble(start if line else start.rstrip(), line)
        start = before if again is None else again


def _rows(formula: str) -> list[str]:
    r"""The rows of a formula, without the `&` that align them."""
    if only := _ONLY_ROWS.fullmatch(formula):
        formula = only["rows"]
    rows, depth = [""], 0
    for token in _ROW_TOKEN.findall(formula):
        if token.startswith((r"\begin", "{")):
            depth += 1
        elif token.startswith((r"\end", "}")):
            depth -= 1
        if depth == 0 and token.startswith("\\\\"):
            rows.append("")
        elif depth or token != "&":
            rows[-1] += token
    return [row for row in rows if row.strip()]
