"""What models in memory were loaded for, and so which other settings they serve as they are."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, replace

from pfsolve.rewards.base import Reward
from pfsolve.settings import Settings
from pfsolve.solver.finding import Found, programs_wanted
from pfsolve.solver.lots import programs_of
from pfsolve.solver.planning import SolvePlan

# Settings that only searches read, or how steps are written: no model, cache or reward depends on them.
FREE = frozenset(
    (
        *("method", "programs", "resampling", "weights", "ess_threshold", "softmax_temperature"),
        *("deduplicate", "finished", "final", "early_stop", "time", "max_steps", "max_step_tokens"),
        *("sweeps", "islands", "ladder", "beam_width", "expected_steps", "temperature"),
        *("program_temperature", "top_p", "top_k", "min_p", "thinking_tokens", "seed"),
        *("offline", "history"),
    )
)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was found, how it was planned, and what was asked for then."""

    found: Found
    plan: SolvePlan
    settings: Settings  # as they were asked for
    runs_programs: bool  # whether a sandbox is open

    def reloads(self, settings: Settings) -> list[str]:
        """Names of the settings for which models would have to be loaded again, if these were used."""
        names = [
            field.name
            for field in dataclasses.fields(Settings)
            if field.name not in {*FREE, "particles"}
            and getattr(settings, field.name) != getattr(self.settings, field.name)
        ]
        if settings.reward == "none" and "reward" in names:  # which needs no model
            names.remove("reward")
        if settings.particles * self.plan.parallel > self.plan.sequences:
            names.append("particles")
        if programs_of(replace(settings, programs=self._share(settings))) and not self._has_asked:
            names.append("programs")
        return names

    def plan_of(self, settings: Settings) -> SolvePlan:
        """The plan, with steps written as settings say."""
        return self.plan.using(settings, self.found.policy.entry)

    def resolve(self, settings: Settings, reward: Reward) -> Settings:
        """Settings with everything decided that they leave open."""
        share = self._share(settings) if self.runs_programs or not self._has_asked else 0.0
        return self.plan_of(settings).resolve(settings, self.found.policy.name, reward, share)

    @property
    def _has_asked(self) -> bool:
        """Whether a sandbox was asked for, though there may be none on this machine."""
        return self.found.sandbox is not None

    def _share(self, settings: Settings) -> float:
        return programs_wanted(settings, self.found.policy.entry)
