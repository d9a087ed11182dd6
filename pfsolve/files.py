"""Files that are replaced whole or not at all, digests, and values that strict JSON can hold."""

from __future__ import annotations

import codecs
import errno
import hashlib
import json
import math
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

FINGERPRINT = "fingerprint:"  # begins one
# C1 controls, zero-width characters, those that turn the direction of writing, line separators, tags.
_HIDDEN = re.compile(
    "[\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_PIECES, _PIECE = 64, 1 << 14  # of it: their number, and their size in bytes


@contextmanager
def replacing(path: Path, mode: int | None = None) -> Iterator[BinaryIO]:
    """A file to write, which takes the place of `path` when all has gone well.

    Until then, and after an exception, `path` is as it was; a power cut leaves the old file or the
    new one. A symbolic link is replaced, not followed.

    Args:
        mode: permissions; by default those of `path`, or of any new file.

    Raises:
        OSError: the folder cannot be written, or the disk is full; it names `path`.
    """
    prefix, part = f".{path.name}.", None
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=prefix, suffix=".part")
        part = Path(name)
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if mode is None:
            mode = path.stat().st_mode if path.exists() else 0o666 & ~_umask()
        part.chmod(mode)
        part.replace(path)
    except BaseException as error:
        if part is not None:
            part.unlink(missing_ok=True)
        if isinstance(error, OSError) and Path(error.filename or prefix).name.startswith(prefix):
            error.filename = str(path)
        raise


def check_writable(path: Path) -> None:
    """See that a file can be written, before hours of work; it stays as it is.

    Raises:
        OSError: it cannot.
    """
    new = not path.exists()
    with path.open("ab"):
        pass
    if new:
        path.resolve().unlink()  # a link to it stays


def read_text(path: Path) -> str:
    """The text of a file in UTF-8, with a byte order mark or without, or in UTF-16 with one.

    Raises:
        OSError: it cannot be read.
        UnicodeDecodeError: it is in another encoding.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        raise OSError(errno.EINVAL, "it is a pipe or a device", str(path))  # which may never end
    data = path.read_bytes()
    marked = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return data.decode("utf-16" if marked else "utf-8-sig")


def write_text(path: Path, text: str, mode: int | None = None) -> None:
    """Write a text as UTF-8 in the place of `path`, as `replacing` does."""
    with replacing(path, mode) as file:
        file.write(text.encode())


def flush(path: Path) -> None:
    """Write what the system still holds of a file to the disk: a power cut then loses none of it."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sha256_of(path: Path) -> str:
    """The sha256 of a file in hexadecimal digits, read as a stream."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprint(path: Path) -> str:
    """A text that tells the file from others without reading all of it, which takes seconds.

    It is made of the size and of 64 pieces from the first byte to the last, since two models that
    were tuned from one may differ in neither their first tensor nor their last.
    """
    size = path.stat().st_size
    hashed = hashlib.blake2b(str(size).encode(), digest_size=16)
    with path.open("rb", buffering=0) as file:
        for number in range(_PIECES):
            file.seek(max(0, size - _PIECE) * number // (_PIECES - 1))
            hashed.update(file.read(_PIECE))
    return FINGERPRINT + hashed.hexdigest()


def digest(value: object, size: int = 8) -> str:
    """A fingerprint of plain JSON values: 2 * size hexadecimal digits, the same on every machine."""
    text = json.dumps(value, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=size).hexdigest()


def number_of(text: str, purpose: bytes) -> int:
    """A number from 0 to 2^64 - 1 that depends on the text and the purpose alone."""
    data = text.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8, person=purpose).digest(), "big")


def json_safe(value: Any) -> Any:
    """The same value with null in the place of what JSON lacks: NaN and the infinities.

    Tuples become lists.
    """
    if isinstance(value, dict):
        return {key: json_safe(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_safe(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def dumps(value: object) -> str:
    """One line of strict JSON; in its strings, what a terminal would obey or hide is escaped.

    Raises:
        ValueError: a number is infinite or NaN; see `json_safe`.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return _HIDDEN.sub(lambda found: json.dumps(found[0])[1:-1], text)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@contextmanager
def locked(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold a lock file, for as long as the block runs.

    Args:
        waiting: called where another process holds it, before it is waited for; may raise instead.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        waiting()
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
