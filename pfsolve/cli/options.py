"""Options that several commands have, each with the same environment variable everywhere."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from pfsolve.settings import REWARDS

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


Reward = Annotated[
    str | None, setting("reward", "What judges a step.", metavar="|".join((*REWARDS, "MODEL")))
]
Policy = Annotated[str | None, setting("policy", "A model's name, or a GGUF file.", MACHINE)]
Context = Annotated[int | None, setting("context", "Tokens of problem and solution.", MACHINE)]
Threads = Annotated[int | None, setting("threads", "CPU threads.", MACHINE)]
GpuLayers = Annotated[
    str | None, setting("gpu-layers", "Layers on the GPU: a number, or auto.", MACHINE)
]
Offline = Annotated[bool | None, setting("offline", "Never use the network.", MACHINE)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")]
