"""Settings: declared once (`declaration`), checked in one record (`record`), merged from `layers`."""

from pfsolve.settings.contradictions import MAX_PARTICLES, need_of_scores
from pfsolve.settings.declaration import Setting
from pfsolve.settings.effect import refuse_idle
from pfsolve.settings.layers import as_said, merge, mistyped, parsed, read_config, read_variables
from pfsolve.settings.presets import PRESETS
from pfsolve.settings.record import (
    AGGREGATIONS,
    DEFAULT_REWARDS,
    FILES,
    FINAL,
    FINISHED,
    MACHINE,
    METHOD,
    METHODS,
    MODELS,
    OUTPUT,
    PROBE_FILES,
    RESAMPLING,
    REWARDS,
    SAMPLING,
    SETTINGS,
    WEIGHTS,
    Settings,
)

__all__ = [
    "AGGREGATIONS",
    "DEFAULT_REWARDS",
    "FILES",
    "FINAL",
    "FINISHED",
    "MACHINE",
    "MAX_PARTICLES",
    "METHOD",
    "METHODS",
    "MODELS",
    "OUTPUT",
    "PRESETS",
    "PROBE_FILES",
    "RESAMPLING",
    "REWARDS",
    "SAMPLING",
    "SETTINGS",
    "WEIGHTS",
    "Setting",
    "Settings",
    "as_said",
    "merge",
    "mistyped",
    "need_of_scores",
    "parsed",
    "read_config",
    "read_variables",
    "refuse_idle",
]
