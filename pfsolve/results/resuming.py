"""What a result of an earlier run counts as in this one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import cast

from pfsolve.errors import PfsolveError
from pfsolve.files import FINGERPRINT
from pfsolve.results.line import BEFORE, Origin, ResultLine, grade, hash_of
from pfsolve.settings import Settings


def is_finished(line: ResultLine) -> bool:
    """Whether the problem need not be searched again: its search came to its own end."""
    error = line.get("error")
    return not line.get("interrupted") and (error is None or error["kind"] == "NoAnswer")


def as_decided(settings: Settings, line: ResultLine) -> Settings | None:
    """Settings with what they leave open as the run of this line decided it; None if they differ from its.

    So no model need be looked at to know that a result is of these settings.
    """
    if any(version.startswith(FINGERPRINT) for version in line["versions"].values()):
        return None  # a file of the user's own may be another one by now
    then = {**BEFORE, **line["settings"]}
    left_open = [name for name, value in settings.to_dict().items() if value is None]
    try:
        decided = replace(settings, **{name: then[name] for name in left_open})
    except PfsolveError:
        return None
    same = hash_of(decided.to_dict(), line["versions"]) == line["settings_hash"]
    return decided if same else None


def adopting(origin: Origin) -> Callable[[ResultLine], ResultLine]:
    """What makes older results, which lack fingerprints of the user's files, results of this origin.

    It returns a result of the same settings with the fingerprints of now, and any other as it is.
    """
    now, hashed = dict(origin.versions), origin.settings_hash
    before = {n: "unknown" if v.startswith(FINGERPRINT) else v for n, v in now.items()}
    hashed_before = hash_of(origin.settings.to_dict(), before)
    prints = {name: value for name, value in now.items() if value.startswith(FINGERPRINT)}

    def adopt(record: ResultLine) -> ResultLine:
        if not prints or record.get("settings_hash") != hashed_before:
            return record
        versions = {**record["versions"], **prints}
        return cast(ResultLine, {**record, "versions": versions, "settings_hash": hashed})

    return adopt


def regraded(record: ResultLine, expected: str | None) -> ResultLine | None:
    """A result whose file gives this right answer now; None where the problem must be solved again.

    A comparison's line says which particles were right, and does not keep the answer of each.
    """
    from pfsolve.answers import equivalent

    before = record.get("expected")
    if "correct" not in record or before == expected:
        return record
    if "pool" in record and not (before and expected and equivalent(before, expected)):
        return None
    return cast(ResultLine, {**record, **grade(expected, record["answer"])})
