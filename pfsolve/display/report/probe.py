"""What a probe was made from and how good it is, as tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pfsolve.display.columns import Table
from pfsolve.wording import plural

_BASELINES = {
    "log_prob": "log-p",
    "mean_log_prob": "mean-log-p",
    "entropy": "entropy",
    "length": "length",
}


def probe_tables(about: Mapping[str, Any], path: Path) -> Iterator[Table]:
    """What a probe's head was made from, and how well heads like it rank solutions of unseen problems."""
    yield Table(("probe", str(path)), list(_made(about)))
    rows = [row for kind, of in about.get("measured", {}).items() for row in _ranked(kind, of)]
    if rows:
        header = ("AUC in a problem", "n", "probe", "95 %", *_BASELINES.values())
        yield Table(header, rows, spare=("length", "entropy"))


def _made(about: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in ("policy", "policy_sha256"):
        if about.get(name):
            yield name, str(about[name])
    for file in about.get("files") or ():
        yield "from", f"{file['file']}, {plural(file['rows'], 'row')}, sha256 {file['sha256']}"
    for name, value in (about.get("settings") or {}).items():
        yield name, f"{value:g}" if isinstance(value, float) else str(value)
    for kind, of in about.get("measured", {}).items():
        states = ", ".join("final" if depth == 1 else f"{depth:.2f}" for depth in of["depths"])
        yield (
            f"{kind}s",
            f"{of['solutions']} of {plural(of['problems'], 'problem')} with right and wrong ones; states "
            f"{states}; {plural(of['components'], 'component')}, ridge {of['ridge']:g}",
        )


def _ranked(kind: str, of: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for each in of["steps"]:
        span = each["interval"]
        yield (
            f"{kind}s, " + ("end" if each["step"] is None else f"step {each['step']}"),
            str(each["problems"]),
            f"{each['auc']:.2f}",
            "" if span is None else f"{span[0]:.2f} to {span[1]:.2f}",
            *(f"{each['baselines'][name]:.2f}" for name in _BASELINES),
        )
