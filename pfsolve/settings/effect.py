"""Settings that say nothing to a method, or beside another setting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pfsolve.errors import UsageError, named
from pfsolve.settings.contradictions import GIBBS
from pfsolve.settings.declaration import written
from pfsolve.settings.record import PROBE_FILES, REWARDS, Settings

_FILTERS = ("pf", "entropic", "islands", *GIBBS)
_SCORED = (*_FILTERS, "beam", "dvts", "bon")
# The methods that read a setting, where not all do.
READ_BY: Mapping[str, tuple[str, ...]] = {
    "reward": _SCORED,
    "aggregate": _SCORED,
    "resampling": _FILTERS,
    "weights": _FILTERS,
    "ess_threshold": _FILTERS,
    "softmax_temperature": tuple(method for method in _FILTERS if method != "tempering"),
    "deduplicate": ("pf", "entropic", "islands"),
    "finished": _FILTERS,
    "sweeps": GIBBS,
    "islands": ("islands",),
    "ladder": ("tempering",),
    "beam_width": ("beam", "dvts"),
    "expected_steps": ("entropic",),
}


def refuse_idle(settings: Settings, given: Mapping[str, Any]) -> None:
    """Refuse what is given for this run alone and changes nothing.

    The config file and the variables are for all runs, and so may say more than one method reads.

    Args:
        settings: all of them.
        given: those to look at, by name; None is not given.

    Raises:
        UsageError: one of them has no effect.
    """
    for name, why, hint in _idle(settings):
        value = given.get(name)
        if value is not None and value is not False:
            shown = named(name) if value is True else named(name, written(value))
            raise UsageError(f"{shown} has no effect {why}", f"leave it out, or use {hint}")


def _idle(s: Settings) -> Iterator[tuple[str, str, str]]:
    """Settings without effect: the name of each, beside what, and what would give it one."""
    for name, methods in READ_BY.items():
        if s.method not in methods:
            yield name, f"with {named('method', s.method)}", named("method", methods[0])
    if s.reward == "none":
        yield "aggregate", f"with {named('reward', 'none')}", f"another {named('reward')}"
    reward = s.reward or REWARDS[0]
    if s.aggregate == "model" and (reward in REWARDS or reward.lower().endswith(PROBE_FILES)):
        yield "aggregate", "without a process reward model", f"{named('reward')} with one's name"
    if s.programs == 1.0:
        yield "temperature", f"with {named('programs', 1)}", named("program_temperature")
    if s.programs == 0.0:
        yield "program_temperature", f"with {named('programs', 0)}", named("temperature")
