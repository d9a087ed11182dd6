"""Options that several commands have, each with the same environment variable everywhere."""

from __future__ import annotations

from typing import Any

import typer

MACHINE = "Models and machine"  # their panel in the help


def setting(name: str, help: str, panel: str | None = None, metavar: str | None = None) -> Any:
    """An option for a setting that solving has too."""
    return typer.Option(
        f"--{name}",
        help=help,
        envvar="PFSOLVE_" + name.upper().replace("-", "_"),
        show_default=False,
        rich_help_panel=panel,
        metavar=metavar,
    )
