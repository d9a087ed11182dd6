"""From the bytes of a file to its lines: gzip, byte order marks and ends of lines."""

from __future__ import annotations

import codecs
import shlex
import zlib
from dataclasses import dataclass

from pfsolve.errors import UsageError
from pfsolve.problems.problem import BadRow

GZIP = b"\x1f\x8b"

STANDARD_INPUT = "standard input"  # instead of a path

_CHUNK = 1 << 14
_UTF16_AND_32 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)


@dataclass(frozen=True, slots=True)
class TextLines:
    """Lines of a file.

    lines: without their ends.
    torn: whether the file broke off within the line after them.
    packed: whether it was packed with gzip.
    """

    lines: list[bytes]
    torn: bool
    packed: bool

    def torn_row(self, line: int | None = None) -> BadRow:
        """The row that was lost; it begins at `line`, or after the last line."""
        line = len(self.lines) + 1 if line is None else line
        return BadRow(str(line), line, "the gzip data breaks off here or is damaged from here on")


def read_lines(data: bytes, name: str) -> TextLines:
    """The lines of a file, unpacked if need be. A line feed, or the file's end, ends a line.

    Raises:
        UsageError: it is UTF-16 or UTF-32.
    """
    packed = data.startswith(GZIP)
    text, torn = _unpack(data) if packed else (data, False)
    if text.startswith(_UTF16_AND_32):
        wide = text.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE))
        encoding = "UTF-32" if wide else "UTF-16"
        command = piped(f"iconv -f {encoding} -t UTF-8", name, packed=packed)
        raise UsageError(
            f"{name} is {encoding}, and problems are read as UTF-8",
            f"convert it: {command} > problems.txt",
        )
    lines = text.removeprefix(codecs.BOM_UTF8).split(b"\n")
    end = lines.pop()  # what follows the last line feed
    if end and not torn:
        lines.append(end)
    return TextLines([line.rstrip(b"\r") for line in lines], torn, packed)


def piped(command: str, name: str, *, packed: bool) -> str:
    """The shell command that runs `command` on the contents of a file."""
    file = "FILE" if name == STANDARD_INPUT else shlex.quote(name)
    return f"gunzip -c < {file} | {command}" if packed else f"{command} {file}"


def _unpack(data: bytes) -> tuple[bytes, bool]:
    """Contents of gzip members, one after the other, and whether some are lost."""
    view = memoryview(data)
    parts: list[bytes] = []
    position = 0
    while position < len(data):
        if data[position] == 0:  # padding, as on tapes
            return b"".join(parts), data.count(0, position) < len(data) - position
        member = zlib.decompressobj(wbits=31)
        while not member.eof:
            chunk = view[position : position + _CHUNK]
            if not chunk:
                return b"".join(parts), True
            before = member.copy()
            try:
                parts.append(member.decompress(chunk))
            except zlib.error:
                parts.extend(_salvaged(before, chunk))
                return b"".join(parts), True
            position += len(chunk) - len(member.unused_data)
    return b"".join(parts), False


def _salvaged(member: zlib._Decompress, chunk: memoryview) -> list[bytes]:
    """What unpacks of a chunk up to the damage in it."""
    parts: list[bytes] = []
    for position in range(len(chunk)):
        try:
            parts.append(member.decompress(chunk[position : position + 1]))
        except zlib.error:
            break
    return parts
