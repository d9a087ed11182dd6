"""The command line that repeats a run."""

from __future__ import annotations

import shlex

from pfsolve.errors import PfsolveError, as_option
from pfsolve.results.line import ResultLine
from pfsolve.settings import MACHINE, SETTINGS, Settings, merge, refuse_idle

_NAMED_ALWAYS = ("policy", "reward", "particles")


def command_line(record: ResultLine) -> str:
    """`pfsolve solve` with the problem, its own seed, and all settings that are not what they would be."""
    known = {k: v for k, v in (record.get("settings") or {}).items() if k in SETTINGS}
    options: list[str] = []
    try:
        settings = Settings(**known)
        usual = merge({"method": settings.method}).to_dict()
    except (PfsolveError, TypeError):  # of another version
        return shlex.join(["pfsolve", "solve", "--", record["problem"] or ""])
    for name, value in (settings.to_dict() | {"seed": record.get("seed")}).items():
        if value is None or name in MACHINE:
            continue
        if value == usual[name] and name not in _NAMED_ALWAYS:
            continue
        try:
            refuse_idle(settings, {name: value})
        except PfsolveError:
            continue
        if isinstance(value, bool):
            options.append(as_option(name if value else f"no_{name}"))
        elif isinstance(value, list | tuple):
            options += [as_option(name), ",".join(map(str, value))]
        else:
            options += [as_option(name), str(value)]
    return shlex.join(["pfsolve", "solve", *options, "--", record["problem"] or ""])
