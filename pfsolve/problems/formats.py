"""Files that hold something else than text with problems, told by their first bytes or their names."""

from __future__ import annotations

import re

from pfsolve.errors import UsageError

_AS_TABLE = "save it as CSV, or as JSON Lines: pandas' to_json(..., orient='records', lines=True)"
_AS_TEXT = "save the problems as text, one a line, as CSV or as JSON Lines"
_UNPACK = "unpack it, and give the file in it"

_BINARY = (
    (rb"PAR1", "a Parquet file", _AS_TABLE),
    (rb"ARROW1|FEA1|\xff{4}(?s:.{4})\x10\0", "an Arrow file", _AS_TABLE),
    (rb"PK\x03\x04(?s:.{0,4000})(?:xl/|word/)", "an Office file (xlsx, docx)", _AS_TABLE),
    (rb"PK(?:\x03\x04|\x05\x06)", "a zip archive, or an Office file such as xlsx", _UNPACK),
    (rb"\xd0\xcf\x11\xe0", "an old Office file (xls, doc)", _AS_TABLE),
    (rb"%PDF-", "a PDF", _AS_TEXT),
    (rb"version https://git-lfs", "a Git LFS pointer in the file's place", "git lfs pull"),
    (rb"BZh[1-9]", "packed with bzip2", "unpack it: bunzip2"),
    (rb"\xfd7zXZ\0", "packed with xz", "unpack it: unxz"),
    (rb"\x28\xb5\x2f\xfd", "packed with zstd", "unpack it: unzstd"),
    (rb"7z\xbc\xaf|Rar!|(?s:.{257})ustar", "an archive (7z, rar, tar)", _UNPACK),
    (rb"SQLite format 3", "an SQLite database", _AS_TABLE),
    (
        rb"\x89HDF|\x93NUMPY|\x80[\x02-\x05][\x95cX}\]]",
        "Python data (HDF5, NumPy, pickle)",
        _AS_TABLE,
    ),
    (rb"\x89PNG|\xff\xd8\xff|GIF8|RIFF(?s:.{4})WEBP", "an image", _AS_TEXT),
    (rb"GGUF", "a model in GGUF", "give it as --policy"),
)
_TEXTUAL = (
    (rb"\s*<(?:!doctype html|html|head|body)\b", "an HTML page", "fetch the file itself"),
    (rb"\s*<\?xml", "XML", _AS_TEXT),
    (rb"\s*\{\\rtf", "RTF", _AS_TEXT),
    (rb"\s*\\documentclass", "a LaTeX document", _AS_TEXT),
)
_ENDINGS = {
    ".yaml": "YAML", ".yml": "YAML", ".toml": "TOML", ".xml": "XML", ".html": "HTML", ".ipynb": "a notebook",
    ".parquet": "Parquet", ".xlsx": "Excel", ".pdf": "PDF",
}  # fmt: skip


def refuse_other_formats(data: bytes, name: str, extension: str, *, told: bool) -> None:
    """Pass a file that may hold problems.

    Args:
        data: its bytes, unpacked.
        name: its path, for the message.
        extension: of that, such as ".csv".
        told: whether the user says how to read it; then what is text is read so.

    Raises:
        UsageError: it is of another format.
    """
    for pattern, what, hint in _BINARY if told else (*_BINARY, *_TEXTUAL):
        if re.match(pattern, data, re.IGNORECASE if (pattern, what, hint) in _TEXTUAL else 0):
            raise UsageError(f"{name} is {what}: no file of problems that can be read", hint)
    if not told and extension in _ENDINGS and data.strip():
        raise UsageError(
            f"{name} is {_ENDINGS[extension]} by its name, which is not read", _AS_TEXT
        )
