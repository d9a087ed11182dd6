"""What `--reward NAME` stands for: one table from names to kinds of rewards.

A new reward is a module of its own, a line here, and its name in `pfsolve.settings.REWARDS`.
"""

from __future__ import annotations

from collections.abc import Mapping

from pfsolve.environment import Environment, own_path
from pfsolve.errors import UsageError, named
from pfsolve.models.catalogue import UnknownModel
from pfsolve.models.resolve import look_up_prm
from pfsolve.rewards.aggregation import Aggregated
from pfsolve.rewards.base import (
    FoundReward,
    NoFiles,
    Reward,
    RewardKind,
    Site,
    Uniform,
    WantedReward,
)
from pfsolve.rewards.confidence import Confidence
from pfsolve.rewards.prm.model import find_prm
from pfsolve.rewards.probe.files import head_of, names_probe
from pfsolve.rewards.probe.head import read_head
from pfsolve.rewards.probe.reward import find_probe
from pfsolve.rewards.self_evaluation import SelfEvaluation
from pfsolve.settings import DEFAULT_REWARDS, Settings, need_of_scores

# Any other name is the file of a probe's head, or a process reward model.
KINDS: Mapping[str, RewardKind] = {
    "probe": find_probe,
    "self-evaluation": lambda wanted: NoFiles(lambda site: SelfEvaluation(site.cache, site.chat)),
    "confidence": lambda wanted: NoFiles(lambda site: Confidence()),
    "none": lambda wanted: NoFiles(lambda site: Uniform()),
}


def choose_reward(settings: Settings, policy: str, environment: Environment) -> str:
    """The reward of these settings; where they leave it open, the policy's probe, or none without one.

    Raises:
        UsageError: they go by scores, and the policy has no probe.
    """
    if settings.reward is not None:
        return settings.reward
    probe, without = DEFAULT_REWARDS
    if head_of(policy, environment.config_dir):
        return probe
    if needed := need_of_scores(settings):
        what, hint = needed
        raise UsageError(f"{what} goes by scores, and {policy} has no probe to give them", hint)
    return without


def find_reward(wanted: WantedReward) -> FoundReward:
    """Find what a reward needs, and fetch what is missing.

    Raises:
        UsageError: there is no reward of this name.
        ModelMissing, ResourceError, Interrupted: as in `pfsolve.models.download.pull`.
        ModelFileError: a file of it cannot be used.
    """
    check_reward(wanted.name, wanted.environment)
    kind = KINDS.get(wanted.name, find_probe if names_probe(wanted.name) else find_prm)
    return kind(wanted)


def check_reward(reward: str, environment: Environment) -> None:
    """Refuse a reward that there is not; nothing is fetched.

    Raises:
        UsageError: there is no reward of this name.
        ModelMissing, ModelFileError: a file that it names is not there, or no head.
    """
    if reward in KINDS:
        return
    if names_probe(reward):
        read_head(own_path(reward))
        return
    try:
        look_up_prm(reward, environment)
    except UnknownModel as error:
        raise UsageError(
            f"{named('reward')} is {reward!r}, which is unknown",
            f"choose one of {', '.join(KINDS)}, or a model; {error.hint}",
        ) from None


def open_reward(found: FoundReward, site: Site) -> Reward:
    """Open a reward, with the scores of its steps aggregated as the site wants it."""
    reward = found.open(site)
    return Aggregated(reward, site.aggregate) if site.aggregate in ("prod", "min") else reward
