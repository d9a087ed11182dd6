"""From the bytes of a file to its lines: gzip, byte order marks and ends of lines."""

from __future__ import annotations

import codecs
import re
import shlex
import zlib
from dataclasses import dataclass
from pathlib import PurePath

from pfsolve.errors import UsageError
from pfsolve.problems.formats import refuse_other_formats
from pfsolve.problems.problem import BadRow

GZIP = b"\x1f\x8b"

STANDARD_INPUT = "standard input"  # instead of a path

_CHUNK = 1 << 14
_MOST = 1 << 30  # bytes of a packed file's contents; a few megabytes of zeros may unpack to more
_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_UTF8_LETTER = re.compile(
    rb"[\xc3-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|\xf0[\x90-\xbf][\x80-\xbf]{2}"
)
# Where letters beyond ASCII are few and apart, as in Western languages, Windows-1252 is a good guess.
_RUN = re.compile(rb"[\x80-\xff]{3}")
_DAMAGED = 3  # one line of so many may not be UTF-8 in a file that is


@dataclass(frozen=True, slots=True)
class TextLines:
    """Lines of a file.

    lines: without their ends.
    torn: whether the file broke off within the line after them.
    encoding: what it was in before.
    """

    lines: list[bytes]
    torn: bool
    encoding: str

    def torn_row(self, line: int | None = None) -> BadRow:
        """The row that was lost; it begins at `line`, or after the last line."""
        line = len(self.lines) + 1 if line is None else line
        return BadRow(str(line), line, "the gzip data breaks off here or is damaged from here on")


def read_lines(data: bytes, name: str, *, told: bool = True) -> TextLines:
    """The lines of a file in UTF-8, unpacked if need be; some other encodings are read too.

    A line feed, or the file's end, ends a line; a carriage return does where there is no line feed.

    Args:
        told: whether the user says how to read it; then an HTML page, say, is text.

    Raises:
        UsageError: it is of another format, or of an encoding that cannot be told.
    """
    packed = data.startswith(GZIP)
    text, torn = _unpack(data, name) if packed else (data, False)
    refuse_other_formats(text.removeprefix(codecs.BOM_UTF8), name, extension_of(name), told=told)
    text, encoding = _as_utf8(text, name, packed=packed, torn=torn)
    if b"\n" not in text:
        text = text.replace(b"\r", b"\n")
    lines = text.removeprefix(codecs.BOM_UTF8).split(b"\n")
    end = lines.pop()  # what follows the last line feed
    if end and not torn:
        lines.append(end)
    return TextLines([line.rstrip(b"\r") for line in lines], torn, encoding)


def extension_of(name: str) -> str:
    """The ending of a file's name in lower case, that of a packed file without its .gz."""
    return PurePath(re.sub(r"\.gz$", "", name, flags=re.IGNORECASE)).suffix.lower()


def _as_utf8(text: bytes, name: str, *, packed: bool, torn: bool) -> tuple[bytes, str]:
    """The text in UTF-8, and the encoding it had. Damaged UTF-8 is left as it is."""
    encoding = _encoding(text, torn=torn)
    if encoding == "UTF-8":
        return text, encoding
    if encoding == "binary":
        raise UsageError(f"{name} is no text", "give text with a problem a line, CSV or JSON Lines")
    try:
        decoder = codecs.getincrementaldecoder(encoding)()
        return decoder.decode(text, final=not torn).encode(), encoding
    except (UnicodeError, LookupError):
        command = _piped("iconv -f ENCODING -t UTF-8", name, packed=packed)
        raise UsageError(
            f"{name} is not UTF-8, and its encoding is not known",
            f"convert it, ENCODING being its own: {command} > converted{extension_of(name) or '.txt'}",
        ) from None


def _encoding(text: bytes, *, torn: bool) -> str:
    """The encoding of a text, as far as it can be told: a codec's name, "binary" or "unknown"."""
    for mark, codec in _MARKS:
        if text.startswith(mark):
            return codec
    for first, codec in enumerate(("UTF-16-BE", "UTF-16-LE")):  # ASCII without a mark
        if len(text) >= 4 and not any(text[first:64:2]) and all(text[1 - first : 64 : 2]):
            return codec
    try:
        codecs.getincrementaldecoder("UTF-8")().decode(text, final=not torn)
        return "UTF-8"
    except UnicodeDecodeError:
        if not (b"\0" in text or _UTF8_LETTER.search(text) or _RUN.search(text)):
            return "Windows-1252"
    lines = text.split(b"\n")
    if _DAMAGED * sum(not _is_utf8(line) for line in lines) < len(lines):
        return "UTF-8"  # with a damaged row or two, which cost no other
    return "binary" if b"\0" in text else "unknown"


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _piped(command: str, name: str, *, packed: bool) -> str:
    """The shell command that runs `command` on the contents of a file."""
    file = "FILE" if name == STANDARD_INPUT else shlex.quote(name)
    return f"gunzip -c < {file} | {command}" if packed else f"{command} {file}"


def _unpack(data: bytes, name: str) -> tuple[bytes, bool]:
    """Contents of gzip members, one after the other, and whether some are lost."""
    view = memoryview(data)
    parts: list[bytes] = []
    position = size = 0
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
            size += len(parts[-1])
            if size > _MOST:
                raise UsageError(f"{name} unpacks to more than 1 GB", "give it in parts")
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
