"""The log-weight of a prefix."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pfsolve.engine.policy import Policy
    from pfsolve.rewards.base import Reward


def make_reward(name: str, policy: Policy) -> Reward:
    """The reward that `--reward name` stands for; names are `pfsolve.settings.REWARDS`."""
    from pfsolve.rewards.self_evaluation import SelfEvaluation
    from pfsolve.rewards.uniform import Uniform

    if name == "none":
        return Uniform()
    return SelfEvaluation(policy)
