"""How a process reward model reads, as TOML says it: [models.prm] of models.toml, or a file of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from pfsolve.errors import ModelMissing, UsageError
from pfsolve.models.entry import PrmSpec, spec_file
from pfsolve.models.table import TomlTable, read_toml

PLACEHOLDERS = ("{problem}", "{step}")

# Braces behind a letter are LaTeX's, as in \boxed{}.
_UNKNOWN = re.compile(r"(?<!\w)\{(?!problem\}|step\})\w+\}")


def prm_spec(fields: Mapping[str, object], where: str) -> PrmSpec:
    """The spec that these keys of a TOML table stand for; `where` names the table in messages.

    Raises:
        UsageError: something is missing, unknown, or contradicts something else.
    """
    table = TomlTable(fields, where)
    spec = PrmSpec(
        opening=table.strings("opening"),
        following=table.strings("following"),
        marker=_marker(table, fields.get("marker")),
        positive=table.token("positive"),
        negative=table.token("negative"),
        head=table.strings("head"),
        lines=table.get("lines", bool, "true or false") or False,
    )
    table.finish()
    _check_pieces(where, "opening", spec.opening, problems=1)
    _check_pieces(where, "following", spec.following, problems=0)
    _check_score(where, spec)
    if spec.lines and type(spec.marker) is not int:
        raise UsageError(f"{where}: `lines` needs a `marker` that is a token id")
    if spec.lines and not spec.opening[-1] == spec.following[-1] == "{step}":
        raise UsageError(f"{where}: with `lines`, '{{step}}' must stand alone and last")
    return spec


def read_spec(gguf: Path) -> PrmSpec:
    """The spec beside a GGUF file of the user's own.

    Raises:
        ModelMissing: there is none.
        UsageError: it is not valid.
    """
    file = spec_file(gguf)
    if not file.is_file():
        raise ModelMissing(
            f"{gguf} is no reward: nothing says how it reads, there is no {file.name} beside it",
            "`pfsolve models convert` writes one; it has the keys of a [models.prm] table",
        )
    return prm_spec(read_toml(file), str(file))


def _marker(table: TomlTable, value: object) -> int | str | None:
    if isinstance(value, str):
        return table.get("marker", str, "a token id, or a text that is not empty", bool)
    wanted = "a token id, or a text that is not empty"
    return table.get("marker", int, wanted, lambda number: number >= 0)


def _check_pieces(where: str, key: str, pieces: tuple[str, ...], problems: int) -> None:
    text = "\0".join(pieces)
    for placeholder, wanted in zip(PLACEHOLDERS, (problems, 1), strict=True):
        if (count := text.count(placeholder)) != wanted:
            raise UsageError(f"{where}: `{key}` has {placeholder} {count} times, not {wanted}")
    if unknown := _UNKNOWN.search(text):
        raise UsageError(
            f"{where}: `{key}` has {unknown[0]}, and only {' and '.join(PLACEHOLDERS)} are known"
        )


def _check_score(where: str, spec: PrmSpec) -> None:
    if (spec.positive is None) != (spec.negative is None):
        raise UsageError(f"{where}: `positive` and `negative` come together or not at all")
    if (spec.positive is None) == (not spec.head):
        raise UsageError(f"{where}: there must be either `positive` and `negative`, or a `head`")
    if spec.positive is not None and spec.positive == spec.negative:
        raise UsageError(f"{where}: `positive` and `negative` are both {spec.positive}")
