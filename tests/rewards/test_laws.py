"""Every reward of the table, and those that a model of their own scores for, obeys the laws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from pfsolve.engine.policy import Policy
from pfsolve.engine.runs import TokenRun
from pfsolve.environment import Environment
from pfsolve.events import ignore
from pfsolve.lab.training.recorder import Recorder
from pfsolve.particle import Kind
from pfsolve.rewards.base import FoundReward, Memoryless, Prefix, Reward, Site, WantedReward
from pfsolve.rewards.kinds import KINDS, find_reward, open_reward
from pfsolve.rewards.prm.model import FoundPrm, Prm
from pfsolve.rewards.probe.features import NUMBERS
from pfsolve.rewards.probe.files import own_file
from pfsolve.rewards.probe.head import ProbeHead
from pfsolve.settings import REWARDS
from tests.conftest import SMALL, THREADS
from tests.laws import check_reward
from tests.rewards.conftest import TINY

MakePolicy = Callable[..., Policy]

# Two decodes of the same turn differ with the shape of the batch: see tests/engine/fixtures.py.
TOLERANCES = {"self-evaluation": 0.8}


def opened(found: FoundReward, policy: Policy, models: ExitStack, aggregate: str) -> Reward:
    site = Site(
        cache=policy.cache,
        chat=policy.chat,
        policy_sha256=None,
        sequences=8,
        context=policy.rules.context,
        threads=THREADS,
        gpu_layers=0,
        aggregate=aggregate,
        models=models,
        listen=ignore,
    )
    return open_reward(found, site)


@pytest.fixture
def environment(tmp_path: Path, make_policy: MakePolicy) -> Environment:
    """One in whose directory the small policy has a probe."""
    rng, width = np.random.default_rng(0), make_policy().model.n_embd + NUMBERS
    weights = rng.normal(size=width).astype(np.float32) / 30
    ProbeHead({Kind.TEXT: weights}, {Kind.TEXT: 0.0}).save(own_file(SMALL, tmp_path))
    return Environment(variables={"PFSOLVE_CONFIG_DIR": str(tmp_path)})


@pytest.mark.parametrize(
    ("name", "aggregate"),
    [*((name, "last") for name in KINDS), ("confidence", "prod"), ("probe", "min")],
)
def test_a_reward_of_the_table_obeys_the_laws(
    name: str, aggregate: str, make_policy: MakePolicy, environment: Environment
) -> None:
    found = find_reward(WantedReward(name, SMALL, environment, True, ignore))
    with ExitStack() as models:
        check_reward(
            lambda policy: opened(found, policy, models, aggregate),
            make_policy(temperature=1.0, max_step_tokens=8),
            tolerance=TOLERANCES.get(name, 1e-6),
        )


@pytest.mark.parametrize("aggregate", ["last", "model"])
@pytest.mark.parametrize("kind", TINY)
def test_a_process_reward_model_obeys_the_laws(
    kind: str, aggregate: str, make_policy: MakePolicy, find_tiny: Callable[[str], FoundPrm]
) -> None:
    policy = make_policy(temperature=1.0, max_step_tokens=8)
    with ExitStack() as models:
        prm = opened(find_tiny(kind), policy, models, aggregate)
        assert isinstance(prm, Prm)
        check_reward(lambda policy: prm, policy, cache=prm.cache, tolerance=1e-2)


def test_a_recorder_obeys_the_laws_of_a_reward(make_policy: MakePolicy) -> None:
    check_reward(lambda policy: Recorder(), make_policy(temperature=1.0, max_step_tokens=8))


class Broken(Memoryless):
    """Breaks a law: gives NaN or float32, leaves a sequence, moves a branch, or is deaf to forks."""

    def __init__(self, policy: Policy, how: str) -> None:
        self.policy, self.how = policy, how

    def open(self, problem: str, n: int) -> Broken:
        opened = Broken(self.policy, self.how)
        opened.sums = np.zeros(n)
        return opened

    def score(self, prefixes: Sequence[Prefix]) -> np.ndarray:
        cache, branch = self.policy.cache, prefixes[0].branch
        if self.how == "sequence":
            cache.new()
        if self.how == "branch":
            cache.decode([TokenRun(branch.sequence, [1])])
        if self.how == "forks":
            for prefix in prefixes:
                self.sums[prefix.slot] += len(prefix.particle.steps[-1].tokens)
            return self.sums[[prefix.slot for prefix in prefixes]]
        scores = np.full(len(prefixes), np.nan if self.how == "NaN" else 0.5)
        return scores.astype(np.float32) if self.how == "float32" else scores


@pytest.mark.parametrize("how", ["NaN", "float32", "sequence", "branch", "forks"])
def test_a_reward_that_breaks_a_law_is_caught(how: str, make_policy: MakePolicy) -> None:
    with pytest.raises(AssertionError):
        check_reward(
            lambda policy: Broken(policy, how), make_policy(temperature=1.0, max_step_tokens=8)
        )


def test_settings_name_every_reward_of_the_table() -> None:
    assert tuple(KINDS) == REWARDS
