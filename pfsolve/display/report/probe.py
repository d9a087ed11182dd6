"""What a probe was made from and how good it is, as tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pfsolve.display.columns import Table
from pfsolve.wording import plural


def probe_tables(about: Mapping[str, Any], path: Path) -> Iterator[Table]:
    """What a probe's head was made from, and how good heads like it are on problems they have not seen."""
    yield Table(("probe", str(path)), list(_made(about)))
    rows = list(_measured(about.get("measured") or {}))
    if rows:
        yield Table(("on unseen problems", "measure", "value", "95 %", "length"), rows)


def _made(about: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in ("policy", "policy_sha256", "command", "pfsolve"):
        if about.get(name):
            yield name, str(about[name])
    for file in about.get("files") or ():
        yield "from", f"{file['file']}, {plural(file['rows'], 'row')}, sha256 {file['sha256']}"


def _measured(measured: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for file, of in (measured.get("steps") or {}).items():
        for name in ("step_auc", "f1", "accuracy_wrong", "accuracy_right"):
            if of.get(name) is not None:
                span = of["intervals"].get(name)
                by_length = of.get(f"{name}_by_length")
                yield (
                    file,
                    name,
                    f"{of[name]:.3f}",
                    "" if span is None else f"{span[0]:.3f} to {span[1]:.3f}",
                    "" if by_length is None else f"{by_length:.3f}",
                )
    for name in ("outcome_auc", "outcome_auc_within"):
        if measured.get(name) is not None:
            yield "rollouts", name, f"{measured[name]:.3f}", "", ""
