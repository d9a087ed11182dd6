"""The log-odds of a prefix."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pfsolve.engine.policy import Policy
    from pfsolve.rewards.base import Reward


def make_reward(name: str, policy: Policy, loaded: Reward | None, aggregate: str) -> Reward:
    """The reward that `--reward name` stands for.

    Args:
        name: one of `pfsolve.settings.REWARDS`, unless it is a `loaded` one.
        loaded: the process reward model or probe that is meant, read from its files.
        aggregate: one of `pfsolve.settings.AGGREGATIONS`. "model" is a process reward model's own
            affair; the other rewards look at the whole prefix anyway.
    """
    from pfsolve.rewards.aggregation import Aggregated
    from pfsolve.rewards.confidence import Confidence
    from pfsolve.rewards.self_evaluation import SelfEvaluation
    from pfsolve.rewards.uniform import Uniform

    reward: Reward
    if loaded is not None:
        reward = loaded
    elif name == "none":
        reward = Uniform()
    elif name == "confidence":
        reward = Confidence()
    else:
        reward = SelfEvaluation(policy)
    return Aggregated(reward, aggregate) if aggregate in ("prod", "min") else reward
